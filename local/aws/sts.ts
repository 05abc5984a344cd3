import type { webcrypto } from 'node:crypto';
import { decodeJwt, errors, jwtVerify } from 'jose';
import { z } from 'zod';
import { AwsError } from './aws-error.ts';
import { isAllowed, type PrincipalRegistry } from './iam.ts';
import {
  type JsonObject,
  type OperationCall,
  operation,
  type Place,
  type PolicyDocument,
} from './operation.ts';

/** A role that others may take, as far as its trust policy lets them. */
export interface AssumableRole {
  readonly arn: string;
  readonly trust: PolicyDocument;
  readonly policies: readonly PolicyDocument[];
  readonly maxSessionSeconds: number;
}

/** An OIDC provider of the account. AWS would fetch the key from the issuer. */
export interface OidcProvider {
  /** Without `https://`: `gitlab.com`. */
  readonly name: string;
  readonly clientIds: readonly string[];
  readonly publicKey: webcrypto.CryptoKey;
}

const ASSUMED = {
  RoleArn: z.string().min(20).max(2048),
  RoleSessionName: z.string().regex(/^[\w+=,.@-]{2,64}$/),
  DurationSeconds: z.coerce.number().int().min(900).max(43_200).default(3_600),
};

type Assumed = z.output<z.ZodObject<typeof ASSUMED>>;

/** The longest session where a role took the role. */
const CHAINED_SECONDS = 3_600;

/** Serves GetCallerIdentity, AssumeRole and AssumeRoleWithWebIdentity, with each trust policy evaluated. */
export function createSts(place: Place, iam: PrincipalRegistry) {
  const roles = new Map<string, AssumableRole>();
  const providers = new Map<string, OidcProvider>();
  return {
    registerRole: (role: AssumableRole) => void roles.set(role.arn, role),
    registerOidcProvider: (provider: OidcProvider) => void providers.set(provider.name, provider),
    operations: {
      GetCallerIdentity: operation({}, callerIdentity),
      AssumeRole: operation(ASSUMED, assumeRole),
      AssumeRoleWithWebIdentity: operation(
        { ...ASSUMED, WebIdentityToken: z.string().min(4).max(20_000) },
        assumeRoleWithWebIdentity,
      ),
    },
  };

  /** Needs no permission. */
  function callerIdentity(_: unknown, { principal: { arn } }: OperationCall): JsonObject {
    return { Arn: arn, UserId: `AROAEXAMPLE:${arn.split('/').at(-1)}`, Account: place.accountId };
  }

  function assumeRole(input: Assumed, call: OperationCall): JsonObject {
    const { arn, policies } = call.principal;
    const role = roles.get(input.RoleArn);
    const action = 'sts:AssumeRole';
    const request = { action, resource: input.RoleArn, principalArn: arn };
    if (role === undefined || !isAllowed(policies, { ...request, resourcePolicy: role.trust })) {
      throw accessDenied(
        `User: ${arn} is not authorized to perform: ${action} on resource: ${input.RoleArn}`,
      );
    }
    if (arn.includes(':assumed-role/') && input.DurationSeconds > CHAINED_SECONDS) {
      throw new AwsError(
        'ValidationError',
        'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
      );
    }
    return session(role, input, call.now);
  }

  async function assumeRoleWithWebIdentity(
    input: Assumed & { readonly WebIdentityToken: string },
    { now }: OperationCall,
  ): Promise<JsonObject> {
    const token = input.WebIdentityToken;
    const iss = issuerOf(token);
    const name = iss.replace('https://', '');
    const provider = providers.get(name);
    if (provider === undefined) {
      throw new AwsError(
        'InvalidIdentityToken',
        `No OpenIDConnect provider found in your account for ${iss}`,
      );
    }
    const { aud, sub } = await verify(token, provider, now);
    const role = roles.get(input.RoleArn);
    const action = 'sts:AssumeRoleWithWebIdentity';
    const request = {
      action,
      resource: input.RoleArn,
      principalArn: `arn:aws:iam::${place.accountId}:oidc-provider/${name}`,
      context: { [`${name}:aud`]: String(aud), [`${name}:sub`]: String(sub) },
    };
    if (role === undefined || !isAllowed([], { ...request, resourcePolicy: role.trust }))
      throw accessDenied(`Not authorized to perform ${action}`);
    return session(role, input, now);
  }

  function session(role: AssumableRole, input: Assumed, now: Date): JsonObject {
    const seconds = input.DurationSeconds;
    if (seconds > role.maxSessionSeconds) {
      throw new AwsError(
        'ValidationError',
        'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
      );
    }
    const expiresAt = new Date(now.getTime() + seconds * 1_000);
    const [roleName, accountId] = [role.arn.split('/').at(-1), role.arn.split(':')[4]];
    const arn = `arn:aws:sts::${accountId}:assumed-role/${roleName}/${input.RoleSessionName}`;
    const credentials = iam.register({ arn, policies: role.policies, expiresAt });
    return {
      Credentials: {
        AccessKeyId: credentials.accessKeyId,
        SecretAccessKey: credentials.secretAccessKey,
        SessionToken: credentials.sessionToken,
        Expiration: expiresAt.toISOString(),
      },
      AssumedRoleUser: { AssumedRoleId: `AROAEXAMPLE:${input.RoleSessionName}`, Arn: arn },
    };
  }
}

async function verify(token: string, { clientIds, publicKey }: OidcProvider, now: Date) {
  try {
    const { payload } = await jwtVerify(token, publicKey, { audience: [...clientIds], currentDate: now });
    return payload;
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new AwsError('ExpiredTokenException', 'Token expired');
    const isAudience = error instanceof errors.JWTClaimValidationFailed && error.claim === 'aud';
    throw new AwsError(
      'InvalidIdentityToken',
      isAudience ? 'Incorrect token audience' : 'The web identity token cannot be verified',
    );
  }
}

function issuerOf(token: string): string {
  try {
    return decodeJwt(token).iss ?? '';
  } catch {
    throw new AwsError('InvalidIdentityToken', 'The web identity token could not be parsed');
  }
}

function accessDenied(message: string): AwsError {
  return new AwsError('AccessDenied', message, { status: 403 });
}

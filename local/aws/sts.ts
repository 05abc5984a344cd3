import type { webcrypto } from 'node:crypto';
import { decodeJwt, jwtVerify } from 'jose';
import { z } from 'zod';
import { AwsError } from './aws-error.ts';
import { isAllowed, type PrincipalRegistry } from './iam.ts';
import {
  type JsonObject,
  type OperationCall,
  operation,
  type Permission,
  type Place,
  type PolicyDocument,
} from './operation.ts';

/** A role that others may take, as far as its trust policy lets them. */
interface AssumableRole {
  readonly arn: string;
  readonly trust: PolicyDocument;
  readonly policies: readonly PolicyDocument[];
}

/** An OIDC provider of the account. AWS would fetch the key from the issuer. */
interface OidcProvider {
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

/** Serves GetCallerIdentity, AssumeRole and AssumeRoleWithWebIdentity, with each trust policy evaluated. */
export function createSts(place: Place, iam: PrincipalRegistry) {
  const roles = new Map<string, AssumableRole>();
  const providers = new Map<string, OidcProvider>();
  return {
    registerRole: (role: AssumableRole) => void roles.set(role.arn, role),
    registerOidcProvider: (provider: OidcProvider) => void providers.set(provider.name, provider),
    operations: {
      /** Needs no permission. */
      GetCallerIdentity: operation({}, (_, { principal: { arn } }) => ({
        Arn: arn,
        UserId: `AROAEXAMPLE:${arn.split('/').at(-1)}`,
        Account: place.accountId,
      })),

      AssumeRole: operation(ASSUMED, (input, { principal, now }) => {
        const request = { action: 'sts:AssumeRole', resource: input.RoleArn, principalArn: principal.arn };
        return assume(input, principal.policies, request, now);
      }),

      AssumeRoleWithWebIdentity: operation(
        { ...ASSUMED, WebIdentityToken: z.string().min(4).max(20_000) },
        assumeRoleWithWebIdentity,
      ),
    },
  };

  async function assumeRoleWithWebIdentity(
    input: Assumed & { readonly WebIdentityToken: string },
    { now }: OperationCall,
  ): Promise<JsonObject> {
    const { name, aud, sub } = await verify(input.WebIdentityToken, now).catch(() => {
      throw new AwsError('InvalidIdentityToken', 'The web identity token cannot be verified');
    });
    const request = {
      action: 'sts:AssumeRoleWithWebIdentity',
      resource: input.RoleArn,
      principalArn: `arn:aws:iam::${place.accountId}:oidc-provider/${name}`,
      context: { [`${name}:aud`]: String(aud), [`${name}:sub`]: String(sub) },
    };
    return assume(input, [], request, now);
  }

  async function verify(token: string, currentDate: Date) {
    const name = decodeJwt(token).iss?.replace('https://', '') ?? '';
    const { publicKey, clientIds } = providers.get(name) as OidcProvider;
    const { payload } = await jwtVerify(token, publicKey, { audience: [...clientIds], currentDate });
    return { ...payload, name };
  }

  function assume(
    { RoleArn, RoleSessionName, DurationSeconds }: Assumed,
    policies: readonly PolicyDocument[],
    request: Permission & { readonly principalArn: string },
    now: Date,
  ): JsonObject {
    const role = roles.get(RoleArn);
    if (role === undefined || !isAllowed(policies, { ...request, resourcePolicy: role.trust })) {
      const message = `User: ${request.principalArn} is not authorized to perform: ${request.action} on resource: ${RoleArn}`;
      throw new AwsError('AccessDenied', message, 403);
    }
    const expiresAt = new Date(now.getTime() + DurationSeconds * 1_000);
    const arn = `arn:aws:sts::${place.accountId}:assumed-role/${RoleArn.split('/').at(-1)}/${RoleSessionName}`;
    const { accessKeyId, secretAccessKey, sessionToken } = iam.register({
      arn,
      policies: role.policies,
      expiresAt,
    });
    return {
      Credentials: {
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        SessionToken: sessionToken,
        Expiration: expiresAt.toISOString(),
      },
      AssumedRoleUser: { AssumedRoleId: `AROAEXAMPLE:${RoleSessionName}`, Arn: arn },
    };
  }
}

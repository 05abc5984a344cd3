import type { webcrypto } from 'node:crypto';
import { decodeJwt, errors, jwtVerify } from 'jose';
import { AwsError } from './aws-error.ts';
import { isAllowed, type PrincipalRegistry } from './iam.ts';
import type { Place, PolicyDocument, Principal } from './operation.ts';

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

/** One call of the Query protocol. */
export interface StsCall {
  readonly operation: string;
  readonly input: URLSearchParams;
  readonly principal: Principal;
  readonly now: Date;
  readonly requestId: string;
}

/** The Security Token Service. */
export interface Sts {
  registerRole(role: AssumableRole): void;
  registerOidcProvider(provider: OidcProvider): void;
  /** Answers in XML. @throws AwsError */
  execute(call: StsCall): Promise<string>;
}

/** A session's life, where a role took the role. */
const CHAINED_SECONDS = 3_600;

/** Serves GetCallerIdentity, AssumeRole and AssumeRoleWithWebIdentity, with each trust policy evaluated. */
export function createSts(place: Place, iam: PrincipalRegistry): Sts {
  const roles = new Map<string, AssumableRole>();
  const providers = new Map<string, OidcProvider>();
  return {
    registerRole: (role) => void roles.set(role.arn, role),
    registerOidcProvider: (provider) => void providers.set(provider.name, provider),
    async execute(call) {
      switch (call.operation) {
        case 'GetCallerIdentity':
          return callerIdentity(place, call);
        case 'AssumeRole':
          return assumeRole(call);
        case 'AssumeRoleWithWebIdentity':
          return await assumeRoleWithWebIdentity(call);
        default:
          throw new AwsError('InvalidAction', `The endpoint does not serve ${call.operation}.`);
      }
    },
  };

  function assumeRole(call: StsCall): string {
    const role = roles.get(call.input.get('RoleArn') ?? '');
    const caller = call.principal;
    const action = 'sts:AssumeRole';
    const mayTake =
      role !== undefined &&
      isAllowed(caller.policies, {
        action,
        resource: role.arn,
        principalArn: caller.arn,
        resourcePolicy: role.trust,
      });
    if (!mayTake) {
      throw new AwsError(
        'AccessDenied',
        `User: ${caller.arn} is not authorized to perform: ${action} on resource: ${call.input.get('RoleArn')}`,
        { status: 403 },
      );
    }
    const isChained = caller.arn.includes(':assumed-role/');
    if (isChained && secondsOf(call) > CHAINED_SECONDS) {
      throw new AwsError(
        'ValidationError',
        'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
      );
    }
    return session(call, role);
  }

  async function assumeRoleWithWebIdentity(call: StsCall): Promise<string> {
    const token = call.input.get('WebIdentityToken') ?? '';
    const { iss = '' } = decodeJwt(token);
    const name = iss.replace('https://', '');
    const provider = providers.get(name);
    if (provider === undefined) {
      throw new AwsError(
        'InvalidIdentityToken',
        `No OpenIDConnect provider found in your account for ${iss}`,
      );
    }
    const claims = await verify(token, provider, call.now);
    const role = roles.get(call.input.get('RoleArn') ?? '');
    const mayTake =
      role !== undefined &&
      isAllowed([], {
        action: 'sts:AssumeRoleWithWebIdentity',
        resource: role.arn,
        principalArn: `arn:aws:iam::${place.accountId}:oidc-provider/${name}`,
        context: { [`${name}:aud`]: String(claims.aud), [`${name}:sub`]: String(claims.sub) },
        resourcePolicy: role.trust,
      });
    if (!mayTake) {
      throw new AwsError('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity', {
        status: 403,
      });
    }
    return session(call, role);
  }

  function session(call: StsCall, role: AssumableRole): string {
    const seconds = secondsOf(call);
    if (seconds > role.maxSessionSeconds) {
      throw new AwsError(
        'ValidationError',
        'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
      );
    }
    const expiresAt = new Date(call.now.getTime() + seconds * 1_000);
    const roleName = role.arn.split('/').at(-1) ?? '';
    const sessionName = call.input.get('RoleSessionName') ?? '';
    const arn = `arn:aws:sts::${role.arn.split(':')[4]}:assumed-role/${roleName}/${sessionName}`;
    const { accessKeyId, secretAccessKey, sessionToken } = iam.register({
      arn,
      policies: role.policies,
      expiresAt,
    });
    return answer(
      call,
      [
        '<Credentials>',
        `  <AccessKeyId>${accessKeyId}</AccessKeyId>`,
        `  <SecretAccessKey>${secretAccessKey}</SecretAccessKey>`,
        `  <SessionToken>${sessionToken}</SessionToken>`,
        `  <Expiration>${expiresAt.toISOString()}</Expiration>`,
        '</Credentials>',
        `<AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:${escapeXml(sessionName)}</AssumedRoleId><Arn>${escapeXml(arn)}</Arn></AssumedRoleUser>`,
      ].join('\n'),
    );
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

function secondsOf(call: StsCall): number {
  return Number(call.input.get('DurationSeconds') ?? 3_600);
}

/** Needs no permission. */
function callerIdentity(place: Place, call: StsCall): string {
  const arn = call.principal.arn;
  return answer(
    call,
    [
      `<Arn>${escapeXml(arn)}</Arn>`,
      `<UserId>AROAEXAMPLE:${escapeXml(arn.split('/').at(-1) ?? '')}</UserId>`,
      `<Account>${place.accountId}</Account>`,
    ].join('\n'),
  );
}

/** The XML of the Query protocol. */
function answer({ operation, requestId }: StsCall, result: string): string {
  return [
    `<${operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`,
    `<${operation}Result>`,
    result,
    `</${operation}Result>`,
    `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`,
    `</${operation}Response>`,
  ].join('\n');
}

/** Words an error in the XML of the Query protocol. */
export function queryError(code: string, message: string, requestId: string): string {
  return [
    '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">',
    `  <Error><Type>Sender</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`,
    `  <RequestId>${requestId}</RequestId>`,
    '</ErrorResponse>',
  ].join('\n');
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

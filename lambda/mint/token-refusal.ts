import { type FailureCode, RefreshError } from '../errors.ts';
import type { HttpResponse } from './http.ts';
import { parseRetryAfter } from './retry-after.ts';

/** The facts about the request that a message needs. */
export interface RefusalContext {
  /** The configured host of the server, for messages. */
  readonly host: string;
  readonly now: Date;
  /** Errors that refuse the secret's values, besides `invalid_client` and any 401. */
  readonly credentialErrors: readonly string[];
  /** Whether HTTP Basic's encoding changed the credentials. */
  readonly areCredentialsEncoded: boolean;
  /** What to check, by error name: `unnamed` without an error name, `encoded` in addition if encoding changed the credentials. */
  readonly hints: Readonly<Partial<Record<string, string>>>;
  /** How to store other credentials. */
  readonly secretAdvice: string;
}

/**
 * The error names that a token endpoint may answer, and what to check. Messages repeat only these names: any other text
 * of a server could contain what was sent to it.
 *
 * @see RFC 6749 section 5.2, RFC 8707 section 2, RFC 6749 section 4.1.2.1
 */
const ADVICE: Readonly<Record<string, string>> = {
  invalid_request:
    'A parameter is missing or unknown to the server: check scope, audience, resource, parameters and clientAuthentication.',
  invalid_client:
    'The client id, secret or key is wrong, or the server expects another clientAuthentication.',
  invalid_grant: 'The server does not accept the credentials of the grant.',
  unauthorized_client: 'The client may not use this grant: enable it for the client at the provider.',
  unsupported_grant_type:
    'The server does not offer this grant: check tokenUrl or issuer, and enable the grant.',
  invalid_scope:
    'The client may not have this scope, or there is no such scope: correct scope or allow it there.',
  invalid_target: 'The server does not know this resource or audience: correct resource or audience.',
  access_denied: 'The server denies this client: check its roles, its IP allow-list and its state.',
};

/** Names that describe the server's state, not the request. */
const UNAVAILABLE = new Set(['server_error', 'temporarily_unavailable']);

const FIREWALL = 'A firewall or an IP allow-list in front of the server may also give this answer.';

/**
 * Makes the error for an unsuccessful response. Of what the server wrote, the message repeats only registered error
 * names.
 */
export function refusal(
  response: HttpResponse,
  json: Readonly<Record<string, unknown>> | undefined,
  context: RefusalContext,
): RefreshError {
  const { status, headers } = response;
  const { host, now } = context;
  const retryAfterMs = parseRetryAfter(headers, now);
  const failure = (code: FailureCode, message: string, credentialsRefused = false) =>
    new RefreshError(code, message, { retryAfterMs, credentialsRefused });
  const name = registeredName(json?.error);

  if (status === 429 || name === 'slow_down' || isRateLimit(json)) {
    return failure(
      'TOKEN_ENDPOINT_THROTTLED',
      `${host} limits the rate of token requests (HTTP ${status}). The function tries again after the time that the server names, or on the next invocation. If this continues, find out who else requests tokens often: other clients behind the same IP address may count too.`,
    );
  }
  if (status >= 500 || status === 408 || status === 425 || UNAVAILABLE.has(name ?? '')) {
    return failure(
      'TOKEN_ENDPOINT_UNAVAILABLE',
      `${host} is not available (HTTP ${status}). The stored token is unchanged, and the next invocation tries again. If this continues, check the provider's status page.`,
    );
  }
  if (status >= 300 && status < 400) {
    return failure(
      'TOKEN_ENDPOINT_UNAVAILABLE',
      `${host} redirects the token request (HTTP ${status}). Redirects are not followed, because the secret would be sent along. Set tokenUrl, region or issuer to the token endpoint's own host.`,
    );
  }
  if (name === undefined && (status === 404 || status === 405 || status === 410)) {
    return failure(
      'TOKEN_ENDPOINT_UNAVAILABLE',
      `There is no token endpoint at this URL of ${host} (HTTP ${status}). Check tokenUrl, issuer, region or area, and the provider's status page.`,
    );
  }
  // Any 401: Keycloak answers a wrong secret with unauthorized_client.
  const credentialsRefused =
    status === 401 || name === 'invalid_client' || context.credentialErrors.includes(name ?? '');
  const what = name === undefined ? `HTTP ${status} without a known OAuth error` : `${name}, HTTP ${status}`;
  return failure(
    'TOKEN_REJECTED',
    `${host} refused the token request (${what}). ${advice(name, status, credentialsRefused, context)}`,
    credentialsRefused,
  );
}

function advice(
  name: string | undefined,
  status: number,
  credentialsRefused: boolean,
  context: RefusalContext,
): string {
  const { hints, secretAdvice, areCredentialsEncoded } = context;
  const hint = hints[name ?? 'unnamed'] ?? ADVICE[name ?? ''];
  if (!credentialsRefused) return hint ?? FIREWALL;
  const isOfCredentials =
    name === undefined || name === 'invalid_client' || context.credentialErrors.includes(name);
  const parts = [
    isOfCredentials && hint !== undefined ? hint : (hints.invalid_client ?? ADVICE.invalid_client),
    areCredentialsEncoded ? hints.encoded : undefined,
    isOfCredentials || hint === undefined ? undefined : `If they are right: ${hint}`,
    status === 401 && name === undefined ? FIREWALL : undefined,
    secretAdvice,
  ];
  return parts.filter((part) => part !== undefined).join(' ');
}

function registeredName(error: unknown): string | undefined {
  const isKnown =
    typeof error === 'string' &&
    (Object.hasOwn(ADVICE, error) || UNAVAILABLE.has(error) || error === 'slow_down');
  return isKnown ? error : undefined;
}

/** Genesys Cloud throttles with HTTP 400, `invalid_request` and "rate limit exceeded" in the description. */
function isRateLimit(json: Readonly<Record<string, unknown>> | undefined): boolean {
  return [json?.error, json?.error_description, json?.description].some(
    (text) => typeof text === 'string' && /rate limit exceeded/i.test(text),
  );
}

import { type FailureCode, RefreshError } from '../errors.ts';
import type { HttpResponse } from './http.ts';
import { parseRetryAfter } from './retry-after.ts';

/** What a message needs to know of the request. */
export interface RefusalContext {
  /** The configured host of the server, for messages. */
  readonly host: string;
  readonly now: Date;
  /** Errors that refuse the secret's values, besides `invalid_client` and any 401. */
  readonly credentialErrors: readonly string[];
  /** Whether HTTP Basic's encoding changed the credentials. */
  readonly areCredentialsEncoded: boolean;
  /** What to check, by error name; `unnamed` for a refusal without one, `encoded` beside any where encoding changed the credentials. */
  readonly hints: Readonly<Partial<Record<string, string>>>;
  /** How to store other credentials. */
  readonly secretAdvice: string;
}

/**
 * The error names that a token endpoint may answer, and what to check. Only these are ever repeated: whatever else a
 * server writes could hold what it was sent.
 *
 * @see RFC 6749 section 5.2, RFC 8707 section 2, RFC 6749 section 4.1.2.1
 */
const ADVICE: Readonly<Record<string, string>> = {
  invalid_request:
    'The server misses or does not know a parameter: check scope, audience, resource, parameters and clientAuthentication.',
  invalid_client:
    'The client id or its secret or key is wrong, or the server wants another clientAuthentication.',
  invalid_grant: 'The server does not accept the credentials of the grant.',
  unauthorized_client: 'The client may not use this grant: enable it for the client at the provider.',
  unsupported_grant_type:
    'The server does not offer this grant: check tokenUrl or issuer, and enable the grant.',
  invalid_scope:
    'The client may not have this scope, or there is no such scope: correct scope or allow it there.',
  invalid_target: 'The server does not know this resource or audience: correct resource or audience.',
  access_denied: 'The server denies this client: check its roles, its IP allow-list and its state.',
};

/** Names that tell of the server's state, not of the request. */
const UNAVAILABLE = new Set(['server_error', 'temporarily_unavailable']);

const FIREWALL = 'A firewall or an IP allow-list in front of the server answers like this too.';

/**
 * Makes the error for an answer that is no success. Nothing that the server wrote gets into the message, but
 * registered names.
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
      `${host} limits the rate of token requests (HTTP ${status}). It is asked again after the time that it names, or on the next invocation. If this stays, find out who else asks it often: other clients behind the same address count too.`,
    );
  }
  if (status >= 500 || status === 408 || status === 425 || UNAVAILABLE.has(name ?? '')) {
    return failure(
      'TOKEN_ENDPOINT_UNAVAILABLE',
      `${host} is out of order (HTTP ${status}). The stored token stays, and the next invocation tries again. If this stays, look at the provider's status page.`,
    );
  }
  if (status >= 300 && status < 400) {
    return failure(
      'TOKEN_ENDPOINT_UNAVAILABLE',
      `${host} redirects the token request (HTTP ${status}); redirects are not followed, since the secret would go with them. Set the token endpoint's own URL, region or issuer.`,
    );
  }
  if (name === undefined && (status === 404 || status === 405 || status === 410)) {
    return failure(
      'TOKEN_ENDPOINT_UNAVAILABLE',
      `There is no token endpoint at this URL of ${host} (HTTP ${status}). Check tokenUrl, issuer, region or area, and the provider's status page.`,
    );
  }
  // Any 401: to a wrong secret Keycloak says unauthorized_client.
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

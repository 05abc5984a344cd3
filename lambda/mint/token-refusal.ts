import { type FailureCode, RefreshError } from '../errors.ts';
import type { HttpResponse } from './http.ts';
import { parseRetryAfter } from './retry-after.ts';

type Json = Readonly<Record<string, unknown>>;

/** The facts about the request that a message needs. */
export interface RefusalContext {
  /** The configured host of the server, for messages. */
  readonly host: string;
  readonly now: Date;
  /** Errors that refuse the secret's values, besides `invalid_client` and any 401. */
  readonly credentialErrors: readonly string[];
  /** What to check, by error name. */
  readonly hints: Readonly<Partial<Record<string, string>>>;
  /** How to store other credentials. */
  readonly secretAdvice: string;
}

const WRONG_CREDENTIALS =
  'The client id, secret or key is wrong, or the server expects another clientAuthentication.';
const DPOP =
  'The server binds tokens to a key (DPoP), which a job that reads the token does not have: turn DPoP off for this client at the provider.';
const DENIED = 'The server denies this client: check its roles, its IP allow-list and its state.';
/** Describes the server's state, not the request; beside a 401 it does not count. */
const DOWN = 'The server is not available.';
const THROTTLED = 'The server limits the rate.';
const INACTIVE = 'The account, the organization or the client is inactive or locked: activate it there.';

/**
 * The error names that a token endpoint may answer, and what they mean or what to check. Messages repeat only these names: any other text
 * of a server could contain what was sent to it.
 *
 * @see RFC 6749 section 5.2, RFC 8707 section 2, RFC 6749 section 4.1.2.1, RFC 9449 section 5
 */
const ADVICE: Readonly<Record<string, string>> = {
  invalid_request:
    'A parameter is missing or unknown to the server: check scope, audience, resource, parameters and clientAuthentication.',
  invalid_client: WRONG_CREDENTIALS,
  invalid_grant: 'The server does not accept the credentials of the grant.',
  unauthorized_client:
    'The client may not use this grant: enable it for the client at the provider. A client that was just created may need some minutes.',
  unsupported_grant_type:
    'The server does not offer this grant: check tokenUrl or issuer, and enable the grant.',
  invalid_scope:
    'The client may not have this scope, or there is no such scope: correct scope or allow it there.',
  invalid_target: 'The server does not know this resource or audience: correct resource or audience.',
  access_denied: DENIED,
  invalid_dpop_proof: DPOP,
  use_dpop_nonce: DPOP,
  // Vendors' names.
  invalid_client_id: WRONG_CREDENTIALS,
  invalid_client_secret: WRONG_CREDENTIALS,
  invalid_client_credentials: WRONG_CREDENTIALS,
  invalid_credentials: WRONG_CREDENTIALS,
  invalid_user_credentials: WRONG_CREDENTIALS,
  unauthorized: DENIED,
  inactive_user: INACTIVE,
  inactive_org: INACTIVE,
  account_locked: INACTIVE,
  user_blocked: INACTIVE,
  invalid_app_access: 'A user of the client may not use this app: allow it there.',
  app_not_found: WRONG_CREDENTIALS,
  insufficient_scope: 'The client may not have this scope: allow it there.',
  interaction_required:
    'The server wants a person to sign in or to consent: grant the consent of an administrator there.',
  consent_required: 'The server wants a consent: grant the consent of an administrator there.',
  mfa_required: 'The server wants a second factor: exempt this client or user from it.',
  server_error: DOWN,
  temporarily_unavailable: DOWN,
  internal_error: DOWN,
  service_unavailable: DOWN,
  slow_down: THROTTLED,
  too_many_requests: THROTTLED,
  too_many_attempts: THROTTLED,
  rate_limit_exceeded: THROTTLED,
  rate_limited: THROTTLED,
};

const FIREWALL = 'A firewall or an IP allow-list in front of the server may also give this answer.';
const MUTUAL_TLS =
  'The server wants a client certificate (mutual TLS), which the function does not have: configure a URL of the server without mutual TLS.';

/**
 * Makes the error for an unsuccessful response. Of what the server wrote, the message repeats only registered error
 * names.
 */
export function refusal(
  response: HttpResponse,
  json: Json | undefined,
  context: RefusalContext,
): RefreshError {
  const { status, headers } = response;
  const { host, now } = context;
  const retryAfterMs = parseRetryAfter(headers, now, json);
  const failure = (code: FailureCode, message: string, credentialsRefused = false) =>
    new RefreshError(code, message, { retryAfterMs, credentialsRefused });
  const name = knownName(json);
  const meaning = name === undefined ? undefined : ADVICE[name];
  const isOfCredentials = meaning === WRONG_CREDENTIALS || context.credentialErrors.includes(name ?? '');

  // A refusal that names a time to come back does not refuse the request itself.
  const isToComeBack = status >= 400 && status < 500 && retryAfterMs !== undefined && !isOfCredentials;
  if (status === 429 || meaning === THROTTLED || isRateLimit(json) || isToComeBack) {
    return failure(
      'TOKEN_ENDPOINT_THROTTLED',
      `${host} limits the rate of token requests (HTTP ${status}). The function tries again after the time that the server names, or on the next invocation. If this continues, find out who else requests tokens often: other clients behind the same IP address may count too.`,
    );
  }
  const isDown = status >= 500 || status === 408 || status === 425;
  if (isDown || (status !== 401 && status !== 403 && meaning === DOWN)) {
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
  // Any 401: Keycloak answers a wrong secret with unauthorized_client, ServiceNow with server_error.
  const credentialsRefused = status === 401 || isOfCredentials;
  const what = name === undefined ? `HTTP ${status} without a known OAuth error` : `${name}, HTTP ${status}`;
  const wrong = context.hints.invalid_client ?? WRONG_CREDENTIALS;
  const ofName = context.hints[name ?? ''] ?? (meaning === DOWN ? undefined : meaning);
  const rest = ofName === undefined ? '' : ` If they are right: ${ofName}`;
  const ofCredentials = isOfCredentials ? (context.hints[name ?? ''] ?? wrong) : `${wrong}${rest}`;
  const advice = credentialsRefused
    ? `${ofCredentials} ${context.secretAdvice}`
    : (ofName ?? adviceOfStatus(response, json));
  return failure(
    'TOKEN_REJECTED',
    `${host} refused the token request (${what}). ${advice}`,
    // Another version of the secret may name a client that the server knows already.
    credentialsRefused || name === 'unauthorized_client',
  );
}

/** What to check where the server gives no error name that is known. */
function adviceOfStatus({ status, body }: HttpResponse, json: Json | undefined): string {
  // nginx and IIS answer HTTP 400 or 403 and a web page.
  if (/required SSL certificate|client certificate/i.test(body)) return MUTUAL_TLS;
  if (typeof json?.error !== 'string') return FIREWALL;
  if (status === 403) return DENIED;
  return "The server's error name is not one of OAuth 2.0: look the request up in the provider's log, and check the client and the settings there.";
}

/** The error's name, if it is a known one, in the member of the RFC or of a vendor. */
function knownName(json: Json | undefined): string | undefined {
  const { error, errorCode, error_code, code } = json ?? {};
  const nested = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return [error, errorCode, error_code, code, nested].find(
    (name): name is string => typeof name === 'string' && Object.hasOwn(ADVICE, name),
  );
}

/**
 * Genesys Cloud throttles with HTTP 400, `invalid_request` and "rate limit exceeded" in the description; Salesforce with
 * `invalid_grant` and "login rate exceeded".
 */
function isRateLimit(json: Json | undefined): boolean {
  return [json?.error, json?.error_description, json?.description, json?.message].some(
    (text) => typeof text === 'string' && RATE_LIMIT.test(text),
  );
}

const RATE_LIMIT =
  /\brate[- _]?limit|\b(rate|quota|limit) (was |is |has been )?(exceeded|reached)|\btoo many (\w+ ){0,3}(requests|attempts|logins|calls)|\bthrottled\b|\b(again|retry|wait|available|unlocked)\b.{0,20} \d+ ?(s|m|h)/i;

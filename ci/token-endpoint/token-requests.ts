import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoredToken } from './access-token.ts';
import type { JobCredentials } from './job-credentials.ts';
import { apiRefusal, Refusal } from './refusal.ts';
import type { TokenPool } from './token-pool.ts';
import type { TokenSource } from './token-source.ts';

/**
 * The Genesys Go SDK requests a new token after `expires_in - 60` seconds. With 60 or less it would do so without a pause.
 *
 * @see https://github.com/MyPureCloud/platform-client-sdk-go/blob/master/platformclientv2/configuration.go
 */
const LEAST_EXPIRES_IN = 90;
const LONGEST_BODY = 16_384;
/** If a newer token takes longer than this, a gateway's client gets the token that is held. */
const GATEWAY_WAIT_MS = 10_000;

/**
 * Makes the token endpoint: the client credentials grant of RFC 6749, answered with the stored token.
 *
 * With a gateway it answers each request of the job with a token, even one that expires soon or has expired: the gateway
 * replaces it by the current one, and CX as Code stops the whole run at any status but 200.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.4 request, and 2.3.1 for the client's authentication
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.1 success, and 5.2 for errors
 */
export function createTokenRequests(options: {
  readonly credentials: JobCredentials;
  readonly pool: Pick<TokenPool, 'inTurn'>;
  readonly isGateway: boolean;
  readonly now: () => number;
  /** Why there is no token, for the client's log. */
  readonly reason: () => string;
}) {
  const { credentials, pool, isGateway, now, reason } = options;
  /** Returns the answer. Calls `trust` once the request has shown the job's credentials. @throws Refusal */
  return async (request: IncomingMessage, trust: () => void): Promise<object> => {
    if (request.method !== 'POST') {
      throw apiRefusal(405, 'method.not.allowed', 'A token request is a POST.', { allow: 'POST' });
    }
    check(request, await readBody(request), credentials);
    trust();
    const sources = pool.inTurn();
    const newest = newestOf(sources);
    const live = await (isGateway
      ? Promise.race([newest, sleep(GATEWAY_WAIT_MS, undefined, { ref: false })])
      : newest);
    const token = live ?? (isGateway ? sources[0]?.held : undefined);
    if (token === undefined) {
      throw oauthError(503, 'temporarily_unavailable', reason(), { 'retry-after': '10' });
    }
    const secondsLeft = Math.floor((token.expiresAtMs - now()) / 1000);
    return {
      access_token: credentials.issue(token.accessToken),
      token_type: 'Bearer',
      expires_in: isGateway ? Math.max(LEAST_EXPIRES_IN, secondsLeft) : secondsLeft,
    };
  };
}

/** The token of the first source that has a live one. */
async function newestOf(sources: readonly TokenSource[]): Promise<StoredToken | undefined> {
  for (const source of sources) {
    const token = await source.newest();
    if (token !== undefined) return token;
  }
  return undefined;
}

function oauthError(
  status: number,
  error: string,
  description: string,
  headers?: Refusal['headers'],
): Refusal {
  return new Refusal(status, { error, error_description: description }, headers);
}

/** @throws Refusal unless the request is a client credentials request of this job */
function check(request: IncomingMessage, body: string, credentials: JobCredentials): void {
  const invalid = (description: string): Refusal => oauthError(400, 'invalid_request', description);
  const contentType = request.headers['content-type'] ?? '';
  if (!/^application\/x-www-form-urlencoded(?:$|[ ;])/i.test(contentType)) {
    throw invalid('The body must be application/x-www-form-urlencoded.');
  }
  const form = new URLSearchParams(body);
  if (new Set(form.keys()).size !== form.size) throw invalid('A parameter is repeated.');
  const basic = basicCredentials(request.headers.authorization);
  const clientSecret = form.get('client_secret');
  if (basic !== undefined && clientSecret !== null) {
    throw invalid('The client must authenticate in the header or in the body, not in both.');
  }
  const [id, secret] = basic ?? [form.get('client_id') ?? '', clientSecret ?? ''];
  if (!credentials.matches(id, secret) || (form.get('client_id') ?? id) !== id) {
    const description =
      'The client must authenticate with OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET of this job.';
    const headers = { 'www-authenticate': 'Basic realm="token-endpoint"' };
    throw oauthError(401, 'invalid_client', description, headers);
  }
  const grant = form.get('grant_type');
  if (grant === null) throw invalid('grant_type is missing.');
  if (grant !== 'client_credentials') {
    const description = 'The only supported grant_type is client_credentials.';
    throw oauthError(400, 'unsupported_grant_type', description);
  }
}

function basicCredentials(header: string | undefined): [string, string] | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return [decoded.slice(0, Math.max(0, colon)), decoded.slice(colon + 1)];
}

/** @throws Refusal if the body is too long */
async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const text of request.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    body += text;
    if (body.length > LONGEST_BODY) {
      throw apiRefusal(413, 'request.too.large', 'This is not a token request: it is too long.');
    }
  }
  return body;
}

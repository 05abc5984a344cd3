import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerJson, refuse } from './answer.ts';
import type { IssuedTokens } from './issued-tokens.ts';
import type { JobCredentials } from './job-credentials.ts';
import type { TokenSource } from './token-source.ts';

/**
 * The Genesys Go SDK requests a new token after `expires_in - 60` seconds. With 60 or less it would do so without a pause.
 *
 * @see https://github.com/MyPureCloud/platform-client-sdk-go/blob/master/platformclientv2/configuration.go
 */
const LEAST_EXPIRES_IN = 90;
const LONGEST_BODY = 16_384;
const BODY_TIMEOUT_MS = 10_000;
/** If a newer token takes longer than this, a gateway's client gets the token that is held. */
const GATEWAY_WAIT_MS = 10_000;
const RETRY_AFTER_SECONDS = 10;

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
  readonly source: TokenSource;
  readonly issued: IssuedTokens;
  readonly isGateway: boolean;
  readonly now: () => number;
  /** Why there is no token, for the client's log. */
  readonly reason: () => string;
}): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { credentials, source, issued, isGateway, now, reason } = options;
  return async (request, response) => {
    if (request.method !== 'POST') {
      refuse(request, response, 405, 'method.not.allowed', 'A token request is a POST.', { allow: 'POST' });
      return;
    }
    const body = await readBody(request);
    if (body === undefined) {
      refuse(
        request,
        response,
        413,
        'request.too.large',
        'This is not a token request: it is too long or too slow.',
      );
      return;
    }
    const refusal = judge(request, body, credentials);
    if (refusal !== undefined) {
      const { status, error, description, headers } = refusal;
      answerJson(response, status, { error, error_description: description }, headers);
      return;
    }
    const newest = source.newest();
    const live = await (isGateway
      ? Promise.race([newest, sleep(GATEWAY_WAIT_MS, undefined, { ref: false })])
      : newest);
    const token = live ?? (isGateway ? source.held : undefined);
    if (token === undefined) {
      const error = { error: 'temporarily_unavailable', error_description: reason() };
      answerJson(response, 503, error, { 'retry-after': String(RETRY_AFTER_SECONDS) });
      return;
    }
    const secondsLeft = Math.floor((token.expiresAtMs - now()) / 1000);
    issued.add(token.accessToken);
    answerJson(response, 200, {
      access_token: token.accessToken,
      token_type: 'Bearer',
      expires_in: isGateway ? Math.max(LEAST_EXPIRES_IN, secondsLeft) : secondsLeft,
    });
  };
}

interface Refusal {
  readonly status: number;
  readonly error: string;
  readonly description: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function judge(request: IncomingMessage, body: string, credentials: JobCredentials): Refusal | undefined {
  const invalid = (description: string): Refusal => ({ status: 400, error: 'invalid_request', description });
  const contentType = request.headers['content-type'] ?? '';
  if (!/^application\/x-www-form-urlencoded(?:$|[ ;])/i.test(contentType)) {
    return invalid('The body must be application/x-www-form-urlencoded.');
  }
  const form = new URLSearchParams(body);
  if (new Set(form.keys()).size !== [...form.keys()].length) return invalid('A parameter is repeated.');
  const basic = basicCredentials(request.headers.authorization);
  const clientSecret = form.get('client_secret');
  if (basic !== undefined && clientSecret !== null) {
    return invalid('The client must authenticate in the header or in the body, not in both.');
  }
  const [id, secret] = basic ?? [form.get('client_id') ?? '', clientSecret ?? ''];
  if (!credentials.matches(id, secret) || (form.get('client_id') ?? id) !== id) {
    return {
      status: 401,
      error: 'invalid_client',
      description: 'The client must authenticate with OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET of this job.',
      headers: { 'www-authenticate': 'Basic realm="token-endpoint"' },
    };
  }
  const grant = form.get('grant_type');
  if (grant === null) return invalid('grant_type is missing.');
  if (grant === 'client_credentials') return undefined;
  const description = 'The only supported grant_type is client_credentials.';
  return { status: 400, error: 'unsupported_grant_type', description };
}

function basicCredentials(header: string | undefined): [string, string] | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return [decoded.slice(0, Math.max(0, colon)), decoded.slice(colon + 1)];
}

/** Reads a short body; undefined if it is too long, too slow or incomplete. */
function readBody(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const done = (body: string | undefined): void => {
      clearTimeout(timer);
      request.off('data', take);
      resolve(body);
    };
    const take = (chunk: Buffer): void => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > LONGEST_BODY) done(undefined);
    };
    const timer = setTimeout(done, BODY_TIMEOUT_MS, undefined);
    request.on('data', take);
    request.once('end', () => done(Buffer.concat(chunks).toString('utf8')));
    request.once('close', () => done(undefined));
  });
}

import { RefreshError } from '../errors.ts';
import type { HttpResponse } from './http.ts';
import { type RefusalContext, refusal, type TokenFailure } from './token-refusal.ts';

/** Parameter Store holds no more, whatever the tier. */
const MAX_TOKEN_BYTES = 8_192;

/** No access token lives longer than this: a larger figure is a mistake, and dates end somewhere. */
const MAX_LIFETIME_MS = 366 * 24 * 60 * 60_000;

/** A token, read from a response that passed every check. */
export interface ReadToken {
  readonly accessToken: string;
  readonly expiresAt: Date;
  readonly grantedScope: string | undefined;
  /** What the response lacked or overstated. Never a token. */
  readonly warnings: readonly string[];
}

export type TokenOutcome = { readonly kind: 'token'; readonly token: ReadToken } | TokenFailure;

export interface ResponseContext extends RefusalContext {
  /** The expiry counts from here. */
  readonly issuedAt: Date;
  /** The lifetime taken where the server tells none. */
  readonly assumedLifetimeMs: number;
}

/**
 * Reads the answer of a token endpoint. Never throws.
 *
 * Tolerates what servers do beside RFC 6749 section 5.1: `expires_in` as a string or missing, an empty `error` next
 * to a token, `token_type` in any case or missing, any content type.
 *
 * @see RFC 6749 sections 5.1 and 5.2, RFC 6750 section 2.1
 */
export function readTokenResponse(response: HttpResponse, context: ResponseContext): TokenOutcome {
  const json = parseObject(response);
  const isSuccess = response.status >= 200 && response.status < 300;
  if (!isSuccess || hasError(json)) return refusal(response, json, context);
  try {
    if (json === undefined) throw invalid(bodyProblem(response), context);
    return { kind: 'token', token: readToken(json, context) };
  } catch (error) {
    if (!(error instanceof RefreshError)) throw error;
    return { kind: 'failure', error, credentialsRefused: false };
  }
}

function parseObject({ body, isTruncated }: HttpResponse): Record<string, unknown> | undefined {
  if (isTruncated) return undefined;
  try {
    const json: unknown = JSON.parse(body);
    return typeof json === 'object' && json !== null && !Array.isArray(json)
      ? (json as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Genesys Cloud puts `"error": ""` beside a token. */
function hasError(json: Record<string, unknown> | undefined): boolean {
  return json !== undefined && Object.hasOwn(json, 'error') && Boolean(json.error);
}

function bodyProblem({ body, isTruncated }: HttpResponse): string {
  if (isTruncated) return 'is longer than 65,536 bytes';
  if (body.trim() === '') return 'is empty';
  return body.trimStart().startsWith('<') ? 'is a web page' : 'is not a JSON object';
}

function readToken(json: Record<string, unknown>, context: ResponseContext): ReadToken {
  const accessToken = readAccessToken(json, context);
  const { token_type: tokenType, scope } = json;
  const isBearer = typeof tokenType === 'string' && /^\s*(bearer)?\s*$/i.test(tokenType);
  if (!isBearer && tokenType !== undefined && tokenType !== null) {
    throw invalid('gives a token of another type than Bearer', context);
  }
  const { expiresAt, warnings } = readExpiry(json, accessToken, context);
  return { accessToken, expiresAt, grantedScope: readScope(scope), warnings };
}

/** Visible ASCII without spaces: RFC 6749 appendix A.12 allows a space, which no Authorization header can carry. */
function readAccessToken(json: Record<string, unknown>, context: ResponseContext): string {
  const { access_token: accessToken } = json;
  if (accessToken === undefined || accessToken === null || accessToken === '') {
    throw invalid('has no access_token', context);
  }
  if (typeof accessToken !== 'string') throw invalid('has an access_token that is not a string', context);
  if (!/^[\x21-\x7e]+$/.test(accessToken)) {
    throw invalid(
      'has an access_token with white space, a newline or a character that is not ASCII',
      context,
    );
  }
  if (accessToken.length > MAX_TOKEN_BYTES) {
    throw new RefreshError(
      'TOKEN_TOO_LARGE',
      `The access token from ${context.host} has ${accessToken.length} bytes; Parameter Store holds ${MAX_TOKEN_BYTES} at most. Ask for fewer scopes or claims, or for opaque (reference) tokens at the provider.`,
    );
  }
  return accessToken;
}

/** The earlier of `expires_in` and a JWT's `exp`; the assumed lifetime where there is neither. */
function readExpiry(json: Record<string, unknown>, accessToken: string, context: ResponseContext) {
  const issuedAtMs = context.issuedAt.getTime();
  const warnings: string[] = [];
  const claimed: number[] = [];
  const expiresInSeconds = readExpiresIn(json.expires_in, context);
  if (expiresInSeconds !== undefined) claimed.push(issuedAtMs + expiresInSeconds * 1000);
  const exp = jwtExpiry(accessToken);
  if (exp !== undefined) {
    if (exp * 1000 <= issuedAtMs) {
      throw invalid(
        'has a token whose own claim (exp) says that it has expired: compare the server’s clock with AWS’s, or the server returns an old token',
        context,
      );
    }
    claimed.push(exp * 1000);
  }
  if (claimed.length === 0) {
    const minutes = Math.round(context.assumedLifetimeMs / 60_000);
    warnings.push(
      `The server does not say how long the token lives (no expires_in, no exp): ${minutes} min are assumed.`,
    );
    claimed.push(issuedAtMs + context.assumedLifetimeMs);
  }
  const latest = issuedAtMs + MAX_LIFETIME_MS;
  const expiresAtMs = Math.min(...claimed);
  if (expiresAtMs > latest)
    warnings.push('The server claims a lifetime of more than 366 days: 366 are believed.');
  return { expiresAt: new Date(Math.min(expiresAtMs, latest)), warnings };
}

/** Whole seconds above 0; undefined where the member is missing or empty. */
function readExpiresIn(value: unknown, context: ResponseContext): number | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const isNumeric =
    typeof value === 'number' || (typeof value === 'string' && /^\s*[+-]?\d+(\.\d*)?\s*$/.test(value));
  if (!isNumeric) throw invalid('has an expires_in that is not a number', context);
  // JSON's 1e999 is Infinity: huge, and treated like the rest of that kind.
  const seconds = Math.floor(Number(value));
  if (!(seconds > 0)) throw invalid('has an expires_in of 0 or less: the token is dead on arrival', context);
  return seconds;
}

/** The `exp` of a token that is a JWT, in seconds; its signature is the resource server's business. */
function jwtExpiry(accessToken: string): number | undefined {
  const parts = accessToken.split('.');
  if (parts.length !== 3) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString());
    const exp = typeof claims === 'object' && claims !== null && 'exp' in claims ? claims.exp : undefined;
    return typeof exp === 'number' && Number.isFinite(exp) ? Math.floor(exp) : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 6749 section 3.3; some servers send a list. Anything else tells nothing. */
function readScope(scope: unknown): string | undefined {
  const text = Array.isArray(scope) ? scope.join(' ') : scope;
  return typeof text === 'string' && /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(text) ? text : undefined;
}

function invalid(problem: string, { host }: ResponseContext): RefreshError {
  return new RefreshError(
    'TOKEN_RESPONSE_INVALID',
    `The answer of ${host} ${problem}. Check that the URL is that of a token endpoint (RFC 6749 section 5.1), and ask the server's operator; {"diagnose":true} tries it again without storing anything.`,
  );
}

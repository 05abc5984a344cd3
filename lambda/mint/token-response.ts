import { MAX_LIFETIME_MS } from '../contract.ts';
import { RefreshError } from '../errors.ts';
import type { HttpResponse } from './http.ts';
import { parseJsonObject } from './json-object.ts';
import { type RefusalContext, refusal } from './token-refusal.ts';

/** Parameter Store's limit, in the advanced tier. */
const MAX_TOKEN_BYTES = 8_192;

/** A token may contain a shorter secret by chance. */
const LEAST_SECRET_LENGTH = 8;

/** A token as the token endpoint returned it. */
export interface Token {
  readonly accessToken: string;
  /** The moment before the request was sent: the expiry counts from here. */
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  /** Whether the server claimed no lifetime, or one that is not believed. @default false */
  readonly isLifetimeAssumed?: boolean;
  /** The granted scope, if the server named it (RFC 6749 section 5.1). */
  readonly grantedScope: string | undefined;
  /** Warnings for the log: what the response lacked or overstated. Never a token or secret. */
  readonly warnings: readonly string[];
}

/** The facts about the request that are needed to read its response. */
export interface ResponseContext extends RefusalContext {
  /** The moment before the request was sent. */
  readonly issuedAt: Date;
  /** The lifetime that is assumed if the server's response has none, or a wrong one. */
  readonly assumedLifetimeMs: number;
  /** Secrets, as they are and as they were sent: a token must not contain one, because every reader would get it. */
  readonly secrets: readonly string[];
}

/**
 * Reads the response of a token endpoint.
 *
 * Accepts some deviations from RFC 6749 section 5.1: `expires_in` as a string or missing, an empty `error` next to a
 * token, `token_type` in any case, by a vendor's name or missing, any content type.
 *
 * @throws RefreshError `TOKEN_REJECTED`, `TOKEN_ENDPOINT_*`, `TOKEN_RESPONSE_INVALID`, `TOKEN_TOO_LARGE`
 * @see RFC 6749 sections 5.1 and 5.2, RFC 6750 section 2.1
 */
export function readTokenResponse(response: HttpResponse, context: ResponseContext): Token {
  const json = parseJsonObject(response.body);
  const isSuccess = response.status >= 200 && response.status < 300;
  // Genesys Cloud puts `"error": ""` next to a token.
  if (!isSuccess || json?.error) throw refusal(response, json, context);
  if (json === undefined) throw invalid(bodyProblem(response), context);
  const accessToken = readAccessToken(json.access_token, context);
  const typeWarnings = readTokenType(json.token_type, context);
  const { warnings, ...expiry } = readExpiry(json.expires_in, accessToken, context);
  return {
    accessToken,
    issuedAt: context.issuedAt,
    ...expiry,
    grantedScope: readScope(json.scope),
    warnings: [...typeWarnings, ...warnings],
  };
}

function bodyProblem({ body, isTruncated }: HttpResponse): string {
  if (isTruncated) return 'is longer than 65,536 bytes';
  if (body.trim() === '') return 'is empty';
  return body.trimStart().startsWith('<') ? 'is a web page' : 'is not a JSON object';
}

/** Names that vendors write for a bearer token, in lower case and without separators. */
const BEARER_NAMES = /^(?!.*(pop|mac|saml|holder))(.{0,40}bearer.{0,40}|(oauth2?)?(access)?(token)?)$/;

/** Returns warnings. @see RFC 6749 section 7.1, RFC 6750 section 4, RFC 9449 section 5 */
function readTokenType(type: unknown, context: ResponseContext): readonly string[] {
  // Not white space in a pattern: 65,000 spaces would make it try for minutes.
  const name = typeof type === 'string' ? type.trim().toLowerCase() : (type ?? '');
  if (name === '' || name === 'bearer') return [];
  if (name === 'dpop') {
    throw invalid(
      'has another token_type than Bearer: DPoP, which binds the token to a key that no job has',
      context,
      'Turn DPoP off for this client at the provider.',
    );
  }
  const plain = String(name)
    .slice(0, 200)
    .replace(/^urn:[a-z:-]{0,60}:/, '')
    .replace(/[\s_.-]/g, '');
  if (plain === '' || !BEARER_NAMES.test(plain)) throw invalid('has another token_type than Bearer', context);
  return ['The server gives token_type a name of its own: the function takes the token as a bearer token.'];
}

/** Visible ASCII without spaces: RFC 6749 appendix A.12 allows a space, which no Authorization header can carry. */
function readAccessToken(accessToken: unknown, context: ResponseContext): string {
  if (accessToken === undefined || accessToken === null || accessToken === '') {
    throw invalid('has no access_token', context);
  }
  if (typeof accessToken !== 'string') throw invalid('has an access_token that is not a string', context);
  if (!/^[\x21-\x7e]+$/.test(accessToken)) {
    throw invalid('has an access_token with white space, a newline or a non-ASCII character', context);
  }
  if (accessToken.length > MAX_TOKEN_BYTES) {
    throw new RefreshError(
      'TOKEN_TOO_LARGE',
      `The access token from ${context.host} has ${accessToken.length} bytes; Parameter Store's limit is ${MAX_TOKEN_BYTES}. Request fewer scopes or claims, or configure opaque (reference) tokens at the provider.`,
    );
  }
  if (accessToken.includes('{{')) {
    throw invalid('has an access_token with "{{", which Parameter Store does not store', context);
  }
  if (context.secrets.some((secret) => holdsSecret(accessToken, secret))) {
    throw invalid('has an access_token that contains a value of the secret, and is not stored', context);
  }
  return accessToken;
}

function holdsSecret(accessToken: string, secret: string): boolean {
  return secret.length < LEAST_SECRET_LENGTH ? accessToken === secret : accessToken.includes(secret);
}

/** The earlier of `expires_in` and a JWT's `exp`; the assumed lifetime if there is neither. */
function readExpiry(expiresIn: unknown, accessToken: string, context: ResponseContext) {
  const issuedAtMs = context.issuedAt.getTime();
  const claimed: number[] = [];
  const expiresInSeconds = readExpiresIn(expiresIn, context);
  if (expiresInSeconds !== undefined) claimed.push(issuedAtMs + expiresInSeconds * 1000);
  const exp = jwtExpiry(accessToken);
  if (exp !== undefined) {
    if (exp * 1000 <= issuedAtMs) {
      throw invalid(
        'has a token that has expired by its own exp claim: the server’s clock is wrong, or the server returns an old token',
        context,
      );
    }
    claimed.push(exp * 1000);
  }
  const lifetimeMs = Math.min(...claimed) - issuedAtMs;
  if (lifetimeMs <= MAX_LIFETIME_MS) {
    return { expiresAt: new Date(issuedAtMs + lifetimeMs), warnings: [] };
  }
  const assumed = `The function assumes ${Math.round(context.assumedLifetimeMs / 60_000)} min (assumedLifetime).`;
  const reason =
    claimed.length === 0
      ? 'The server does not say how long the token lives (no expires_in, no exp)'
      : 'The server claims a lifetime of more than 48 hours, which is ignored';
  return {
    expiresAt: new Date(issuedAtMs + context.assumedLifetimeMs),
    isLifetimeAssumed: true,
    warnings: [`${reason}. ${assumed}`],
  };
}

/** Whole seconds above 0; undefined where the member is missing, empty, or -1: WSO2's tokens that never expire. */
function readExpiresIn(value: unknown, context: ResponseContext): number | undefined {
  if (value === undefined || value === null || value === '' || Number(value) === -1) return undefined;
  const isNumeric =
    typeof value === 'number' || (typeof value === 'string' && /^\s*[+-]?\d+(\.\d*)?\s*$/.test(value));
  if (!isNumeric) throw invalid('has an expires_in that is not a number', context);
  // JSON's 1e999 is Infinity: treated like any huge number.
  const seconds = Math.floor(Number(value));
  if (!(seconds > 0))
    throw invalid('has an expires_in of 0 or less, so that the token has expired already', context);
  return seconds;
}

/** The `exp` of a token that is a JWT, in seconds. The signature is not checked: the resource server does that. */
function jwtExpiry(accessToken: string): number | undefined {
  const [, claims = '', ...rest] = accessToken.split('.');
  if (rest.length !== 1) return undefined;
  const exp = parseJsonObject(Buffer.from(claims, 'base64url').toString())?.exp;
  return typeof exp === 'number' && Number.isFinite(exp) ? Math.floor(exp) : undefined;
}

/** RFC 6749 section 3.3. Some servers send a list of strings. Anything else is ignored. */
function readScope(scope: unknown): string | undefined {
  const isList = Array.isArray(scope) && scope.every((one) => typeof one === 'string');
  const text = isList ? scope.join(' ') : scope;
  return typeof text === 'string' && /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(text) ? text : undefined;
}

const CHECK_URL =
  "Check that the URL is that of a token endpoint (RFC 6749 section 5.1), and ask the server's operator.";

function invalid(problem: string, { host }: ResponseContext, advice = CHECK_URL): RefreshError {
  return new RefreshError(
    'TOKEN_RESPONSE_INVALID',
    `The response of ${host} ${problem}. ${advice} {"diagnose":true} tries again without storing anything.`,
  );
}

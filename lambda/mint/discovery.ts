import { RefreshError } from '../errors.ts';
import { connectionFailure } from './connection-failure.ts';
import { endpointUrlProblem, isLoopback } from './endpoint-url.ts';
import type { HttpResponse, SendRequest } from './http.ts';
import { parseRetryAfter } from './retry-after.ts';

/** Finds an issuer's token endpoint. */
export type Discover = (issuer: string, options: { readonly signal: AbortSignal }) => Promise<string>;

/** Endpoints move seldom; an hour keeps an outage of the metadata from being an outage of the mint. */
const CACHE_MS = 60 * 60_000;

/**
 * Makes the discovery of token endpoints by OpenID Connect Discovery, then by RFC 8414, remembered for an hour; an
 * older result stands in while the metadata cannot be had.
 *
 * The function that it returns rejects with a RefreshError: `TOKEN_ENDPOINT_UNAVAILABLE`,
 * `TOKEN_ENDPOINT_THROTTLED`, `TOKEN_RESPONSE_INVALID`.
 *
 * @see https://openid.net/specs/openid-connect-discovery-1_0.html section 4
 * @see RFC 8414 section 3
 */
export function createDiscover(options: {
  readonly send: SendRequest;
  readonly now: () => Date;
  readonly timeoutMs: number;
}): Discover {
  const { now } = options;
  const found = new Map<string, { readonly tokenUrl: string; readonly at: number }>();
  return async (issuer, { signal }) => {
    const known = found.get(issuer);
    const ageMs = now().getTime() - (known?.at ?? 0);
    if (known !== undefined && ageMs >= 0 && ageMs < CACHE_MS) return known.tokenUrl;
    try {
      const tokenUrl = await discover(issuer, { ...options, signal });
      found.set(issuer, { tokenUrl, at: now().getTime() });
      return tokenUrl;
    } catch (error) {
      if (known !== undefined && !signal.aborted) return known.tokenUrl;
      throw error;
    }
  };
}

interface DiscoverOptions {
  readonly send: SendRequest;
  readonly now: () => Date;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

async function discover(issuer: string, options: DiscoverOptions): Promise<string> {
  const { host } = new URL(issuer);
  for (const url of metadataUrls(issuer)) {
    const response = await fetchMetadata(url, host, options);
    if (response.status === 200) return readMetadata(response, issuer, host);
    if (response.status < 400 || response.status >= 500 || [408, 425, 429].includes(response.status)) {
      throw notAnswered(response, host, options.now());
    }
  }
  throw new RefreshError(
    'TOKEN_ENDPOINT_UNAVAILABLE',
    `${host} has no discovery document for this issuer. Check the setting issuer, or set tokenUrl instead.`,
  );
}

/** OpenID Connect appends its well-known path to the issuer's; RFC 8414 section 3.1 puts it in front. */
function metadataUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ];
}

async function fetchMetadata(url: string, host: string, options: DiscoverOptions): Promise<HttpResponse> {
  const { send, signal, timeoutMs } = options;
  try {
    return await send({ method: 'GET', url, headers: { accept: 'application/json' }, signal, timeoutMs });
  } catch (error) {
    const { label, advice } = connectionFailure(error);
    throw new RefreshError(
      'TOKEN_ENDPOINT_UNAVAILABLE',
      `The discovery document of ${host} could not be read (${label}). ${advice}`,
    );
  }
}

function notAnswered({ status, headers }: HttpResponse, host: string, now: Date): RefreshError {
  const advice =
    status >= 300 && status < 400
      ? 'Redirects are not followed: set the issuer as the server itself names it.'
      : "The next beat tries again. If this stays, look at the provider's status page.";
  return new RefreshError(
    status === 429 ? 'TOKEN_ENDPOINT_THROTTLED' : 'TOKEN_ENDPOINT_UNAVAILABLE',
    `The discovery document of ${host} could not be read (HTTP ${status}). ${advice}`,
    { retryAfterMs: parseRetryAfter(headers, now) },
  );
}

function readMetadata(response: HttpResponse, issuer: string, host: string): string {
  const problem = (text: string) =>
    new RefreshError(
      'TOKEN_RESPONSE_INVALID',
      `The discovery document of ${host} ${text}. Check the setting issuer, or set tokenUrl instead.`,
    );
  const metadata = parseMetadata(response);
  if (metadata === undefined) throw problem('is not a JSON object');
  if (!namesIssuer(metadata.issuer, issuer)) {
    throw problem('names another issuer than the one that is set; they must be the same, letter by letter');
  }
  const { token_endpoint: endpoint } = metadata;
  if (typeof endpoint !== 'string' || !URL.canParse(endpoint)) throw problem('has no token_endpoint');
  const url = new URL(endpoint);
  const urlProblem = endpointUrlProblem(url);
  if (urlProblem !== undefined) throw problem(`has a token_endpoint that ${urlProblem}`);
  if (url.protocol === 'http:' && !isLoopback(new URL(issuer)))
    throw problem('has a token_endpoint without TLS');
  return url.href;
}

function parseMetadata({ body, isTruncated }: HttpResponse): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = isTruncated ? undefined : JSON.parse(body);
    return typeof json === 'object' && json !== null && !Array.isArray(json)
      ? (json as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether the document is the issuer's own. Literally, but that a bare host may end with a slash or not.
 *
 * @see RFC 8414 section 3.3, OpenID Connect Discovery section 4.3
 */
function namesIssuer(named: unknown, issuer: string): boolean {
  const bare = (text: string) => text.replace(/^(https?:\/\/[^/]+)\/$/, '$1');
  return typeof named === 'string' && bare(named) === bare(issuer);
}

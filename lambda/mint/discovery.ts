import { isRefreshError, RefreshError } from '../errors.ts';
import { endpointUrlProblem, isLoopback } from '../providers/endpoint-url.ts';
import { connectionFailure } from './connection-failure.ts';
import { type HttpResponse, parseJsonObject, type SendRequest } from './http.ts';
import { parseRetryAfter } from './retry-after.ts';

/** Where the token endpoint is, and what a person should know about how it was found. */
export interface TokenEndpoint {
  readonly tokenUrl: string;
  readonly warnings: readonly string[];
}

/**
 * Finds the token endpoint.
 *
 * @throws RefreshError `TOKEN_ENDPOINT_UNAVAILABLE`, `TOKEN_ENDPOINT_THROTTLED`, `TOKEN_RESPONSE_INVALID`
 */
export type FindTokenEndpoint = (options: { readonly signal: AbortSignal }) => Promise<TokenEndpoint>;

/**
 * Makes the discovery of an issuer's token endpoint by OpenID Connect Discovery, then by RFC 8414. It asks the issuer
 * each time. If that fails, it uses the last result.
 *
 * @see https://openid.net/specs/openid-connect-discovery-1_0.html section 4
 * @see RFC 8414 section 3
 */
export function createDiscovery(
  issuer: string,
  options: { readonly send: SendRequest; readonly now: () => Date; readonly timeoutMs: number },
): FindTokenEndpoint {
  let lastKnown: string | undefined;
  return async ({ signal }) => {
    try {
      lastKnown = await discover(issuer, { ...options, signal });
      return { tokenUrl: lastKnown, warnings: [] };
    } catch (error) {
      if (lastKnown === undefined || signal.aborted || !isRefreshError(error)) throw error;
      return { tokenUrl: lastKnown, warnings: [`${error.message} The last known token endpoint was used.`] };
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
  let failure: RefreshError | undefined;
  for (const url of metadataUrls(issuer)) {
    const response = await fetchMetadata(url, host, options);
    const metadata = response.status === 200 ? parseJsonObject(response) : undefined;
    if (metadata !== undefined) return readMetadata(metadata, issuer, host);
    if (response.status >= 500 || [408, 425, 429].includes(response.status)) {
      throw notAnswered(response, host, options.now());
    }
    // A server that has only the other document may answer with a web page, or with a redirect to one.
    if (response.status === 200) failure ??= invalidMetadata('is not a JSON object', host);
    else if (response.status < 400) failure ??= notAnswered(response, host, options.now());
  }
  throw (
    failure ??
    new RefreshError(
      'TOKEN_ENDPOINT_UNAVAILABLE',
      `${host} has no discovery document for this issuer. Check the setting issuer, or set tokenUrl instead.`,
    )
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
      ? 'Redirects are not followed: set issuer to the name that the server itself uses.'
      : "The next invocation tries again. If this continues, check the provider's status page.";
  return new RefreshError(
    status === 429 ? 'TOKEN_ENDPOINT_THROTTLED' : 'TOKEN_ENDPOINT_UNAVAILABLE',
    `The discovery document of ${host} could not be read (HTTP ${status}). ${advice}`,
    { retryAfterMs: parseRetryAfter(headers, now) },
  );
}

function readMetadata(metadata: Readonly<Record<string, unknown>>, issuer: string, host: string): string {
  if (!namesIssuer(metadata.issuer, issuer)) {
    throw invalidMetadata(
      'names another issuer than the configured one; both must be equal, character by character',
      host,
    );
  }
  const { token_endpoint: endpoint } = metadata;
  if (typeof endpoint !== 'string' || !URL.canParse(endpoint)) {
    throw invalidMetadata('has no token_endpoint', host);
  }
  const url = new URL(endpoint);
  const problem = endpointUrlProblem(url);
  if (problem !== undefined) throw invalidMetadata(`has a token_endpoint that ${problem}`, host);
  if (url.protocol === 'http:' && !isLoopback(new URL(issuer))) {
    throw invalidMetadata('has a token_endpoint without TLS', host);
  }
  return url.href;
}

function invalidMetadata(problem: string, host: string): RefreshError {
  return new RefreshError(
    'TOKEN_RESPONSE_INVALID',
    `The discovery document of ${host} ${problem}. Check the setting issuer, or set tokenUrl instead.`,
  );
}

/**
 * Whether the document names this issuer, character by character. A bare host may end with a slash or not.
 *
 * @see RFC 8414 section 3.3, OpenID Connect Discovery section 4.3
 */
function namesIssuer(named: unknown, issuer: string): boolean {
  const bare = (text: string) => text.replace(/^(https?:\/\/[^/]+)\/$/, '$1');
  return typeof named === 'string' && bare(named) === bare(issuer);
}

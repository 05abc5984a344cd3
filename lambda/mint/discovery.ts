import { type FailureCode, isRefreshError, RefreshError } from '../errors.ts';
import { ENDPOINT_URL_RULE, isEndpointUrl, isLoopback } from '../providers/endpoint-url.ts';
import { connectionFailure } from './connection-failure.ts';
import type { SendRequest } from './http.ts';
import { parseJsonObject } from './json-object.ts';
import { parseRetryAfter } from './retry-after.ts';

/**
 * Makes the discovery of an issuer's token endpoint by OpenID Connect Discovery, then by RFC 8414. It asks the issuer
 * each time. If that fails, it uses the last result, with a warning.
 *
 * The function that it returns rejects with a RefreshError: `TOKEN_ENDPOINT_UNAVAILABLE`, `TOKEN_ENDPOINT_THROTTLED`,
 * `TOKEN_RESPONSE_INVALID`.
 *
 * @see https://openid.net/specs/openid-connect-discovery-1_0.html section 4
 * @see RFC 8414 section 3
 */
export function createDiscovery(issuer: string, options: DiscoveryOptions) {
  let lastKnown: string | undefined;
  return async ({ signal }: { readonly signal: AbortSignal }) => {
    try {
      lastKnown = await discover(issuer, options, signal);
      return { tokenUrl: lastKnown, warnings: [] };
    } catch (error) {
      if (lastKnown === undefined || signal.aborted || !isRefreshError(error)) throw error;
      return { tokenUrl: lastKnown, warnings: [`${error.message} The last known token endpoint was used.`] };
    }
  };
}

interface DiscoveryOptions {
  readonly send: SendRequest;
  readonly now: () => Date;
  readonly timeoutMs: number;
}

async function discover(issuer: string, options: DiscoveryOptions, signal: AbortSignal): Promise<string> {
  const { send, now, timeoutMs } = options;
  const { host, origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const failed = (problem: string, code: FailureCode = 'TOKEN_ENDPOINT_UNAVAILABLE', retryAfterMs?: number) =>
    new RefreshError(code, `The discovery document of ${host} ${problem}`, { retryAfterMs });
  const invalid = (problem: string) =>
    failed(`${problem}. Check the setting issuer, or set tokenUrl instead.`, 'TOKEN_RESPONSE_INVALID');
  let failure: RefreshError | undefined;
  // OpenID Connect appends its well-known path to the issuer's; RFC 8414 section 3.1 puts it in front.
  for (const url of [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ]) {
    const sent = send({ method: 'GET', url, headers: { accept: 'application/json' }, signal, timeoutMs });
    const { status, headers, body } = await sent.catch((error: unknown) => {
      const { label, advice } = connectionFailure(error);
      throw failed(`could not be read (${label}). ${advice}`);
    });
    const metadata = status === 200 ? parseJsonObject(body) : undefined;
    if (metadata !== undefined) {
      const problem = metadataProblem(metadata, issuer);
      if (problem !== undefined) throw invalid(problem);
      return new URL(String(metadata.token_endpoint)).href;
    }
    if (status === 429 || status === 408 || status === 425 || status >= 500) {
      throw failed(
        `could not be read (HTTP ${status}). The next invocation tries again. If this continues, check the provider's status page.`,
        status === 429 ? 'TOKEN_ENDPOINT_THROTTLED' : undefined,
        parseRetryAfter(headers, now()),
      );
    }
    // A server that has only the other document may answer with a web page, or with a redirect to one.
    if (status === 200) failure ??= invalid('is not a JSON object');
    else if (status < 400) {
      failure ??= failed(
        `could not be read (HTTP ${status}). Redirects are not followed: set issuer to the name that the server itself uses.`,
      );
    }
  }
  throw failure ?? failed('does not exist. Check the setting issuer, or set tokenUrl instead.');
}

/** What is wrong with a discovery document, or with its token endpoint. */
function metadataProblem(metadata: Readonly<Record<string, unknown>>, issuer: string): string | undefined {
  const { issuer: named, token_endpoint: endpoint } = metadata;
  // RFC 8414 section 3.3. A bare host may end with a slash or not.
  const bare = (text: string) => text.replace(/^(https?:\/\/[^/]+)\/$/, '$1');
  if (typeof named !== 'string' || bare(named) !== bare(issuer)) {
    return 'names another issuer than the configured one; both must be equal, character by character';
  }
  if (typeof endpoint !== 'string') return 'has no token_endpoint';
  if (!isEndpointUrl(endpoint)) return `has a token_endpoint that is not ${ENDPOINT_URL_RULE}`;
  // Only an issuer on loopback may have it.
  const isPlain = new URL(endpoint).protocol === 'http:' && !isLoopback(new URL(issuer));
  return isPlain ? 'has a token_endpoint without TLS' : undefined;
}

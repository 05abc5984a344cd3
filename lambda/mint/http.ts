import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import type { ProxySettings } from '../config.ts';

/** What a connection is made with. Tests pass an `Agent` that resolves names and trusts certificates of their own. */
export type HttpDispatcher = Dispatcher;

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** The time for the whole exchange, connection and body included. */
  readonly timeoutMs: number;
}

/** An answer, whatever its status: redirects are not followed. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; of a repeated header the first value. */
  readonly headers: Readonly<Record<string, string>>;
  /** UTF-8, without a byte order mark; cut at {@link MAX_BODY_BYTES}. */
  readonly body: string;
  /** Whether there was more than {@link MAX_BODY_BYTES}. */
  readonly isTruncated: boolean;
}

/** Sends one request. Rejects where no complete answer came: the caller names that error, by {@link connectionFailure}. */
export type SendRequest = (request: HttpRequest) => Promise<HttpResponse>;

/** No answer that this function has use for is longer. */
export const MAX_BODY_BYTES = 65_536;

/** Who is asking, in every request's `User-Agent`. */
export const USER_AGENT = 'token-refresher/1';

/**
 * Makes what connections to the provider are made with. Certificate authorities are Node's, and those of
 * `NODE_EXTRA_CA_CERTS`.
 */
export function createDispatcher(proxy?: ProxySettings): HttpDispatcher {
  const options = { pipelining: 0, allowH2: false };
  if (proxy === undefined) return new Agent(options);
  // Plain http goes to loopback only, and undici would look for its proxy in the environment.
  return new EnvHttpProxyAgent({ ...options, ...proxy, httpProxy: '' });
}

/**
 * Makes the one way to speak HTTP. One connection per request: between two invocations Lambda freezes the
 * function, and a connection that died meanwhile would fail the next request.
 */
export function createSendRequest(connection: HttpDispatcher = createDispatcher()): SendRequest {
  return async ({ method, url, headers, body, signal, timeoutMs }) => {
    const limit = timeLimit(signal, timeoutMs);
    try {
      limit.signal.throwIfAborted();
      const { origin, pathname, search } = new URL(url);
      const response = await connection.request({
        origin,
        path: `${pathname}${search}`,
        method,
        headers: { 'user-agent': USER_AGENT, ...headers },
        body: body ?? null,
        signal: limit.signal,
        reset: true,
      });
      const { text, isTruncated } = await readCapped(response.body);
      return { status: response.statusCode, headers: firstValues(response.headers), body: text, isTruncated };
    } finally {
      limit.clear();
    }
  };
}

/** A timer of its own that is always cleared: `AbortSignal.timeout` would outlive the request in a frozen function. */
function timeLimit(outer: AbortSignal, timeoutMs: number) {
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new DOMException('The time limit was reached.', 'TimeoutError')),
    timeoutMs,
  );
  const follow = () => controller.abort(outer.reason);
  if (outer.aborted) follow();
  else outer.addEventListener('abort', follow, { once: true });
  return {
    signal: controller.signal,
    clear: () => {
      clearTimeout(timer);
      outer.removeEventListener('abort', follow);
    },
  };
}

async function readCapped(stream: AsyncIterable<Uint8Array>) {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    chunks.push(chunk);
    // Leaving the loop destroys the stream and its connection.
    if (size > MAX_BODY_BYTES) break;
  }
  const bytes = Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES);
  return { text: new TextDecoder().decode(bytes), isTruncated: size > MAX_BODY_BYTES };
}

function firstValues(headers: Readonly<Record<string, string | string[] | undefined>>) {
  const entries = Object.entries(headers).map(([name, value]) => [name, [value].flat()[0] ?? '']);
  return Object.fromEntries(entries) as Record<string, string>;
}

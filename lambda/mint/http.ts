import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import type { ProxySettings } from '../config.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** Time limit of the whole exchange, connection and body included. */
  readonly timeoutMs: number;
}

/** A response with any status: redirects are not followed. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. A repeated header has its first value. */
  readonly headers: Readonly<Record<string, string>>;
  /** UTF-8, without a byte order mark; cut at {@link MAX_BODY_BYTES}. */
  readonly body: string;
  /** Whether there was more than {@link MAX_BODY_BYTES}. */
  readonly isTruncated: boolean;
}

/** Sends one request. Rejects if no complete response came; the caller describes that error by {@link connectionFailure}. */
export type SendRequest = (request: HttpRequest) => Promise<HttpResponse>;

/** No response that this function needs is longer. */
export const MAX_BODY_BYTES = 65_536;

/** The `User-Agent` of every request. */
export const USER_AGENT = 'token-refresher/1';

/** Trusts Node's certificate authorities, and those of `NODE_EXTRA_CA_CERTS`. */
function createDispatcher(proxy?: ProxySettings): Dispatcher {
  // Without pipelining each connection serves one request.
  const options = { pipelining: 0, allowH2: false };
  if (proxy === undefined) return new Agent(options);
  // Plain http is for loopback only, without a proxy. undici would read one from the environment.
  return new EnvHttpProxyAgent({ ...options, ...proxy, httpProxy: '' });
}

/**
 * Makes the function that sends every HTTP request to the provider, each on its own connection: Lambda freezes the function between two
 * invocations, and a connection that was closed meanwhile would fail the next request.
 */
export function createSendRequest(proxy?: ProxySettings): SendRequest {
  const dispatcher = createDispatcher(proxy);
  return async ({ method, url, headers, body, signal, timeoutMs }) => {
    const limit = timeLimit(signal, timeoutMs);
    try {
      limit.signal.throwIfAborted();
      const { origin, pathname, search } = new URL(url);
      const response = await dispatcher.request({
        origin,
        path: `${pathname}${search}`,
        method,
        headers: { 'user-agent': USER_AGENT, ...headers },
        body: body ?? null,
        signal: limit.signal,
      });
      const { text, isTruncated } = await readCapped(response.body);
      return { status: response.statusCode, headers: firstValues(response.headers), body: text, isTruncated };
    } finally {
      limit.clear();
    }
  };
}

/** Uses a timer that is always cleared: `AbortSignal.timeout` would outlive the request in a frozen function. */
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

/** Reads a body that is a JSON object; undefined if it is none, or was cut. */
export function parseJsonObject({ body, isTruncated }: HttpResponse): Record<string, unknown> | undefined {
  if (isTruncated) return undefined;
  try {
    const json: unknown = JSON.parse(body);
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
    return isObject ? (json as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

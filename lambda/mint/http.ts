import { Agent, buildConnector, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import type { ProxySettings } from '../config.ts';
import { ACCEPT_ENCODING, decodeBody } from './content-encoding.ts';

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
  /** Decoded, UTF-8, without a byte order mark; cut at {@link MAX_BODY_BYTES}. */
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

/**
 * Trusts Node's certificate authorities, and those of `NODE_EXTRA_CA_CERTS`. `onSocketError` gets a connection's own error:
 * where TLS 1.3 ends after the handshake, undici reports only that the other side closed.
 */
function createDispatcher(
  proxy: ProxySettings | undefined,
  onSocketError: (error: unknown) => void,
): Dispatcher {
  // Without pipelining each connection serves one request.
  const options = { pipelining: 0, allowH2: false };
  const connect = buildConnector({ allowH2: false });
  if (proxy === undefined) {
    return new Agent({
      ...options,
      connect: (to, done) =>
        connect(to, (...connected) => {
          connected[1]?.once('error', onSocketError);
          done(...connected);
        }),
    });
  }
  // Plain http is for loopback only, without a proxy. undici would read one from the environment.
  return new EnvHttpProxyAgent({ ...options, ...proxy, httpProxy: '' });
}

/**
 * Makes the function that sends every HTTP request to the provider, each on its own connection: Lambda freezes the function between two
 * invocations, and a connection that was closed meanwhile would fail the next request.
 */
export function createSendRequest(proxy?: ProxySettings): SendRequest {
  let socketError: unknown;
  const dispatcher = createDispatcher(proxy, (error) => {
    socketError = error;
  });
  return async ({ method, url, headers, body, signal, timeoutMs }) => {
    const limit = timeLimit(signal, timeoutMs);
    socketError = undefined;
    try {
      limit.signal.throwIfAborted();
      const { origin, pathname, search } = new URL(url);
      const response = await dispatcher.request({
        origin,
        path: `${pathname}${search}`,
        method,
        headers: { 'user-agent': USER_AGENT, 'accept-encoding': ACCEPT_ENCODING, ...headers },
        body: body ?? null,
        signal: limit.signal,
      });
      const { text, isTruncated } = await readCapped(response.body, response.headers['content-encoding']);
      return { status: response.statusCode, headers: firstValues(response.headers), body: text, isTruncated };
    } catch (error) {
      throw limit.signal.aborted ? error : (socketError ?? error);
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

async function readCapped(stream: AsyncIterable<Uint8Array>, encoding: string | string[] | undefined) {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    chunks.push(chunk);
    // Leaving the loop destroys the stream and its connection.
    if (size > MAX_BODY_BYTES) break;
  }
  const isCut = size > MAX_BODY_BYTES;
  const bytes = Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES);
  const decoded = isCut ? bytes : decodeBody(bytes, [encoding ?? []].flat().join(), MAX_BODY_BYTES);
  return { text: new TextDecoder().decode(decoded), isTruncated: isCut || decoded === undefined };
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

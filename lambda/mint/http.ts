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

/** Sends one request. Rejects if no complete response came; the caller describes that error by `connectionFailure`. */
export type SendRequest = (request: HttpRequest) => Promise<HttpResponse>;

/** No response that this function needs is longer. */
export const MAX_BODY_BYTES = 65_536;

const COMMON_HEADERS = { 'user-agent': 'token-refresher/1', 'accept-encoding': ACCEPT_ENCODING };

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
  // Plain http is for loopback only, without a proxy. undici would read one from the environment.
  if (proxy !== undefined) return new EnvHttpProxyAgent({ ...options, ...proxy, httpProxy: '' });
  const connect = buildConnector({ allowH2: false });
  return new Agent({
    ...options,
    connect: (to, done) =>
      connect(to, (...connected) => {
        connected[1]?.once('error', onSocketError);
        done(...connected);
      }),
  });
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
    signal.throwIfAborted();
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    socketError = undefined;
    try {
      const { origin, pathname, search } = new URL(url);
      const response = await dispatcher.request({
        origin,
        path: `${pathname}${search}`,
        method,
        headers: { ...COMMON_HEADERS, ...headers },
        body: body ?? null,
        signal: limit,
      });
      const encoding = [response.headers['content-encoding'] ?? []].flat().join();
      const received = Object.entries(response.headers).map(([name, value]) => [
        name,
        [value].flat()[0] ?? '',
      ]);
      const content = await readCapped(response.body, encoding);
      return { status: response.statusCode, headers: Object.fromEntries(received), ...content };
    } catch (error) {
      throw limit.aborted ? error : (socketError ?? error);
    }
  };
}

async function readCapped(stream: AsyncIterable<Uint8Array>, encoding: string) {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    chunks.push(chunk);
    // Leaving the loop destroys the stream and its connection.
    if (size > MAX_BODY_BYTES) break;
  }
  const bytes = Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES);
  const decoded = decodeBody(bytes, encoding, MAX_BODY_BYTES);
  const isTruncated = size > MAX_BODY_BYTES || decoded === undefined;
  return { body: new TextDecoder().decode(decoded), isTruncated };
}

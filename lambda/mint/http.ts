import { gunzipSync } from 'node:zlib';
import { EnvHttpProxyAgent } from 'undici';
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
  /** Decoded, UTF-8, without a byte order mark; cut at {@link MAX_BODY_BYTES}. */
  readonly body: string;
}

/** Sends one request. Rejects if no complete response came; the caller describes that error by `connectionFailure`. */
export type SendRequest = (request: HttpRequest) => Promise<HttpResponse>;

/** No response that this function needs is as long. */
export const MAX_BODY_BYTES = 65_536;

/** What every request has. Of the codings, gzip is the one that each server knows that knows any. */
const COMMON_HEADERS = { 'user-agent': 'token-refresher/1', 'accept-encoding': 'gzip' };

/**
 * Makes the function that sends every HTTP request to the provider, each on its own connection: Lambda freezes the function between two
 * invocations, and a connection that was closed meanwhile would fail the next request. It trusts Node's certificate
 * authorities, and those of `NODE_EXTRA_CA_CERTS`.
 */
export function createSendRequest(proxy?: ProxySettings): SendRequest {
  const dispatcher = new EnvHttpProxyAgent({
    // Without pipelining each connection serves one request.
    pipelining: 0,
    allowH2: false,
    // Plain http is for loopback only, without a proxy. undici would read one from the environment.
    httpProxy: '',
    httpsProxy: '',
    ...proxy,
  });
  return async ({ method, url, headers, body, signal, timeoutMs }) => {
    signal.throwIfAborted();
    const { origin, pathname, search } = new URL(url);
    const response = await dispatcher.request({
      origin,
      path: `${pathname}${search}`,
      method,
      headers: { ...COMMON_HEADERS, ...headers },
      body: body ?? null,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    const bytes = await readCapped(response.body);
    const received = Object.entries(response.headers).map(([name, value]) => [name, [value].flat()[0] ?? '']);
    return {
      status: response.statusCode,
      headers: Object.fromEntries(received),
      body: new TextDecoder().decode(decompressed(bytes)),
    };
  };
}

async function readCapped(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    chunks.push(chunk);
    // Leaving the loop destroys the stream and its connection.
    if (size > MAX_BODY_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES);
}

/** A body that is not compressed is left as it came: proxies decode bodies and leave the header `Content-Encoding`. */
function decompressed(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_BODY_BYTES });
  } catch {
    return bytes;
  }
}

/**
 * Headers of one connection, not of the message.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
 */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** Headers that the gateway sets itself, besides those of the connection. */
const REPLACED = ['host', 'authorization', 'expect', 'content-length'];

type Distinct = Readonly<NodeJS.Dict<string[]>>;

/**
 * The headers of a request to Genesys Cloud: the client's without those of the connection, and with this token. The length
 * of the body is the client's.
 */
export function requestHeaders(headers: Distinct, accessToken: string): Record<string, string | string[]> {
  const { 'transfer-encoding': encoding, 'content-length': length } = headers;
  return {
    ...endToEnd(headers, REPLACED),
    ...(encoding !== undefined && { 'transfer-encoding': 'chunked' }),
    ...(encoding === undefined && length !== undefined && { 'content-length': length[0] as string }),
    authorization: `Bearer ${accessToken}`,
  };
}

/**
 * The headers of a response to the client. A `Location` on the API becomes one on the gateway. A `Location` on another
 * host is dropped, and so is `Alt-Svc`: a client that follows them would send the token there.
 */
export function responseHeaders(headers: Distinct, origin: string): Record<string, string | string[]> {
  const location = headers.location?.[0];
  const onGateway = location === undefined ? undefined : locationOnGateway(location, origin);
  return {
    ...endToEnd(headers, ['location', 'alt-svc']),
    ...(onGateway !== undefined && { location: onGateway }),
  };
}

function endToEnd(headers: Distinct, dropped: readonly string[]): Record<string, string | string[]> {
  const named = (headers.connection ?? []).flatMap((value) => value.toLowerCase().split(/[ \t]*,[ \t]*/));
  const left = new Set([...HOP_BY_HOP, ...dropped, ...named]);
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, values]) =>
      left.has(name) || values === undefined
        ? []
        : [[name, values.length === 1 ? (values[0] as string) : values]],
    ),
  );
}

function locationOnGateway(location: string, origin: string): string | undefined {
  let url: URL;
  try {
    url = new URL(location, origin);
  } catch {
    return undefined;
  }
  if (url.origin !== origin) return undefined;
  return url.pathname.startsWith('/api/v2/') ? url.pathname + url.search : url.href;
}

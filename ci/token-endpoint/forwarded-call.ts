/**
 * Turns a request's target into the path and query for Genesys Cloud's API, without changing them; undefined if the
 * target is not below `/api/v2/`. SDKs that are configured with the path name `api` write `/api/api/v2/…`.
 *
 * Uses no URL parser: it would read `//evil/` as a host, and `/api/v2/../` as another path. Refuses a dot segment, also
 * after percent-decoding once or more: servers differ in how often they decode.
 *
 * @param target of the request line: `/api/v2/users/me?expand=team`
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-3.2 forms of a request's target
 */
export function apiPath(target: string): string | undefined {
  // Origin form, in printable ASCII. Some servers read a backslash as a slash.
  if (!/^\/[!-~]*$/.test(target) || /[\\#]/.test(target)) return undefined;
  const path = target.startsWith('/api/api/v2/') ? target.slice('/api'.length) : target;
  if (!path.startsWith('/api/v2/')) return undefined;
  const segments = decoded(path.split('?', 1)[0] as string).split(/[/\\]/);
  // Some servers cut a segment at its first semicolon.
  const isDots = (segment: string): boolean => /^\.{1,2}(?:;|$)/.test(segment);
  return segments.some(isDots) ? undefined : path;
}

const ENCODED: Readonly<Record<string, string>> = { '2e': '.', '2f': '/', '3b': ';', '5c': '\\' };

function decoded(path: string): string {
  let text = path;
  while (/%25/.test(text)) text = text.replace(/%25/g, '%');
  return text.replace(/%(2e|2f|3b|5c)/gi, (_whole, code: string) => ENCODED[code.toLowerCase()] as string);
}

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
  if (!URL.canParse(location, origin)) return undefined;
  const url = new URL(location, origin);
  if (url.origin !== origin) return undefined;
  return url.pathname.startsWith('/api/v2/') ? url.pathname + url.search : url.href;
}

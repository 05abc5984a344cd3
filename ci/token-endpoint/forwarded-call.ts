/**
 * Turns a request's target into the path and query for Genesys Cloud's API, without changing them; undefined if the
 * target is not below `/api/v2/`. SDKs that are configured with the path name `api` write `/api/api/v2/…`.
 *
 * Uses no URL parser: it would read `//evil/` as a host, and `/api/v2/../` as another path. Refuses a path that is not
 * plain, because servers differ in how they read it: a dot segment, also percent-encoded; what is encoded twice, or not as
 * UTF-8; a control character.
 *
 * @param target of the request line: `/api/v2/users/me?expand=team`
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-3.2 forms of a request's target
 */
export function apiPath(target: string): string | undefined {
  // Origin form, in printable ASCII. Some servers read a backslash as a slash.
  if (!/^\/[!-~]*$/.test(target) || /[\\#]/.test(target)) return undefined;
  const path = target.startsWith('/api/api/v2/') ? target.slice('/api'.length) : target;
  if (!path.startsWith('/api/v2/')) return undefined;
  const segments = segmentsOf(path);
  const isDots = (segment: string): boolean => /^\s*[.\u3002][.\u3002\s]*$/.test(segment);
  return segments === undefined || segments.some(isDots) ? undefined : path;
}

/** The decoded segments of a path, each without its parameters (`;a=b`); undefined if the path is not plain. */
function segmentsOf(path: string): string[] | undefined {
  let text: string;
  try {
    text = decodeURIComponent(path.split('?', 1)[0] as string);
  } catch {
    return undefined;
  }
  // Other forms of a character, such as a full-width dot, and characters that nobody sees.
  text = text.normalize('NFKD').replace(/\p{Cf}/gu, '');
  if (/%[0-9a-f]{2}|\p{Cc}/iu.test(text)) return undefined;
  return text.split(/[/\\\u2044\u2215\u29f8]/).map((segment) => segment.replace(/;.*/, ''));
}

// By id a user's tokens; and the idle timeout, which is a setting.
const OTHER_TOKENS = /^(?:timeout|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/**
 * Tells whether a call could end the client's token, however a server reads its path and method.
 *
 * @param path as {@link apiPath} returned it
 * @see https://developer.genesys.cloud/devapps/api-explorer DELETE /api/v2/tokens/me
 */
export function endsToken(method: string, path: string): boolean {
  // A server may take the method from the query, as from a header.
  const query = new URLSearchParams(path.replace(/^[^?]*/, '').replaceAll(';', '&'));
  if (/^(?:get|head)$/i.test(method) && ![...query.keys()].some((name) => /method/i.test(name))) return false;
  const names = (segmentsOf(path) ?? [])
    .map((segment) => segment.toLowerCase().replace(/[^a-z0-9-]/g, ''))
    .filter((name) => name !== '');
  const [, , first, second = ''] = names;
  return (first === 'tokens' && !OTHER_TOKENS.test(second)) || names.join('/').includes('/tokens/me');
}

/**
 * Headers of one connection, not of the message.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
 */
const HOP_BY_HOP = /^(?:connection|keep-alive|proxy-(?:auth|conn).*|te|trailer|transfer-encoding|upgrade)$/;

/** Headers by which a server may take another method or path than those of the request line, which were checked. */
const OVERRIDING = /method|override|^x[-_].*(?:original|rewrite|forwarded|replaced|ur[il]$|path)/;

type Distinct = Readonly<NodeJS.Dict<string[]>>;

/**
 * The headers of a request to Genesys Cloud: the client's without those of the connection, and with this token. The length
 * of the body is the client's.
 */
export function requestHeaders(headers: Distinct, accessToken: string): Record<string, string | string[]> {
  const { 'transfer-encoding': encoding, 'content-length': length } = headers;
  return {
    ...endToEnd(headers, ['host', 'authorization', 'expect', 'content-length']),
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
  const left = new Set([...dropped, ...named]);
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, values]) =>
      left.has(name) || HOP_BY_HOP.test(name) || OVERRIDING.test(name) || values === undefined
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

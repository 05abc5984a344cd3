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

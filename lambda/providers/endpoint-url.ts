/** The rule for a URL that secrets or tokens are sent to, in words. @see RFC 6749 section 3.2 */
export const ENDPOINT_URL_RULE =
  'an https URL without user, password, fragment or white space (http for loopback addresses only)';

/** Tells whether secrets or tokens may be sent to a URL: {@link ENDPOINT_URL_RULE}. */
export function isEndpointUrl(text: string): boolean {
  if (!URL.canParse(text) || /[#\s]/.test(text)) return false;
  const url = new URL(text);
  const isPrivate = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
  return isPrivate && url.username === '' && url.password === '';
}

/** Whether a URL names this machine: 127.0.0.0/8, ::1, localhost. The URL parser has normalized the address. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

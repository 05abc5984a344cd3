import { isIPv4 } from 'node:net';
import { RefreshError } from '../errors.ts';

/**
 * Reads a URL that secrets or tokens will be sent to: https, or plain http to a loopback address alone; no user
 * information, no fragment.
 *
 * @param source what the URL is, for the message: `tokenUrl`
 * @throws RefreshError `CONFIG_INVALID`
 * @see RFC 6749 section 3.2
 */
export function parseEndpointUrl(text: string, source: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const problem = url === undefined ? 'is not a URL' : endpointUrlProblem(url);
  if (url !== undefined && problem === undefined) return url;
  throw new RefreshError(
    'CONFIG_INVALID',
    `The setting ${source} ${problem}. Correct it in the tokens of cdk.json and deploy again.`,
  );
}

/** What is wrong with a URL that secrets or tokens would be sent to; undefined where nothing is. */
export function endpointUrlProblem(url: URL): string | undefined {
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url))) {
    return 'is not https (plain http is for loopback addresses alone)';
  }
  if (url.username !== '' || url.password !== '') return 'carries a user name or a password';
  if (url.hash !== '') return 'has a fragment';
  return undefined;
}

/** Whether a URL names this machine itself: 127.0.0.0/8, ::1, localhost. */
export function isLoopback({ hostname }: URL): boolean {
  return (
    hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'))
  );
}

/**
 * Checks a host name, with or without a port, that becomes part of a URL.
 *
 * @throws RefreshError `CONFIG_INVALID`
 */
export function parseDomain(domain: string, source: string): string {
  if (/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/i.test(domain) && URL.canParse(`https://${domain}`)) {
    return domain;
  }
  throw new RefreshError(
    'CONFIG_INVALID',
    `The setting ${source} is not a host name (without https:// and path). Correct it in the tokens of cdk.json and deploy again.`,
  );
}

import type { SendRequest } from './http.ts';
import type { ProbeResult } from './minter.ts';

/**
 * Uses a token once. Never throws.
 *
 * A 403 with `insufficient_scope` shows that the server accepted the token. Any other 403 may come from a firewall that
 * did not check the token: it says nothing about the token.
 *
 * @see RFC 6750 sections 2.1 and 3.1
 */
export async function probeToken(options: {
  readonly accessToken: string;
  readonly probeUrl: string;
  readonly send: SendRequest;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}): Promise<ProbeResult> {
  const { accessToken, probeUrl, send, signal, timeoutMs } = options;
  try {
    const { status, headers } = await send({
      method: 'GET',
      url: probeUrl,
      headers: { accept: 'application/json', authorization: `Bearer ${accessToken}` },
      signal,
      timeoutMs,
    });
    if (status === 401) return 'refused';
    const isKnown = status === 403 && /insufficient_scope/.test(headers['www-authenticate'] ?? '');
    return isKnown || (status >= 200 && status < 300) ? 'accepted' : 'unanswered';
  } catch {
    return 'unanswered';
  }
}

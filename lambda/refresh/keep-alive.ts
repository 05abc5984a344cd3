import { BEAT_JITTER_MS } from '../contract.ts';
import { isRefreshError } from '../errors.ts';
import type { Invocation, Memory } from './invocation.ts';
import type { TokenDescription } from './status.ts';

/**
 * Genesys Cloud's shortest inactivity timeout is 5 minutes. With this interval, two beats may be lost or two probes may
 * fail.
 *
 * @see https://help.genesys.cloud/articles/set-an-automatic-inactivity-timeout
 */
const KEEP_ALIVE_INTERVAL_MS = 2 * 60_000;

/**
 * Uses the stored token once, if the provider has a probe and the last use is long enough ago. This keeps an
 * organization's inactivity timeout from ending the token, and detects a revoked token before a job does. An instance
 * that does not know the last use probes at once. Returns whether the provider refused the token.
 */
export async function keepAlive(invocation: Invocation, token: TokenDescription): Promise<boolean> {
  const { policy, hasProbe, loadMinter, clock, memory, observations, signal } = invocation;
  const now = clock.now();
  // A token is sent only to hosts of its own source.
  if (token.source !== undefined && token.source !== policy.source) return false;
  if (!hasProbe || token.expiresAt <= now || !isDue(memory.lastUse, token, now)) return false;
  try {
    const [accessToken, minter] = await Promise.all([readToken(invocation, token), loadMinter()]);
    if (accessToken === null || minter.probe === undefined) return false;
    const probed = await minter.probe(accessToken, { signal });
    if (probed === 'accepted') memory.lastUse = { fingerprint: token.fingerprint, usedAt: now };
    else if (probed === 'unanswered')
      observations.warnings.push('The keep-alive probe was not answered; the next invocation tries again.');
    else {
      // A token that the provider refuses has no remaining life for a reader.
      observations.remainingMs = 0;
      observations.warnings.push('The provider refused the stored token before it expired.');
    }
    return probed === 'refused';
  } catch (error) {
    const reason = isRefreshError(error) ? `${error.code}: ${error.message}` : 'unexpected error';
    observations.warnings.push(`The keep-alive probe could not be made (${reason})`);
    return false;
  }
}

/** Reads and decrypts the token only if this instance does not hold this version: each decryption costs. */
async function readToken({ parameters, memory, signal }: Invocation, { version }: TokenDescription) {
  if (memory.heldToken?.version === version) return memory.heldToken.accessToken;
  const accessToken = await parameters.readToken({ version, signal });
  memory.heldToken = accessToken === null ? null : { version, accessToken };
  return accessToken;
}

function isDue(lastUse: Memory['lastUse'], { fingerprint }: TokenDescription, now: Date): boolean {
  if (lastUse?.fingerprint !== fingerprint) return true;
  const unusedMs = now.getTime() - lastUse.usedAt.getTime();
  return unusedMs < 0 || unusedMs >= KEEP_ALIVE_INTERVAL_MS - BEAT_JITTER_MS;
}

import { BEAT_JITTER_MS } from '../contract.ts';
import { isRefreshError } from '../errors.ts';
import type { Minter, ProbeResult } from '../mint/minter.ts';
import type { Clock } from './clock.ts';
import type { Parameters as StoredParameters } from './parameters.ts';
import type { Policy } from './planner.ts';
import type { TokenDescription } from './status.ts';

/** The last use of a token that this instance knows of. */
export interface KeepAlive {
  fingerprint: string | null;
  usedAt: Date | null;
}

/** A token that this instance wrote or read, with the version that Parameter Store gave it. A version never changes. */
export interface HeldToken {
  readonly version: number;
  readonly accessToken: string;
}

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
 * that does not know the last use probes at once.
 */
export async function keepAlive(options: {
  readonly token: TokenDescription;
  readonly policy: Pick<Policy, 'source'>;
  readonly hasProbe: boolean;
  readonly loadMinter: () => Promise<Minter>;
  readonly parameters: StoredParameters;
  readonly clock: Clock;
  readonly memory: { keepAlive: KeepAlive; heldToken: HeldToken | null };
  readonly observations: { remainingMs: number | null; readonly warnings: string[] };
  readonly signal: AbortSignal;
}): Promise<ProbeResult | 'not-due'> {
  const { token, policy, hasProbe, loadMinter, clock, memory, observations, signal } = options;
  const now = clock.now();
  // A token is sent only to hosts of its own source.
  if (token.source !== undefined && token.source !== policy.source) return 'not-due';
  if (!hasProbe || token.expiresAt <= now || !isDue(memory.keepAlive, token, now)) return 'not-due';
  try {
    const [accessToken, minter] = await Promise.all([readToken(options), loadMinter()]);
    if (accessToken === null || minter.probe === undefined) return 'not-due';
    const probed = await minter.probe(accessToken, { signal });
    if (probed === 'unanswered') {
      observations.warnings.push('The keep-alive probe was not answered; the next invocation tries again.');
      return probed;
    }
    if (probed === 'refused') {
      // A token that the provider refuses has no remaining life for a reader.
      observations.remainingMs = 0;
      observations.warnings.push('The provider refused the stored token before it expired.');
      return probed;
    }
    rememberUse(memory, token.fingerprint, now);
    return probed;
  } catch (error) {
    const reason = isRefreshError(error) ? `${error.code}: ${error.message}` : 'unexpected error';
    observations.warnings.push(`The keep-alive probe could not be made (${reason})`);
    return 'unanswered';
  }
}

/** Reads and decrypts the token only if this instance does not hold this version: each decryption costs. */
async function readToken({
  token: { version },
  parameters,
  memory,
  signal,
}: Pick<Parameters<typeof keepAlive>[0], 'token' | 'parameters' | 'memory' | 'signal'>) {
  if (memory.heldToken?.version === version) return memory.heldToken.accessToken;
  const accessToken = await parameters.readToken({ version, signal });
  memory.heldToken = accessToken === null ? null : { version, accessToken };
  return accessToken;
}

/** Notes that a token was just used. */
export function rememberUse(memory: { keepAlive: KeepAlive }, fingerprint: string, usedAt: Date): void {
  memory.keepAlive = { fingerprint, usedAt };
}

function isDue({ fingerprint, usedAt }: KeepAlive, token: TokenDescription, now: Date): boolean {
  if (usedAt === null || fingerprint !== token.fingerprint) return true;
  const unusedMs = now.getTime() - usedAt.getTime();
  return unusedMs < 0 || unusedMs >= KEEP_ALIVE_INTERVAL_MS - BEAT_JITTER_MS;
}

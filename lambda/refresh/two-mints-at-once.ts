import type { Parameters } from './parameters.ts';
import type { Stored } from './planner.ts';
import type { TokenDescription } from './status.ts';

/** If more versions than this were written since the read, they are not compared: another mint costs less. */
const MOST_VERSIONS = 5;

interface Claim {
  /** What this invocation has just written. */
  readonly token: TokenDescription;
  /** What it had read before. */
  readonly stored: Stored;
  readonly parameters: Parameters;
  readonly fingerprintOf: (accessToken: string) => string;
  readonly signal: AbortSignal;
}

/**
 * Decides which token the status may describe after a write: of two mints at once the token that was issued later
 * stays. Parameter Store has no conditional write, but numbers its versions. If a number is skipped, another invocation
 * wrote it, or this one did and the answer was lost. Only then are the versions in between read.
 *
 * Returns the token that is now stored: our own, or the other one, which is written back if it was issued later. Returns
 * null if nobody can tell yet which one was. Then no status is written. The old status describes neither token, so the
 * next invocation mints a token that is later than both.
 */
export async function claimVersion(claim: Claim): Promise<TokenDescription | null> {
  const { token, stored, parameters, fingerprintOf, signal } = claim;
  const first = (stored.tokenVersion ?? 0) + 1;
  // A lower number: the parameter was deleted since the read, and its versions start at 1 again.
  if (token.version <= first) return token;
  const { tokenVersion, status } = await parameters.read({ signal });
  if (tokenVersion !== token.version || token.version - first > MOST_VERSIONS) return null;
  const described = status?.token ?? null;
  let later: string | undefined;
  for (let version = first; version < token.version; version++) {
    const accessToken = await parameters.readToken({ version, signal });
    if (accessToken === null) return null;
    const fingerprint = fingerprintOf(accessToken);
    if (fingerprint === token.fingerprint) continue;
    if (version !== described?.version || fingerprint !== described.fingerprint) return null;
    if (described.issuedAt > token.issuedAt) later = accessToken;
  }
  if (described === null || later === undefined) return token;
  const version = await parameters.writeToken({ accessToken: later, signal });
  return version === token.version + 1 ? { ...described, version } : null;
}

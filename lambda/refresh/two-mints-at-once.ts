import type { Parameters } from './parameters.ts';
import type { Stored } from './planner.ts';
import type { TokenDescription } from './status.ts';

/** More versions than this between two looks are not looked through: a mint settles it for less. */
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
 * stays. Parameter Store has no conditional write, but numbers its versions: a number that was passed over is another
 * invocation's, or a write of our own whose answer was lost. Only then it costs a look.
 *
 * Returns the token that is now stored: our own, or the other's, which is put back where it was issued later. Null
 * where nobody can tell yet which one was: no status is written then, and because the old one describes neither, the
 * next invocation mints a token that is later than both.
 */
export async function claimVersion(claim: Claim): Promise<TokenDescription | null> {
  const { token, stored, parameters, fingerprintOf, signal } = claim;
  const first = (stored.tokenVersion ?? 0) + 1;
  // Below: the parameter was deleted meanwhile, and begins anew.
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

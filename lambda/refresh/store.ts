import { hash } from 'node:crypto';
import { guarantee, MAX_LIFETIME_MS } from '../contract.ts';
import { RefreshError } from '../errors.ts';
import type { MintedToken, Minter } from '../mint/minter.ts';
import type { Invocation } from './invocation.ts';
import { describedToken, hasKey, refreshDueAt, type Stored } from './planner.ts';
import { type Status, serializeStatus, type TokenDescription } from './status.ts';

/**
 * The outcome of a mint. `same-token`: the server returned the stored token, which is not written again.
 * `concurrent-mint`: another invocation may have stored a token at the same time.
 */
export type StoreOutcome = 'stored' | 'same-token' | 'concurrent-mint';

/** The outcome of a mint, and the token that is now stored. */
interface StoreResult {
  readonly outcome: StoreOutcome;
  readonly token: TokenDescription;
  /** The status that the caller has to write; null: none. */
  readonly status: Status | null;
}

/**
 * Mints a token, probes it if the provider has a probe, and stores it, without its status. A token that was issued later
 * replaces the stored one, whatever lifetime the stored one claims.
 *
 * Parameter Store has no conditional write, but numbers its versions. If the new version does not follow the version that
 * was read, another invocation wrote too, or this one wrote twice because an answer was lost, or the parameter was deleted.
 * Then no status is written. The old status describes none of these tokens, so that the next beat mints a token that is
 * later than all of them.
 *
 * @param storedIsRefused whether the provider refused the stored token: the same token again is then a failure
 * @throws RefreshError `TOKEN_UNUSABLE`, and the codes of {@link Minter.mint} and {@link Parameters.writeToken}
 */
export async function mintAndStore(
  invocation: Invocation,
  stored: Stored,
  storedIsRefused: boolean,
): Promise<StoreResult> {
  const { loadMinter, parameters, policy, provider, memory, observations, signal } = invocation;
  const minter = await loadMinter();
  const minted = await minter.mint({ signal });
  observations.warnings.push(...minted.warnings);
  const { accessToken } = minted;
  const fingerprint = fingerprintOf(accessToken);
  const current = describedToken(stored);
  if (current?.fingerprint === fingerprint && hasKey(current, policy) && !storedIsRefused) {
    const expiry = expiryOfSame(current, minted);
    // A status of a longer life would not be believed: the token is then written again, as a new one.
    const isBelievable = expiry.expiresAt.getTime() - current.issuedAt.getTime() <= MAX_LIFETIME_MS;
    if (isBelievable) return keepSameToken(invocation, stored, current, { ...minted, ...expiry });
  }
  await prove(invocation, minter, minted);
  memory.sameTokenAt = null;
  const version = await parameters.writeToken({ accessToken, signal });
  memory.heldToken = { version, accessToken };
  const described = describe(invocation, stored, minted);
  const token = { version, fingerprint, ...described, encryptionKey: policy.encryptionKey };
  const isNext = version === (stored.tokenVersion ?? 0) + 1;
  if (!isNext) return { outcome: 'concurrent-mint', token, status: null };
  return { outcome: 'stored', token, status: { token, provider, lastFailure: null } };
}

/** The first 12 hex digits of the token's SHA-256. */
export function fingerprintOf(accessToken: string): string {
  return hash('sha256', accessToken).slice(0, 12);
}

/** The status fields of a minted token, without its version, its fingerprint and its key. */
function describe({ policy, provider }: Invocation, stored: Stored, minted: MintedToken) {
  const { issuedAt, expiresAt, isLifetimeAssumed, secretStage, secretCreatedAt } = minted;
  const before = stored.status?.token?.fallbackSince;
  return {
    issuedAt,
    expiresAt,
    ...(isLifetimeAssumed ? { isLifetimeAssumed } : {}),
    refreshDueAt: refreshDueAt({ issuedAt, expiresAt }, policy),
    provider,
    source: policy.source,
    secretStage,
    ...(secretStage === 'AWSCURRENT' ? {} : { fallbackSince: before ?? issuedAt }),
    ...(secretCreatedAt === undefined ? {} : { secretCreatedAt }),
    jobGuaranteeMs: guarantee(expiresAt.getTime() - issuedAt.getTime(), policy).job?.longestJobMs ?? null,
  };
}

async function prove(
  { clock, memory, observations, signal }: Invocation,
  { probe }: Minter,
  { accessToken }: MintedToken,
): Promise<void> {
  if (probe === undefined) return;
  const usedAt = clock.now();
  const probed = await probe(accessToken, { signal });
  if (probed === 'refused') {
    throw new RefreshError(
      'TOKEN_UNUSABLE',
      'The token endpoint returned a token that the provider refuses. It was not stored. Check the region or probeUrl, that the OAuth client is active, and that its IP allow-list admits the function.',
    );
  }
  if (probed === 'accepted') memory.lastUse = { fingerprint: fingerprintOf(accessToken), usedAt };
  else
    observations.warnings.push(
      'The probe of the new token was not answered. The token was stored without proof.',
    );
}

/**
 * When a token expires that the server returned again: at the earlier of the expiries that the server claimed. What was
 * assumed limits nothing: a token that was just returned without a claim, or after its claimed expiry, is live.
 */
function expiryOfSame(current: TokenDescription, minted: MintedToken) {
  const isAssumed = minted.isLifetimeAssumed === true;
  const claims = [minted, current].filter((one) => one.isLifetimeAssumed !== true);
  const claimed = claims.map(({ expiresAt }) => expiresAt).reduce(earlier, new Date(8.64e15));
  const isBelieved = claims.length > 0 && (!isAssumed || claimed > minted.issuedAt);
  return { expiresAt: isBelieved ? claimed : minted.expiresAt, isLifetimeAssumed: !isBelieved };
}

/** The server returned the stored token again. Its `issuedAt` stays. Once it is due, each beat requests a new one. */
function keepSameToken(
  invocation: Invocation,
  stored: Stored,
  current: TokenDescription,
  minted: MintedToken,
): StoreResult {
  const { clock, provider, memory, observations } = invocation;
  const issuedAt = earlier(current.issuedAt, minted.issuedAt);
  const { fallbackSince: _, isLifetimeAssumed: _assumed, secretCreatedAt: _created, ...rest } = current;
  const token = { ...rest, ...describe(invocation, stored, { ...minted, issuedAt }) };
  // A job may use an assumed life only, however long the token has lived.
  if (minted.isLifetimeAssumed) token.jobGuaranteeMs = describe(invocation, stored, minted).jobGuaranteeMs;
  memory.sameTokenAt = clock.now();
  observations.warnings.push(
    'The server returned the stored token again. The function requests a new one every minute while that token is due.',
  );
  const status = { token, provider, lastFailure: null };
  const isNews = stored.status === null || serializeStatus(status) !== serializeStatus(stored.status);
  return { outcome: 'same-token', token, status: isNews ? status : null };
}

function earlier(one: Date, other: Date): Date {
  return one < other ? one : other;
}

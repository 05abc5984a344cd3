import { createHash } from 'node:crypto';
import { RefreshError } from '../errors.ts';
import type { MintedToken, Minter } from '../mint/minter.ts';
import type { Clock } from './clock.ts';
import { type KeepAlive, rememberUse } from './keep-alive.ts';
import type { Parameters } from './parameters.ts';
import {
  describedToken,
  isFromFuture,
  type Policy,
  refreshDueAfterFutileMint,
  refreshDueAt,
  type Stored,
} from './planner.ts';
import type { TokenDescription } from './status.ts';

/**
 * What became of a minted token. `same-token` and `not-later`: the stored one lives at least as long and stays.
 * `concurrent-mint`: another invocation stored a longer-lived one meanwhile, which stays.
 */
export type StoreOutcome = 'stored' | 'same-token' | 'not-later' | 'concurrent-mint';

interface StoreOptions {
  readonly minter: Minter;
  readonly stored: Stored;
  /** Whether the provider refused the stored token: then any accepted one is better, whatever it promises. */
  readonly storedIsRefused: boolean;
  readonly parameters: Parameters;
  readonly clock: Clock;
  readonly policy: Policy;
  readonly provider: string;
  readonly memory: { keepAlive: KeepAlive; futileMintAt: Date | null };
  readonly observations: { readonly warnings: string[] };
  readonly signal: AbortSignal;
}

/**
 * Mints a token, proves it where the provider has a probe, and stores it unless the stored one lives longer: the
 * token first, then the status that describes it.
 *
 * @throws RefreshError `TOKEN_UNUSABLE`, and the codes of {@link Minter.mint} and {@link Parameters}
 */
export async function storeMinted(
  options: StoreOptions,
): Promise<{ readonly outcome: StoreOutcome; readonly token: TokenDescription }> {
  const { minter, stored, storedIsRefused, parameters, clock, policy, provider, memory, signal } = options;
  const minted = await minter.mint({ signal });
  options.observations.warnings.push(...minted.warnings);
  const fingerprint = fingerprintOf(minted.accessToken);
  const current = storedIsRefused ? null : describedToken(stored);
  if (current !== null && isCredible(current, clock.now()) && minted.expiresAt <= current.expiresAt) {
    return keepStored(options, current, minted, fingerprint);
  }
  await prove(options, minted, fingerprint);

  const version = await parameters.writeToken({ accessToken: minted.accessToken, signal });
  const { issuedAt, expiresAt } = minted;
  const token = {
    version,
    fingerprint,
    issuedAt,
    expiresAt,
    refreshDueAt: refreshDueAt(minted, policy),
    provider,
  };
  // Another version in between means another invocation, or an answer that was lost: only then it costs a look.
  const isAlone = version === (stored.tokenVersion ?? 0) + 1;
  const better = isAlone ? null : await restoreBetter(options, token);
  await parameters.writeStatus({ status: { token: better ?? token, provider, lastFailure: null }, signal });
  memory.futileMintAt = null;
  return better === null ? { outcome: 'stored', token } : { outcome: 'concurrent-mint', token: better };
}

/** The first 12 hex digits of the token's SHA-256. */
export function fingerprintOf(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest('hex').slice(0, 12);
}

/** Live, and not by the word of a wrong clock: what such a status says of the expiry is worth nothing. */
function isCredible(token: TokenDescription, now: Date): boolean {
  return token.expiresAt > now && !isFromFuture(token, now);
}

async function prove(
  { minter, clock, memory, observations, signal }: StoreOptions,
  minted: MintedToken,
  fingerprint: string,
) {
  if (minter.probe === undefined) return;
  const usedAt = clock.now();
  const probed = await minter.probe(minted.accessToken, { signal });
  if (probed === 'refused') {
    throw new RefreshError(
      'TOKEN_UNUSABLE',
      'The token endpoint gave a token that the provider refuses; it was not stored. Check the region or probeUrl, and that the OAuth client is active and its IP allow-list admits the function.',
    );
  }
  if (probed === 'accepted') rememberUse(memory, fingerprint, usedAt);
  else observations.warnings.push('The probe of the new token was not answered; it was stored unproved.');
}

/** Leaves a stored token that lives at least as long as the minted one, and notes when to ask again. */
async function keepStored(
  options: StoreOptions,
  current: TokenDescription,
  minted: MintedToken,
  fingerprint: string,
) {
  const { stored, parameters, clock, provider, memory, observations, signal } = options;
  const sameToken = fingerprint === current.fingerprint;
  const now = clock.now();
  const mintedLifetimeMs = minted.expiresAt.getTime() - minted.issuedAt.getTime();
  const due = refreshDueAfterFutileMint({ stored: current, mintedLifetimeMs, sameToken, now });
  const token = { ...current, refreshDueAt: due };
  memory.futileMintAt = now;
  observations.warnings.push(
    sameToken
      ? 'The server returned the stored token again; the next beat asks for a new one.'
      : `The server gave a token that expires no later than the stored one, which stays; a mint is due again at ${due.toISOString()}.`,
  );
  if (due.getTime() !== current.refreshDueAt.getTime() || stored.status?.lastFailure) {
    await parameters.writeStatus({ status: { token, provider, lastFailure: null }, signal });
  }
  return { outcome: sameToken ? 'same-token' : 'not-later', token } as const;
}

/**
 * After a write that met another invocation's: puts back the other's token where it lives longer. The later-expiring
 * token wins; without reserved concurrency duplicates are thereby harmless.
 */
async function restoreBetter(options: StoreOptions, own: TokenDescription): Promise<TokenDescription | null> {
  const { stored, parameters, signal } = options;
  const other = (await parameters.read({ signal })).status?.token ?? null;
  const isConcurrent =
    other !== null && other.version > (stored.tokenVersion ?? 0) && other.version < own.version;
  if (!isConcurrent || other.expiresAt <= own.expiresAt) return null;
  const accessToken = await parameters.readToken({ version: other.version, signal });
  if (accessToken === null || fingerprintOf(accessToken) !== other.fingerprint) return null;
  return { ...other, version: await parameters.writeToken({ accessToken, signal }) };
}

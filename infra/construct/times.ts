import {
  BEAT_MS,
  guarantee,
  MAX_LIFETIME_MS,
  MINT_TIME_LIMIT_MS,
  PROVIDERS,
  type ProviderName,
} from '../../lambda/contract.ts';

const MINUTE_MS = 60_000;

/** The least and the greatest value of each configured time, in milliseconds. `cdk.json` and code have the same. */
export function timeLimits(provider: ProviderName) {
  return {
    refreshInterval: { leastMs: MINUTE_MS, greatestMs: 24 * 60 * MINUTE_MS },
    expectedLifetime: {
      leastMs: PROVIDERS[provider].leastLifetimeMinutes * MINUTE_MS,
      greatestMs: MAX_LIFETIME_MS,
    },
    assumedLifetime: { leastMs: 2 * MINUTE_MS, greatestMs: MAX_LIFETIME_MS },
  } as const;
}

/**
 * Tells why tokens of this lifetime, replaced at this interval, may reach a reader expired, and what to set instead.
 * Undefined if they do not.
 */
export function marginProblem(lifetimeMs: number, refreshIntervalMs: number): string | undefined {
  const { floorMs, refreshAfterMs } = guarantee(lifetimeMs, { refreshIntervalMs });
  if (floorMs > 0) return undefined;
  const longest = Math.floor((lifetimeMs - BEAT_MS - MINT_TIME_LIMIT_MS - 1) / MINUTE_MS);
  const remedy = longest >= 1 ? `set refreshInterval to ${longest} or less, or let` : 'let';
  const lifetime = Number((lifetimeMs / MINUTE_MS).toFixed(1));
  const seconds = Math.round(refreshAfterMs / 1000);
  return `${lifetime} minutes leave no margin with a refresh after ${seconds} seconds; ${remedy} the tokens live longer`;
}

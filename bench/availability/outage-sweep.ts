import { BEAT_MS, MINT_TIME_LIMIT_MS } from '../../lambda/contract.ts';
import { simulate } from '../../local/simulation/simulate.ts';
import { createWindows } from '../../local/simulation/windows.ts';
import { createQuietWorld } from '../../local/simulation/world.ts';
import { promiseOf, type Setting } from './live.ts';

/** The worst results of outages of one length. Milliseconds. */
export interface SweepRow {
  /** How many outages of this length were simulated, each at another moment. */
  readonly outages: number;
  /** The longest time without a live token. */
  readonly worstGapMs: number;
  /** The longest time from the end of an outage to a fresh token, mint included. */
  readonly slowestRecoveryMs: number;
  /** The least remaining life in Parameter Store at any time; 0 where there was a gap. */
  readonly leastRemainingMs: number;
}

/** Outages start from this long before a token is due to this long after. */
const SWEEP_FROM_MS = -5 * BEAT_MS;
const SWEEP_TO_MS = 2 * BEAT_MS;

/** The latency of the token endpoint when it works. */
export const SLOW_MINT_MS = 9_000;

/**
 * Simulates an outage of one length at each moment around a refresh, `stepMs` apart, with the deployed function, and
 * returns the worst results.
 */
export async function sweepOutages(setting: Setting, outageMs: number, stepMs: number): Promise<SweepRow> {
  const { refreshAfterMs } = promiseOf(setting);
  const value = { code: 'TOKEN_ENDPOINT_UNAVAILABLE', latencyMs: 100 } as const;
  const row = { outages: 0, worstGapMs: 0, slowestRecoveryMs: 0, leastRemainingMs: Number.POSITIVE_INFINITY };
  for (let offset = SWEEP_FROM_MS; offset <= SWEEP_TO_MS; offset += stepMs) {
    const from = refreshAfterMs + offset;
    if (from <= MINT_TIME_LIMIT_MS) continue;
    const to = from + outageMs;
    const world = createQuietWorld({
      lifetimeMs: setting.lifetimeMs,
      spanMs: to + 10 * BEAT_MS,
      endpoint: createWindows([{ from, to, value }]),
      slow: createWindows([{ from: 0, to: Number.POSITIVE_INFINITY, value: SLOW_MINT_MS }]),
    });
    const { stored } = await simulate({
      world,
      reads: [],
      strategy: { name: 'ours', kind: 'ours', ...setting },
    });
    row.outages++;
    // The token that was stored when the outage began, and the first one after the outage.
    const after = stored.find(({ writtenAt }) => writtenAt > from);
    const before = stored.findLast(({ writtenAt }) => writtenAt <= from);
    if (before === undefined) throw new Error('The swept outage began before the first token.');
    // No later token: this one was not due before the span's end, so that the outage had no effect.
    const replacedAt = after?.writtenAt ?? Math.min(before.diesAt, to);
    row.worstGapMs = Math.max(row.worstGapMs, replacedAt - before.diesAt);
    row.leastRemainingMs = Math.min(row.leastRemainingMs, Math.max(0, before.diesAt - replacedAt));
    const isMissed = before.writtenAt + refreshAfterMs < to - 2 * BEAT_MS;
    if (isMissed) row.slowestRecoveryMs = Math.max(row.slowestRecoveryMs, replacedAt - to);
  }
  return row;
}

import { BEAT_MS, dueAgeMs, guarantee, MINT_TIME_LIMIT_MS } from '../../lambda/contract.ts';
import { createQuietWorld } from '../../local/simulation/quiet-world.ts';
import { simulate } from '../../local/simulation/simulate.ts';
import { createWindows } from '../../local/simulation/windows.ts';
import type { EndpointTrouble } from '../../local/simulation/world.ts';
import type { Setting } from './settings.ts';

/** The worst results of outages of one length. Milliseconds. */
export interface SweepRow {
  readonly outageMs: number;
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

const LATE_MS = 59_000;

/**
 * Simulates an outage of one length at each moment around a refresh, `stepMs` apart, with the deployed function, and
 * returns the worst results.
 */
export async function sweepOutages(options: {
  readonly setting: Setting;
  readonly outageMs: number;
  readonly stepMs: number;
  /** How the endpoint fails: by default at once, with an error. */
  readonly trouble?: EndpointTrouble;
  /** The endpoint's latency when it works. */
  readonly mintLatencyMs: number;
  /** Whether each second beat is as late as EventBridge Scheduler may be. */
  readonly hasLateBeats?: boolean;
}): Promise<SweepRow> {
  const { setting, outageMs, stepMs, mintLatencyMs } = options;
  const { refreshAfterMs } = guarantee(setting.lifetimeMs, setting);
  const trouble = options.trouble ?? { code: 'TOKEN_ENDPOINT_UNAVAILABLE', latencyMs: 100 };
  let worstGapMs = 0;
  let slowestRecoveryMs = 0;
  let leastRemainingMs = Number.POSITIVE_INFINITY;
  let outages = 0;
  for (let offset = SWEEP_FROM_MS; offset <= SWEEP_TO_MS; offset += stepMs) {
    const from = refreshAfterMs + offset;
    if (from <= MINT_TIME_LIMIT_MS) continue;
    const to = from + outageMs;
    const spanMs = to + 10 * BEAT_MS;
    const world = createQuietWorld({
      lifetimeMs: setting.lifetimeMs,
      spanMs,
      endpoint: createWindows([{ from, to, value: trouble }]),
      slow: createWindows([{ from: 0, to: Number.POSITIVE_INFINITY, value: mintLatencyMs }]),
      ...(options.hasLateBeats ? { beats: lateBeats(spanMs, dueAgeMs(refreshAfterMs)) } : {}),
    });
    const { stored } = await simulate({
      world,
      reads: [],
      strategy: { name: 'ours', kind: 'ours', ...setting },
    });
    outages++;
    // The token that was stored when the outage began, and the first one after the outage.
    const after = stored.find(({ writtenAt }) => writtenAt > from);
    const before = stored.findLast(({ writtenAt }) => writtenAt <= from);
    if (before === undefined) throw new Error('The swept outage began before the first token.');
    // No later token: this one was not due before the span's end, so that the outage had no effect.
    const replacedAt = after?.writtenAt ?? Math.min(before.diesAt, to);
    worstGapMs = Math.max(worstGapMs, replacedAt - before.diesAt);
    leastRemainingMs = Math.min(leastRemainingMs, Math.max(0, before.diesAt - replacedAt));
    const isMissed = before.writtenAt + refreshAfterMs < to - 2 * BEAT_MS;
    if (isMissed && replacedAt > to) slowestRecoveryMs = Math.max(slowestRecoveryMs, replacedAt - to);
  }
  return { outageMs, outages, worstGapMs, slowestRecoveryMs, leastRemainingMs };
}

/**
 * After the first beat two beats in two minutes, 119 s and 1 s apart; at the worst phase: a token is due a second after
 * a beat that is followed by none for 119 s.
 */
function lateBeats(spanMs: number, dueMs: number): Float64Array {
  const phaseMs = (dueMs - 1_000) % (2 * BEAT_MS);
  const beats = Array.from(
    { length: Math.ceil(spanMs / BEAT_MS) },
    (_, beat) => phaseMs + beat * BEAT_MS + (beat % 2 === 1 ? LATE_MS : 0),
  );
  return Float64Array.from([0, ...beats]);
}

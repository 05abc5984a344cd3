import { dyingAlarm } from '../../infra/construct/dying-alarm.ts';
import { guarantee } from '../../lambda/contract.ts';
import { type AlarmRecord, judgeAlarm, ringAlarm } from '../../local/simulation/alarm.ts';
import { drawReads } from '../../local/simulation/builds.ts';
import { gapsOf, type Outcome, simulate } from '../../local/simulation/simulate.ts';
import type { Strategy } from '../../local/simulation/strategies.ts';
import { createWorld, HOUR_MS, MINUTE_MS, type Server } from '../../local/simulation/world.ts';
import { type SweepRow, sweepOutages } from './outage-sweep.ts';
import { promisedMs, type Setting, toleranceOf } from './settings.ts';

/** How much is simulated. */
export interface Scope {
  readonly seed: number;
  readonly spanMs: number;
  readonly buildsADay: number;
  /** The time between two simulated starts of an outage. */
  readonly sweepStepMs: number;
}

/** A server that returns a new token for each request, and ends none. */
export const PLAIN: Server = { kind: 'plain', idleTimeoutMs: null };

/** A Genesys Cloud organization under HIPAA: an inactivity timeout of 15 minutes. */
export const FORGETFUL: Server = { kind: 'plain', idleTimeoutMs: 15 * MINUTE_MS };

/**
 * Simulates a strategy, by default the deployed function, in a world in which no outage is longer than given.
 */
export async function live(options: {
  readonly scope: Scope;
  readonly setting: Setting;
  readonly server?: Server;
  readonly strategy?: Strategy;
  /** In multiples of the outage tolerance, or of the job guarantee's if there is one; undefined: as in the history. */
  readonly longestTrouble?: number;
  /** Only jobs of at most that length that read once. Milliseconds. */
  readonly jobsOnlyMs?: number;
  readonly onProgress?: (done: number) => void;
}): Promise<Outcome> {
  const { scope, setting, server = PLAIN, longestTrouble, jobsOnlyMs, onProgress } = options;
  const { seed, spanMs, buildsADay } = scope;
  const { lifetimeMs, refreshIntervalMs, longestJobMs } = setting;
  const toleranceMs = toleranceOf(setting);
  const world = createWorld({
    seed,
    spanMs,
    lifetimeMs,
    server,
    ...(longestTrouble === undefined ? {} : { longestTroubleMs: toleranceMs * longestTrouble }),
  });
  const { reads } = drawReads({ seed, spanMs, lifetimeMs, buildsADay, longestJobMs: jobsOnlyMs });
  return await simulate({
    world,
    reads,
    strategy: options.strategy ?? { name: 'ours', kind: 'ours', refreshIntervalMs, longestJobMs },
    ...(onProgress === undefined ? {} : { onProgress }),
  });
}

/** Claim 1: what one outcome within the tolerance must not have. */
export function brokenWithinTolerance(outcome: Outcome): readonly string[] {
  const broken: string[] = [];
  const lost = outcome.builds.filter(
    ({ reading, state }) => reading === 'min-ttl' && state === 'lost',
  ).length;
  if (lost > 0) broken.push(`${lost} builds with --min-ttl were lost`);
  const dead = outcome.remainingAtReads.filter((remainingMs) => remainingMs <= 0).length;
  if (dead > 0) broken.push(`${dead} reads saw an expired token`);
  if (outcome.gaps.length > 0) broken.push(`${outcome.gaps.length} times there was no live token`);
  return broken;
}

/** Where claim 2 looks: outages longer than H by this much. */
export const BEYOND_TOLERANCE_MS: readonly number[] = [0, MINUTE_MS, 5 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS];

/** The latencies of a token endpoint that works. */
const USUAL_MINT_MS = 250;
export const SLOW_MINT_MS = 9_000;

/** Claim 2: outages of H and longer, at each moment around a refresh, with a usual and with a slow endpoint. */
export async function sweepBeyondTolerance(
  scope: Scope,
  setting: Setting,
): Promise<readonly { readonly usual: SweepRow; readonly slow: SweepRow }[]> {
  const { outageToleranceMs } = guarantee(setting.lifetimeMs, setting);
  const rows: { usual: SweepRow; slow: SweepRow }[] = [];
  for (const beyondMs of BEYOND_TOLERANCE_MS) {
    const outage = { setting, outageMs: outageToleranceMs + beyondMs, stepMs: scope.sweepStepMs };
    const [usual, slow] = await Promise.all([
      sweepOutages({ ...outage, mintLatencyMs: USUAL_MINT_MS }),
      sweepOutages({ ...outage, mintLatencyMs: SLOW_MINT_MS }),
    ]);
    rows.push({ usual, slow });
  }
  return rows;
}

/** Claim 4: the alarm of this setting, compared with the lapses. */
export function judgeDyingAlarm(outcome: Outcome, setting: Setting): AlarmRecord {
  const alarm = dyingAlarm(guarantee(setting.lifetimeMs, setting));
  return judgeAlarm(
    ringAlarm(outcome.remainingSeconds, alarm, HOUR_MS),
    gapsOf(outcome, promisedMs(setting)),
  );
}

import { guarantee, LATE_BEATS_COST_MS } from '../../lambda/contract.ts';
import { formatTable } from '../table.ts';
import type { Scope } from './claims.ts';
import type { Progress } from './comparison.ts';
import { sweepOutages } from './outage-sweep.ts';
import { duration } from './report.ts';
import { JOB_SETTINGS, promisedMs, SETTINGS, type Setting, settingName, toleranceOf } from './settings.ts';

/** The settings whose guaranteed time is longer than what late beats cost. */
const SWEPT: readonly Setting[] = [...SETTINGS, ...JOB_SETTINGS].filter(
  (setting) => toleranceOf(setting) > LATE_BEATS_COST_MS,
);

const MINT_LATENCY_MS = 250;

/** How many settings {@link tryLateBeats} sweeps. */
export const LATE_BEATS_RUNS = SWEPT.length;

/**
 * Outages of the guaranteed length, at each moment around a refresh: with beats on time, and with beats up to 119 s apart,
 * for which the guarantee is shorter by {@link LATE_BEATS_COST_MS}.
 */
export async function tryLateBeats(scope: Scope, progress: Progress, broken: string[]): Promise<string> {
  const rows: string[][] = [];
  for (const setting of SWEPT) {
    const name = settingName(setting);
    progress(`late beats: ${name}`, 0);
    const { outageToleranceMs } = guarantee(setting.lifetimeMs, setting);
    const leastMs = promisedMs(setting);
    const withLateBeatsMs = outageToleranceMs - leastMs - LATE_BEATS_COST_MS;
    const sweep = { setting, stepMs: scope.sweepStepMs, mintLatencyMs: MINT_LATENCY_MS };
    const onTime = await sweepOutages({ ...sweep, outageMs: toleranceOf(setting) });
    const late = await sweepOutages({ ...sweep, outageMs: withLateBeatsMs, hasLateBeats: true });
    rows.push([
      name,
      leastMs === 0 ? 'a live token' : duration(leastMs),
      duration(onTime.outageMs),
      duration(onTime.leastRemainingMs - leastMs),
      duration(late.outageMs),
      String(late.outages),
      duration(late.leastRemainingMs - leastMs),
    ]);
    for (const { outageMs, leastRemainingMs } of [onTime, late]) {
      if (leastRemainingMs > leastMs) continue;
      broken.push(
        `late beats, ${name}: ${duration(leastRemainingMs)} left after an outage of ${duration(outageMs)}`,
      );
    }
    progress(`late beats: ${name}`, 1);
  }
  const head = [
    'lifetime, interval',
    'promised',
    'outage, beats on time',
    'to spare',
    'outage, beats 119 s apart',
    'outages',
    'to spare',
  ];
  return formatTable(head, rows);
}

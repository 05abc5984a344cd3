import { guarantee, type RefreshTimes } from '../../lambda/contract.ts';
import { MINUTE_MS } from '../../local/simulation/world.ts';
import { duration } from './report.ts';

/** A token's settings that the promises depend on. */
export interface Setting extends RefreshTimes {
  readonly lifetimeMs: number;
}

/** A setting, in minutes. */
export function minutes(lifetime: number, refreshInterval: number, longestJob?: number): Setting {
  return {
    lifetimeMs: lifetime * MINUTE_MS,
    refreshIntervalMs: refreshInterval * MINUTE_MS,
    longestJobMs: longestJob === undefined ? undefined : longestJob * MINUTE_MS,
  };
}

export function settingName({ lifetimeMs, refreshIntervalMs, longestJobMs }: Setting): string {
  const job = longestJobMs === undefined ? '' : `, job ${duration(longestJobMs)}`;
  return `${duration(lifetimeMs)}, ${duration(refreshIntervalMs)}${job}`;
}

/** What the promises to all readers are tried with. The 10-minute token at default is refreshed by 5/6 of its life. */
export const SETTINGS: readonly Setting[] = [
  minutes(10, 50),
  minutes(10, 4),
  minutes(60, 50),
  minutes(60, 30),
  minutes(1_440, 50),
];

/** What the promise to jobs is tried with; the third job is the greatest. */
export const JOB_SETTINGS: readonly Setting[] = [
  minutes(60, 50, 30),
  minutes(60, 50, 45),
  minutes(60, 50, 54),
  minutes(120, 50, 90),
];

/** For how long minting may be impossible: with the job guarantee kept, where there is one, else with a live token. */
export function toleranceOf(setting: Setting): number {
  const { job, outageToleranceMs } = guarantee(setting.lifetimeMs, setting);
  return job?.outageToleranceMs ?? outageToleranceMs;
}

/** What a reader is promised to find at least: J, or any life at all. */
export function promisedMs({ lifetimeMs, ...times }: Setting): number {
  return guarantee(lifetimeMs, times).job?.longestJobMs ?? 0;
}

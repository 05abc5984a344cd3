import { guarantee, type RefreshTimes } from '../../lambda/contract.ts';
import { MINUTE_MS } from '../../local/simulation/world.ts';
import { duration } from './report.ts';

/** The settings of a token that decide its guarantee. */
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

/** Settings for the guarantee to all readers. The 10-minute token at the default is refreshed at 5/6 of its life. */
export const SETTINGS: readonly Setting[] = [
  minutes(10, 50),
  minutes(10, 4),
  minutes(60, 50),
  minutes(60, 30),
  minutes(1_440, 50),
];

/** Settings for the job guarantee; the third job is the greatest. */
export const JOB_SETTINGS: readonly Setting[] = [
  minutes(60, 50, 30),
  minutes(60, 50, 45),
  minutes(60, 50, 54),
  minutes(120, 50, 90),
];

/** The longest outage that keeps the job guarantee or, if there is none, a live token. */
export function toleranceOf(setting: Setting): number {
  const { job, outageToleranceMs } = guarantee(setting.lifetimeMs, setting);
  return job?.outageToleranceMs ?? outageToleranceMs;
}

/** The least remaining life that a reader is guaranteed: J, or more than 0. */
export function promisedMs({ lifetimeMs, ...times }: Setting): number {
  return guarantee(lifetimeMs, times).job?.longestJobMs ?? 0;
}

import { type Guarantee, guarantee, type RefreshTimes } from '../../../lambda/contract.ts';
import { drawReads } from '../../../local/simulation/builds.ts';
import { type Outcome, type Strategy, simulate } from '../../../local/simulation/simulate.ts';
import type { Server } from '../../../local/simulation/virtual-account.ts';
import { createWorld, MINUTE_MS, PLAIN } from '../../../local/simulation/world.ts';
import { duration } from '../report.ts';

/** How much is simulated. */
export interface Scope {
  readonly seed: number;
  readonly spanMs: number;
}

export const BUILDS_A_DAY = 100;

/** The settings of a token that decide its guarantee. */
export interface Setting extends RefreshTimes {
  readonly lifetimeMs: number;
}

/** A setting, in minutes. */
export function minutes(lifetime: number, refreshInterval = 50, longestJob?: number): Setting {
  return {
    lifetimeMs: lifetime * MINUTE_MS,
    refreshIntervalMs: refreshInterval * MINUTE_MS,
    longestJobMs: longestJob === undefined ? undefined : longestJob * MINUTE_MS,
  };
}

/** A ten-minute token at the default is refreshed at 5/6 of its life. */
export const WITHOUT_JOB: readonly Setting[] = [
  minutes(10),
  minutes(10, 4),
  minutes(60),
  minutes(60, 30),
  minutes(1_440),
];

/** The third job is the greatest. */
export const WITH_JOB: readonly Setting[] = [
  minutes(60, 50, 30),
  minutes(60, 50, 45),
  minutes(60, 50, 54),
  minutes(120, 50, 90),
];

export function settingName({ lifetimeMs, refreshIntervalMs, longestJobMs }: Setting): string {
  const job = longestJobMs === undefined ? '' : `, job ${duration(longestJobMs)}`;
  return `${duration(lifetimeMs)}, ${duration(refreshIntervalMs)}${job}`;
}

/** The promise to a reader: the least remaining life (J, or more than 0), and the longest outage that keeps it. */
export function promiseOf(setting: Setting): Guarantee & { readonly leastMs: number; toleranceMs: number } {
  const found = guarantee(setting.lifetimeMs, setting);
  const { longestJobMs, outageToleranceMs } = found.job ?? { ...found, longestJobMs: 0 };
  return { ...found, leastMs: longestJobMs, toleranceMs: outageToleranceMs };
}

/** Simulates a strategy, by default the deployed function. */
export async function live(options: {
  readonly scope: Scope;
  readonly setting: Setting;
  readonly server?: Server;
  readonly strategy?: Strategy;
  /** The longest outage, in multiples of the promised one. Undefined: as in the history. */
  readonly longestTrouble?: number | undefined;
}): Promise<Outcome> {
  const { scope, setting, server = PLAIN, longestTrouble } = options;
  const { seed, spanMs } = scope;
  const { lifetimeMs } = setting;
  const longestTroubleMs =
    longestTrouble === undefined ? undefined : promiseOf(setting).toleranceMs * longestTrouble;
  return await simulate({
    world: createWorld({ seed, spanMs, lifetimeMs, server, longestTroubleMs }),
    reads: drawReads({ seed, spanMs, lifetimeMs, buildsADay: BUILDS_A_DAY }),
    strategy: options.strategy ?? { name: 'ours', kind: 'ours', ...setting },
  });
}

import { type BuildEnd, READINGS, type Reading } from '../../../local/simulation/builds.ts';
import { gapsOf, type Outcome, type Strategy } from '../../../local/simulation/simulate.ts';
import type { Server } from '../../../local/simulation/virtual-account.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../local/simulation/world.ts';
import { count, duration, printTable } from '../report.ts';
import { live, minutes, type Scope } from './live.ts';

/** If the schedule is slower than the token's lifetime, it is made faster, as a person would do. */
export function fixedSchedule(lifetimeMs: number): Strategy {
  const every = Math.min(50, Math.floor(((lifetimeMs / 6) * 5) / MINUTE_MS));
  return { name: `every ${every} min, one attempt`, kind: 'fixed', everyMs: every * MINUTE_MS };
}

const AT_START: Strategy = { name: 'fetch at the start of the build', kind: 'fetch-at-start' };
const TWO_THIRDS: Strategy = { name: 'at 2/3 of life, retry each minute', kind: 'two-thirds' };
const ours = (name: string, refreshInterval = 50, longestJob?: number): Strategy => ({
  ...minutes(60, refreshInterval, longestJob),
  name,
  kind: 'ours',
});
const OURS = ours('ours');
const OFTEN = ours('ours, refreshInterval 30', 30);
const FOR_JOBS = ours('ours, longestJob 45', 50, 45);

/** The year of one row, the strategies in it, and the server, if it is not a plain one. */
type Year = readonly [lifetimeMinutes: number, strategies: readonly Strategy[], kind?: Server['kind']];

const YEARS: readonly Year[] = [
  [10, [AT_START, TWO_THIRDS, OURS, OFTEN]],
  [60, [AT_START, TWO_THIRDS, OURS, OFTEN, FOR_JOBS]],
  [1_440, [AT_START, TWO_THIRDS, OURS, OFTEN]],
  [60, [TWO_THIRDS, OURS, FOR_JOBS], 'same token'],
  [60, [TWO_THIRDS, OURS, FOR_JOBS], 'one live token'],
  [1_440, [OURS, ours('ours, refreshInterval 1200', 1_200)], 'one live token'],
];

/**
 * Simulates and prints the strategies in the same year, with all faults of the history. Claim 1: a fixed schedule loses
 * more builds than ours, if the server has many live tokens. Returns the years in which it does not hold.
 */
export async function compareStrategies(scope: Scope): Promise<readonly string[]> {
  const broken: string[] = [];
  for (const [lifetimeMinutes, strategies, kind = 'many live tokens'] of YEARS) {
    const setting = minutes(lifetimeMinutes);
    const name = `Tokens of ${duration(setting.lifetimeMs)}, ${kind}`;
    const server: Server = { kind, idleTimeoutMs: null };
    const lost = new Map<Strategy, number>();
    const rows: string[][] = [];
    const fixed = fixedSchedule(setting.lifetimeMs);
    for (const strategy of [fixed, ...strategies]) {
      const outcome = await live({ scope, setting, server, strategy });
      lost.set(strategy, perHundredThousand(outcome.builds, 'lost'));
      rows.push(rowOf(outcome));
    }
    console.log(name);
    printTable(HEAD, rows);
    const isFewer = (lost.get(OURS) ?? 0) <= (lost.get(fixed) ?? 0);
    if (kind === 'many live tokens' && !isFewer)
      broken.push(`claim 1: a fixed schedule loses fewer: ${name}`);
  }
  return broken;
}

const HEAD = [
  'strategy',
  ...READINGS.map((reading) => `lost: ${reading}`),
  'lost: all',
  'turned away',
  'live',
  'longest gap',
  'mints/day',
];

/** One strategy's line: losses are builds per 100,000. */
function rowOf(outcome: Outcome): string[] {
  const { strategy, builds, spanMs } = outcome;
  const stores = strategy.kind !== 'fetch-at-start';
  const gapsMs = gapsOf(outcome).map(({ from, to }) => to - from);
  const liveShare = 1 - gapsMs.reduce((sum, gapMs) => sum + gapMs, 0) / (spanMs - HOUR_MS);
  return [
    strategy.name,
    ...READINGS.map((reading) => count(perHundredThousand(builds, 'lost', reading))),
    count(perHundredThousand(builds, 'lost')),
    count(perHundredThousand(builds, 'turned-away')),
    stores ? `${(liveShare * 100).toFixed(3)} %` : '-',
    stores ? duration(Math.max(0, ...gapsMs)) : '-',
    ((outcome.mints / spanMs) * DAY_MS).toFixed(1),
  ];
}

/** Builds per 100,000 with this end, of one way of reading or of all. */
function perHundredThousand(
  builds: readonly BuildEnd[],
  state: BuildEnd['state'],
  reading?: Reading,
): number {
  const counted = reading === undefined ? builds : builds.filter((build) => build.reading === reading);
  const found = counted.filter((build) => build.state === state).length;
  return counted.length === 0 ? 0 : (found / counted.length) * 100_000;
}

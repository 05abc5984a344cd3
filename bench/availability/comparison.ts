import { READINGS } from '../../local/simulation/builds.ts';
import type { Outcome, Strategy } from '../../local/simulation/simulate.ts';
import type { Server } from '../../local/simulation/virtual-account.ts';
import { HOUR_MS, MINUTE_MS, PLAIN } from '../../local/simulation/world.ts';
import { formatTable } from '../table.ts';
import { live, type Scope } from './live.ts';
import { COMPARISON_HEAD, comparisonRow, count, duration, perHundredThousand } from './report.ts';

/** Strategies in the same year, with the tokens of one server. */
export interface Comparison {
  readonly name: string;
  readonly outcomes: readonly Outcome[];
}

const ours = (name: string, refreshInterval: number, longestJob?: number): Strategy => ({
  name,
  kind: 'ours',
  refreshIntervalMs: refreshInterval * MINUTE_MS,
  longestJobMs: longestJob === undefined ? undefined : longestJob * MINUTE_MS,
});
const OURS = ours('ours', 50);
const FOR_JOBS = ours('ours, longestJob 45', 50, 45);

/** If the schedule is slower than the token's lifetime, it is made faster, as a person would do. */
export function fixedSchedule(lifetimeMs: number): Strategy {
  const minutes = Math.min(50, Math.floor(((lifetimeMs / 6) * 5) / MINUTE_MS));
  return { name: `every ${minutes} min, one attempt`, kind: 'fixed', everyMs: minutes * MINUTE_MS };
}

const TWO_THIRDS: Strategy = { name: 'at 2/3 of life, retry each minute', kind: 'two-thirds' };

/** The first five strategies; the last one only if jobs of 45 minutes change the schedule. */
const strategies = (lifetimeMs: number): Strategy[] => [
  { name: 'fetch at the start of the build', kind: 'fetch-at-start' },
  fixedSchedule(lifetimeMs),
  TWO_THIRDS,
  OURS,
  ours('ours, refreshInterval 30', 30),
  ...(lifetimeMs === HOUR_MS ? [FOR_JOBS] : []),
];

/** Simulates each strategy with all faults of the history. */
export async function compareStrategies(scope: Scope): Promise<readonly Comparison[]> {
  const compare = async (
    name: string,
    lifetimeMs: number,
    compared: readonly Strategy[],
    server?: Server,
  ) => {
    const outcomes: Outcome[] = [];
    for (const strategy of compared) {
      const setting = { lifetimeMs, refreshIntervalMs: 50 * MINUTE_MS };
      outcomes.push(await live({ scope, setting, strategy, server: server ?? PLAIN }));
    }
    return { name: `Tokens of ${duration(lifetimeMs)}${name}`, outcomes };
  };
  const same: Server = { kind: 'same token', idleTimeoutMs: null };
  const one: Server = { kind: 'one live token', idleTimeoutMs: null };
  const day = 24 * HOUR_MS;
  const compared = [fixedSchedule(HOUR_MS), TWO_THIRDS, OURS, FOR_JOBS];
  return [
    await compare('', 10 * MINUTE_MS, strategies(10 * MINUTE_MS)),
    await compare('', HOUR_MS, strategies(HOUR_MS)),
    await compare('', day, strategies(day)),
    await compare('; the server returns the same token until it expires', HOUR_MS, compared, same),
    await compare('; a new token ends the old one', HOUR_MS, compared, one),
    await compare(
      '; a new token ends the old one',
      day,
      [OURS, ours('ours, refreshInterval 1200', 1_200)],
      one,
    ),
  ];
}

export function printComparison({ name, outcomes }: Comparison): string {
  return `${name}\n${formatTable(COMPARISON_HEAD, outcomes.map(comparisonRow))}\n`;
}

/** Claim 3: a fixed schedule loses more builds than ours, where outages are longer than tokens live. */
export function brokenComparison({ name, outcomes }: Comparison): readonly string[] {
  const [, fixed, , own] = outcomes;
  if (fixed?.strategy.kind !== 'fixed' || own === undefined) return [];
  const isFewer = perHundredThousand(own.builds, 'lost') <= perHundredThousand(fixed.builds, 'lost');
  return isFewer ? [] : [`claim 3, ${name}: a fixed schedule loses fewer builds`];
}

/** Limits of lengths, in minutes: M of a one-hour token, M with refreshInterval 30, longestJob 45. */
const LENGTHS = [0, 8, 28, 45, 58, 121];

/** Long jobs: builds lost per 100,000, by length, strategy and way of reading. */
export function printByLength(comparisons: readonly Comparison[]): string {
  const rows = comparisons.slice(0, 3).flatMap(({ name, outcomes }) =>
    outcomes
      .filter(({ strategy }) => strategy.kind === 'ours' || strategy.kind === 'fetch-at-start')
      .flatMap(({ strategy, builds }) =>
        READINGS.filter((reading) => strategy.kind === 'ours' || reading === 'once').map((reading) => [
          `${name}, ${strategy.name}, ${reading}`,
          ...LENGTHS.slice(1).map((to, index) => {
            const isIn = (minutes: number) => minutes >= (LENGTHS[index] ?? 0) && minutes < to;
            const long = builds.filter(({ durationMs }) => isIn(durationMs / MINUTE_MS));
            return count(perHundredThousand(long, 'lost', reading));
          }),
        ]),
      ),
  );
  const head = LENGTHS.slice(1).map((to, index) => `${LENGTHS[index]} to ${Math.min(to, 120)} min`);
  return formatTable(['lost per 100,000, by length', ...head], rows);
}

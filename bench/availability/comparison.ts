import { READINGS } from '../../local/simulation/builds.ts';
import type { BuildEnd, Outcome } from '../../local/simulation/simulate.ts';
import { strategiesFor } from '../../local/simulation/strategies.ts';
import { HOUR_MS, MINUTE_MS, type Server } from '../../local/simulation/world.ts';
import { formatTable } from '../table.ts';
import { live, PLAIN, type Scope } from './claims.ts';
import { COMPARISON_HEAD, comparisonRow, count, duration, perHundredThousand } from './report.ts';

/** Called with the name of the current simulation, and its progress. */
export type Progress = (label: string, done: number) => void;

const LIFETIMES_MS = [10 * MINUTE_MS, HOUR_MS, 24 * HOUR_MS];
const DEFAULT_INTERVAL_MS = 50 * MINUTE_MS;

/** How many simulations {@link compareStrategies} makes. */
export const COMPARISONS = LIFETIMES_MS.flatMap(strategiesFor).length;

/** The outcomes of one lifetime, in the order of {@link strategiesFor}. */
export interface Comparison {
  readonly lifetimeMs: number;
  readonly outcomes: readonly Outcome[];
}

/** Simulates each strategy in the same world, with all faults of the history. */
export async function compareStrategies(
  scope: Scope,
  progress: Progress,
  server: Server = PLAIN,
): Promise<readonly Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const lifetimeMs of LIFETIMES_MS) {
    const outcomes: Outcome[] = [];
    for (const strategy of strategiesFor(lifetimeMs)) {
      const setting = { lifetimeMs, refreshIntervalMs: DEFAULT_INTERVAL_MS };
      const label = `${duration(lifetimeMs)}, ${strategy.name.slice(3)}`;
      outcomes.push(
        await live({ scope, setting, strategy, server, onProgress: (done) => progress(label, done) }),
      );
    }
    comparisons.push({ lifetimeMs, outcomes });
  }
  return comparisons;
}

export function printComparison({ lifetimeMs, outcomes }: Comparison): string {
  return `Tokens of ${duration(lifetimeMs)}\n${formatTable(COMPARISON_HEAD, outcomes.map(comparisonRow))}`;
}

/** Claim 3: builds lost per 100,000 with the fixed schedule (one attempt) and with ours, and the ratio. */
export function printRatios(comparisons: readonly Comparison[]): string {
  const rows = comparisons.flatMap(({ lifetimeMs, outcomes }) => {
    const fixed = outcomes[1];
    const ours = outcomes[4];
    if (fixed === undefined || ours === undefined) return [];
    return [...READINGS, undefined].map((reading) => {
      const theirs = perHundredThousand(fixed.builds, 'lost', reading);
      const own = perHundredThousand(ours.builds, 'lost', reading);
      return [duration(lifetimeMs), reading ?? 'all', count(theirs), count(own), ratio(theirs, own)];
    });
  });
  return formatTable(['lifetime', 'builds that read', 'fixed schedule', 'ours', 'ratio'], rows);
}

function ratio(theirs: number, own: number): string {
  if (own > 0) return `${(theirs / own).toFixed(1)} : 1`;
  return theirs > 0 ? 'ours lost none' : 'neither lost any';
}

/** Lengths of builds, limited by what a one-hour token guarantees: M, M with refreshInterval 30, longestJob 45. */
const LENGTHS: readonly { readonly name: string; readonly fromMs: number; readonly toMs: number }[] = [
  { name: 'up to 8 min', fromMs: 0, toMs: 8 * MINUTE_MS },
  { name: '8 to 28 min', fromMs: 8 * MINUTE_MS, toMs: 28 * MINUTE_MS },
  { name: '28 to 45 min', fromMs: 28 * MINUTE_MS, toMs: 45 * MINUTE_MS },
  { name: '45 to 58 min', fromMs: 45 * MINUTE_MS, toMs: 58 * MINUTE_MS },
  { name: '58 to 120 min', fromMs: 58 * MINUTE_MS, toMs: 121 * MINUTE_MS },
];

/** Long jobs: builds lost per 100,000, by length, strategy and way of reading. */
export function printByLength(comparisons: readonly Comparison[]): string {
  const rows = comparisons.flatMap(({ lifetimeMs, outcomes }) =>
    [outcomes[0], outcomes[1], ...outcomes.slice(4)].flatMap((outcome) =>
      outcome === undefined
        ? []
        : READINGS.filter((reading) => outcome.strategy.kind !== 'fetch-at-start' || reading === 'once').map(
            (reading) => [
              `${duration(lifetimeMs)}, ${outcome.strategy.name.slice(3)}, ${reading}`,
              ...LENGTHS.map(({ fromMs, toMs }) => count(lossOf(outcome.builds, fromMs, toMs, reading))),
            ],
          ),
    ),
  );
  return formatTable(['lost per 100,000, by length', ...LENGTHS.map(({ name }) => name)], rows);
}

function lossOf(
  builds: readonly BuildEnd[],
  fromMs: number,
  toMs: number,
  reading: BuildEnd['reading'],
): number {
  const long = builds.filter(({ durationMs }) => durationMs >= fromMs && durationMs < toMs);
  return perHundredThousand(long, 'lost', reading);
}

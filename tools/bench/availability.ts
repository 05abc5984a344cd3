import { parseArgs } from 'node:util';
import { drawBuilds, type Reading } from '../../local/simulation/builds.ts';
import {
  type BuildEnd,
  gapsOf,
  type Outcome,
  type Strategy,
  simulate,
} from '../../local/simulation/simulate.ts';
import type { Server } from '../../local/simulation/virtual-account.ts';
import { createWorld, DAY_MS, HOUR_MS, MINUTE_MS } from '../../local/simulation/world.ts';
import { count, printTable } from './report.ts';

const BUILDS_A_DAY = 100;

/**
 * `npm run bench -- availability [--days N] [--seed N]`: simulates strategies in the same year, and prints a table for each kind of
 * token. It claims that a fixed schedule loses more builds than ours, if the server has many live tokens. Returns the exit code.
 */
export async function run(args: readonly string[]): Promise<number> {
  const options = {
    seed: { type: 'string', default: '2026' },
    days: { type: 'string', default: '365' },
  } as const;
  const { seed, days } = parseArgs({ args: [...args], options }).values;
  const scope = { seed: Number(seed), spanMs: Number(days) * DAY_MS };
  const builds = drawBuilds({ ...scope, buildsADay: BUILDS_A_DAY });
  console.log(`Seed ${seed}, ${days} days, ${BUILDS_A_DAY} builds a day.\n`);
  const broken: string[] = [];
  for (const [lifetime, strategies, kind = 'many live tokens'] of YEARS) {
    const lifetimeMs = lifetime * MINUTE_MS;
    // If the schedule is slower than the token's lifetime, it is made faster, as a person would do.
    const every = Math.min(50, Math.floor((lifetime / 6) * 5));
    const name = `every ${every} min, one attempt`;
    const fixed: Strategy = { name, kind: 'fixed', everyMs: every * MINUTE_MS };
    const rows: string[][] = [];
    const lost = new Map<Strategy, number>();
    for (const strategy of [fixed, ...strategies]) {
      const world = createWorld({ ...scope, lifetimeMs, server: { kind, idleTimeoutMs: null } });
      const outcome = await simulate({ world, builds, strategy });
      lost.set(strategy, perHundredThousand(outcome, 'lost'));
      rows.push(rowOf(outcome));
    }
    const title = `Tokens of ${lifetime} min, ${kind}`;
    console.log(title);
    const losses = ['lost: once', 'lost: min-ttl', 'lost: all', 'turned away'];
    printTable(['strategy', ...losses, 'live', 'longest gap', 'mints/day'], rows);
    const isMore = (lost.get(OURS) ?? 0) > (lost.get(fixed) ?? 0);
    if (kind === 'many live tokens' && isMore) broken.push(title);
  }
  console.log(
    broken.length === 0 ? 'The claim holds.' : `A fixed schedule loses fewer: ${broken.join('; ')}`,
  );
  return broken.length === 0 ? 0 : 1;
}

const AT_START: Strategy = { name: 'fetch at the start of the build', kind: 'fetch-at-start' };
const TWO_THIRDS: Strategy = { name: 'at 2/3 of life, retry each minute', kind: 'two-thirds' };
const OURS: Strategy = { name: 'ours', kind: 'ours', refreshIntervalMs: 50 * MINUTE_MS };
const OFTEN = { ...OURS, name: 'ours, refreshInterval 30', refreshIntervalMs: 30 * MINUTE_MS };
const FOR_JOBS = { ...OURS, name: 'ours, longestJob 45', longestJobMs: 45 * MINUTE_MS };
const SELDOM = { ...OURS, name: 'ours, refreshInterval 1200', refreshIntervalMs: 1_200 * MINUTE_MS };

/** The lifetime of the tokens in minutes, the strategies in the same year, and the server, if it is not a plain one. */
type Year = readonly [lifetime: number, strategies: readonly Strategy[], kind?: Server['kind']];

const YEARS: readonly Year[] = [
  [10, [AT_START, TWO_THIRDS, OURS, OFTEN]],
  [60, [AT_START, TWO_THIRDS, OURS, OFTEN, FOR_JOBS]],
  [1_440, [AT_START, TWO_THIRDS, OURS, OFTEN]],
  [60, [TWO_THIRDS, OURS, FOR_JOBS], 'same token'],
  [60, [TWO_THIRDS, OURS, FOR_JOBS], 'one live token'],
  [1_440, [OURS, SELDOM], 'one live token'],
];

/** One strategy's line: losses are builds per 100,000. */
function rowOf(outcome: Outcome): string[] {
  const { strategy, spanMs, calls } = outcome;
  const stores = strategy.kind !== 'fetch-at-start';
  const gapsMs = gapsOf(outcome).map(({ from, to }) => to - from);
  const liveShare = 1 - gapsMs.reduce((sum, gapMs) => sum + gapMs, 0) / (spanMs - HOUR_MS);
  return [
    strategy.name,
    count(perHundredThousand(outcome, 'lost', 'once')),
    count(perHundredThousand(outcome, 'lost', 'min-ttl')),
    count(perHundredThousand(outcome, 'lost')),
    count(perHundredThousand(outcome, 'turned-away')),
    stores ? `${(liveShare * 100).toFixed(3)} %` : '-',
    stores ? `${Math.floor(Math.max(0, ...gapsMs) / MINUTE_MS)} min` : '-',
    ((calls.mint / spanMs) * DAY_MS).toFixed(1),
  ];
}

/** Builds per 100,000 with this end, of one way of reading or of both. */
function perHundredThousand({ builds }: Outcome, state: BuildEnd['state'], reading?: Reading): number {
  const counted = builds.filter((build) => reading === undefined || build.reading === reading);
  return (counted.filter((build) => build.state === state).length / counted.length) * 100_000;
}

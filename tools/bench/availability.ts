import { parseArgs } from 'node:util';
import { dyingAlarm } from '../../infra/construct/dying-alarm.ts';
import { guarantee, type RefreshTimes } from '../../lambda/contract.ts';
import { ringAlarm } from '../../local/simulation/alarm.ts';
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
import { count, duration, printTable } from './report.ts';

const BUILDS_A_DAY = 100;

/** How much is simulated. */
interface Scope {
  readonly seed: number;
  readonly spanMs: number;
}

/**
 * `npm run bench -- availability [--days N] [--seed N]`: simulates, prints every table, and checks the two claims. Returns the
 * exit code.
 */
export async function run(args: readonly string[]): Promise<number> {
  const options = {
    seed: { type: 'string', default: '2026' },
    days: { type: 'string', default: '365' },
  } as const;
  const { seed, days } = parseArgs({ args: [...args], options }).values;
  const scope = { seed: Number(seed), spanMs: Number(days) * DAY_MS };
  console.log(`Seed ${seed}, ${days} days, ${BUILDS_A_DAY} builds a day.\n`);
  const broken = [...(await compareStrategies(scope)), ...(await showAlarm(scope))];
  console.log(
    broken.length === 0 ? 'Both claims hold.' : `These claims do not hold:\n- ${broken.join('\n- ')}`,
  );
  return broken.length === 0 ? 0 : 1;
}

const minutes = (refreshInterval: number, longestJob?: number): RefreshTimes => ({
  refreshIntervalMs: refreshInterval * MINUTE_MS,
  longestJobMs: longestJob === undefined ? undefined : longestJob * MINUTE_MS,
});
const ours = (name: string, ...times: Parameters<typeof minutes>): Strategy => ({
  name,
  kind: 'ours',
  ...minutes(...times),
});
const AT_START: Strategy = { name: 'fetch at the start of the build', kind: 'fetch-at-start' };
const TWO_THIRDS: Strategy = { name: 'at 2/3 of life, retry each minute', kind: 'two-thirds' };
const OURS = ours('ours', 50);
const OFTEN = ours('ours, refreshInterval 30', 30);
const FOR_JOBS = ours('ours, longestJob 45', 50, 45);

/** The lifetime of the tokens in minutes, the strategies in the same year, and the server, if it is not a plain one. */
type Year = readonly [lifetime: number, strategies: readonly Strategy[], kind?: Server['kind']];

const YEARS: readonly Year[] = [
  [10, [AT_START, TWO_THIRDS, OURS, OFTEN]],
  [60, [AT_START, TWO_THIRDS, OURS, OFTEN, FOR_JOBS]],
  [1_440, [AT_START, TWO_THIRDS, OURS, OFTEN]],
  [60, [TWO_THIRDS, OURS, FOR_JOBS], 'same token'],
  [60, [TWO_THIRDS, OURS, FOR_JOBS], 'one live token'],
  [1_440, [OURS, ours('ours, refreshInterval 1200', 1_200)], 'one live token'],
];

/** Claim 1: a fixed schedule loses more builds than ours, if the server has many live tokens. Returns the years that break it. */
async function compareStrategies(scope: Scope): Promise<readonly string[]> {
  const broken: string[] = [];
  console.log('## Claim 1: strategies in the same year, builds lost and turned away per 100,000\n');
  for (const [lifetime, strategies, kind = 'many live tokens'] of YEARS) {
    const lifetimeMs = lifetime * MINUTE_MS;
    // If the schedule is slower than the token's lifetime, it is made faster, as a person would do.
    const every = Math.min(50, Math.floor((lifetime / 6) * 5));
    const name = `every ${every} min, one attempt`;
    const fixed: Strategy = { name, kind: 'fixed', everyMs: every * MINUTE_MS };
    const rows: string[][] = [];
    const lost = new Map<Strategy, number>();
    for (const strategy of [fixed, ...strategies]) {
      const outcome = await live(scope, lifetimeMs, strategy, kind);
      lost.set(strategy, perHundredThousand(outcome, 'lost'));
      rows.push(rowOf(outcome));
    }
    const title = `Tokens of ${duration(lifetimeMs)}, ${kind}`;
    console.log(title);
    const losses = ['lost: once', 'lost: min-ttl', 'lost: all', 'turned away'];
    printTable(['strategy', ...losses, 'live', 'longest gap', 'mints/day'], rows);
    const isMore = (lost.get(OURS) ?? 0) > (lost.get(fixed) ?? 0);
    if (kind === 'many live tokens' && isMore) broken.push(`a fixed schedule loses fewer: ${title}`);
  }
  return broken;
}

async function live(
  { seed, spanMs }: Scope,
  lifetimeMs: number,
  strategy: Strategy,
  kind: Server['kind'] = 'many live tokens',
): Promise<Outcome> {
  const world = createWorld({ seed, spanMs, lifetimeMs, server: { kind, idleTimeoutMs: null } });
  return await simulate({ world, builds: drawBuilds({ seed, spanMs, buildsADay: BUILDS_A_DAY }), strategy });
}

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
    stores ? duration(Math.max(0, ...gapsMs)) : '-',
    ((calls.mint / spanMs) * DAY_MS).toFixed(1),
  ];
}

/** Builds per 100,000 with this end, of one way of reading or of both. */
function perHundredThousand({ builds }: Outcome, state: BuildEnd['state'], reading?: Reading): number {
  const counted = builds.filter((build) => reading === undefined || build.reading === reading);
  return (counted.filter((build) => build.state === state).length / counted.length) * 100_000;
}

/** The third job is the greatest. */
const SETTINGS: readonly (readonly [lifetime: number, refreshInterval: number, longestJob?: number])[] = [
  ...([
    [10, 50],
    [10, 4],
    [60, 50],
    [60, 30],
    [1_440, 50],
  ] as const),
  ...([
    [60, 50, 30],
    [60, 50, 45],
    [60, 50, 54],
    [120, 50, 90],
  ] as const),
];

/** Claim 2: the alarm is raised before each lapse that leaves time for one. Returns the settings that break it. */
async function showAlarm(scope: Scope): Promise<readonly string[]> {
  const broken: string[] = [];
  const rows: string[][] = [];
  for (const [lifetime, ...times] of SETTINGS) {
    const lifetimeMs = lifetime * MINUTE_MS;
    const { refreshIntervalMs, longestJobMs } = minutes(...times);
    const job = longestJobMs === undefined ? '' : `, job ${duration(longestJobMs)}`;
    const name = `${duration(lifetimeMs)}, ${duration(refreshIntervalMs)}${job}`;
    const alarm = dyingAlarm(guarantee(lifetimeMs, { refreshIntervalMs, longestJobMs }));
    const { thresholdSeconds, datapoints, isRaisedInTime } = alarm;
    const history = await live(scope, lifetimeMs, ours(name, ...times));
    const ringing = ringAlarm(history.remainingSeconds, alarm, HOUR_MS);
    const lapses = gapsOf(history, longestJobMs);
    const isAnnounced = (at: number) => ringing.some(({ from, to }) => from <= at && to > at);
    const announced = lapses.filter(({ from }) => isAnnounced(from)).length;
    const inReach = isRaisedInTime ? 'yes' : 'no: the stack warns at synth';
    rows.push([
      name,
      `${datapoints} x < ${thresholdSeconds} s`,
      ...[lapses.length, announced].map(String),
      inReach,
    ]);
    const silent = lapses.length - announced;
    if (isRaisedInTime && silent > 0) broken.push(`${name}: ${silent} lapses without an alarm before`);
  }
  console.log('## Claim 2: the alarm "token dying"\n');
  printTable(['lifetime, interval', 'raised at', 'lapses', 'announced', 'in reach'], rows);
  return broken;
}

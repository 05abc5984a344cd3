import { dyingAlarm } from '../../infra/construct/dying-alarm.ts';
import { BEAT_MS } from '../../lambda/contract.ts';
import { judgeAlarm, ringAlarm } from '../../local/simulation/alarm.ts';
import {
  BLIPS_A_YEAR,
  INCIDENT_SHAPE,
  INCIDENTS_A_YEAR,
  PUBLISHED_INCIDENT_MINUTES,
} from '../../local/simulation/incident-history.ts';
import { gapsOf } from '../../local/simulation/simulate.ts';
import type { Server } from '../../local/simulation/virtual-account.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, PLAIN, YEAR_MS } from '../../local/simulation/world.ts';
import { formatTable } from '../table.ts';
import { brokenComparison, compareStrategies, printByLength, printComparison } from './comparison.ts';
import {
  HOUR,
  live,
  promiseOf,
  type Scope,
  type Setting,
  settingName,
  WITH_JOB,
  WITHOUT_JOB,
} from './live.ts';
import { SLOW_MINT_MS, sweepOutages } from './outage-sweep.ts';
import { count, duration } from './report.ts';

/** The full run, and the one for tests: a week. */
const FULL: Scope = { seed: 2_026, spanMs: YEAR_MS, buildsADay: 100, sweepStepMs: 5_000 };
const QUICK: Scope = { ...FULL, spanMs: 7 * DAY_MS, sweepStepMs: 61_000 };

/** A part of the results, and its claims that do not hold. */
interface Part {
  readonly table: string;
  readonly broken: readonly string[];
}

/** A Genesys Cloud organization under HIPAA: an inactivity timeout of 15 minutes. */
const FORGETFUL: Server = { kind: 'many live tokens', idleTimeoutMs: 15 * MINUTE_MS };

/** No outage is longer than promised: no read gets less life than promised, and no build that asked for life is lost. */
async function tryWithinTolerance(scope: Scope): Promise<Part> {
  const broken: string[] = [];
  const rows: string[][] = [];
  const all: (readonly [Setting, Server])[] = [...WITHOUT_JOB, ...WITH_JOB].map((one) => [one, PLAIN]);
  for (const [setting, server] of [...all, [HOUR, FORGETFUL] as const]) {
    const name = `${settingName(setting)}${server === FORGETFUL ? ', idle timeout 15 min' : ''}`;
    const { leastMs, toleranceMs, job } = promiseOf(setting);
    const outcome = await live({ scope, setting, server, longestTrouble: 1 });
    const promised = outcome.builds.filter(({ reading }) => reading === (job === null ? 'min-ttl' : 'once'));
    const isIn = (state: string) => promised.filter((build) => build.state === state).length;
    const short = gapsOf(outcome, leastMs).length;
    rows.push([
      name,
      leastMs === 0 ? 'a live token' : duration(leastMs),
      duration(toleranceMs),
      count(promised.length),
      count(isIn('lost')),
      count(isIn('turned-away')),
      duration(outcome.remainingAtReads[0] ?? 0),
      String(short),
    ]);
    if (isIn('lost') > 0) broken.push(`claim 1, ${name}: ${isIn('lost')} builds were lost`);
    if (short > 0) broken.push(`claim 1, ${name}: ${short} times less than promised was left`);
  }
  const head = [
    'lifetime, interval',
    'promised',
    'longest outage',
    'builds',
    'lost',
    'turned away',
    'worst left',
    'times with less',
  ];
  return { table: formatTable(head, rows), broken };
}

/** Outages longer than H, by this much, at each moment around a refresh. */
const BEYOND_TOLERANCE_MS = [0, MINUTE_MS, 5 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS];

async function tryBeyondTolerance(scope: Scope): Promise<Part> {
  const broken: string[] = [];
  const rows: string[][] = [];
  for (const setting of WITHOUT_JOB) {
    const { toleranceMs } = promiseOf(setting);
    for (const beyondMs of BEYOND_TOLERANCE_MS) {
      const outageMs = toleranceMs + beyondMs;
      const allowedMs = beyondMs > 0 ? beyondMs + BEAT_MS : 0;
      const row = await sweepOutages(setting, outageMs, scope.sweepStepMs);
      rows.push([
        settingName(setting),
        duration(toleranceMs),
        duration(outageMs),
        String(row.outages),
        duration(row.leastRemainingMs),
        duration(row.worstGapMs),
        duration(allowedMs),
        duration(row.slowestRecoveryMs),
      ]);
      const name = `claim 2, ${settingName(setting)}, outage of ${duration(outageMs)}`;
      if (row.worstGapMs > allowedMs)
        broken.push(`${name}: ${duration(row.worstGapMs)} without a live token`);
      if (row.slowestRecoveryMs > BEAT_MS + SLOW_MINT_MS)
        broken.push(`${name}: a new token only ${duration(row.slowestRecoveryMs)} after the outage`);
    }
  }
  const head = [
    'lifetime, interval',
    'H',
    'outage',
    'outages',
    'least left',
    'worst gap',
    'allowed',
    'fresh after its end',
  ];
  return { table: formatTable(head, rows), broken };
}

async function tryAlarm(scope: Scope): Promise<Part> {
  const broken: string[] = [];
  const rows: string[][] = [];
  for (const setting of [...WITHOUT_JOB, ...WITH_JOB]) {
    const name = settingName(setting);
    const promise = promiseOf(setting);
    const alarm = dyingAlarm(promise);
    const judge = async (longestTrouble?: number) => {
      const options = { scope, setting };
      const outcome = await live(longestTrouble === undefined ? options : { ...options, longestTrouble });
      return judgeAlarm(
        ringAlarm(outcome.remainingSeconds, alarm, HOUR_MS),
        gapsOf(outcome, promise.leastMs),
      );
    };
    const history = await judge();
    const calm = await judge(0.5);
    rows.push([
      name,
      `${alarm.datapoints} x < ${alarm.thresholdSeconds} s`,
      String(history.lapses),
      String(history.announced),
      history.shortestWarningMs === undefined ? '-' : duration(history.shortestWarningMs),
      String(history.withoutLapse),
      String(calm.withoutLapse),
      alarm.isRaisedInTime ? 'yes' : 'no: the stack warns at synth',
    ]);
    if (alarm.isRaisedInTime && history.announced < history.lapses)
      broken.push(`claim 4, ${name}: ${history.lapses - history.announced} lapses without an alarm before`);
    if (alarm.datapoints === 5 && calm.withoutLapse > 0)
      broken.push(`claim 4, ${name}: ${calm.withoutLapse} alarms in a year without a lapse`);
  }
  const head = [
    'lifetime, interval',
    'raised at',
    'lapses',
    'announced',
    'shortest warning',
    'near misses',
    'in a year within half',
    'in reach',
  ];
  return { table: formatTable(head, rows), broken };
}

/**
 * `npm run bench -- availability [--quick] [--seed N] [--no-pictures]`: simulates, prints every table, and checks the four
 * claims. Returns the exit code.
 */
export async function run(args: readonly string[]): Promise<number> {
  const isQuick = args.includes('--quick');
  const seedAt = args.indexOf('--seed');
  const base = isQuick ? QUICK : FULL;
  const scope = seedAt < 0 ? base : { ...base, seed: Number(args[seedAt + 1]) };
  console.log(
    `Seed ${scope.seed}, ${duration(scope.spanMs)} of one-minute beats, ${scope.buildsADay} builds a day, 1 to 120 minutes long.
Incidents: log-normal, median ${INCIDENT_SHAPE.medianMinutes.toFixed(0)} min, deviation ${INCIDENT_SHAPE.deviation.toFixed(2)}, fitted to ${PUBLISHED_INCIDENT_MINUTES.length} published ones (incident-history.ts); ${INCIDENTS_A_YEAR} a year, and ${BLIPS_A_YEAR} blips, are assumed.`,
  );
  console.log('\n## Strategies in the same year: builds lost and turned away per 100,000\n');
  const comparisons = await compareStrategies(scope);
  for (const comparison of comparisons) console.log(printComparison(comparison));
  console.log(`## Long jobs: builds lost per 100,000, by length\n\n${printByLength(comparisons)}\n`);
  const broken = comparisons.flatMap(brokenComparison);
  for (const [title, measure] of [
    ['Claim 1: no build is lost if no outage is longer than promised', tryWithinTolerance],
    ['Claim 2: outages of H and longer, at each moment around a refresh', tryBeyondTolerance],
    ['Claim 4: the alarm "token dying"', tryAlarm],
  ] as const) {
    const part = await measure(scope);
    broken.push(...part.broken);
    console.log(`## ${title}\n\n${part.table}\n`);
  }
  console.log(
    broken.length === 0 ? 'All four claims hold.' : `These claims do not hold:\n- ${broken.join('\n- ')}`,
  );
  if (!isQuick && !args.includes('--no-pictures')) {
    const { drawPictures } = await import('./pictures.ts');
    for (const path of await drawPictures(comparisons)) console.log(`Drawn: ${path}`);
  }
  return broken.length === 0 ? 0 : 1;
}

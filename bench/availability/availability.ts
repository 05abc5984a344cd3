import cliProgress from 'cli-progress';
import { dyingAlarm } from '../../infra/construct/dying-alarm.ts';
import { BEAT_MS, guarantee } from '../../lambda/contract.ts';
import type { AlarmRecord } from '../../local/simulation/alarm.ts';
import {
  BLIPS_A_YEAR,
  INCIDENT_SHAPE,
  INCIDENTS_A_YEAR,
  PUBLISHED_INCIDENT_MINUTES,
} from '../../local/simulation/incident-history.ts';
import { DAY_MS, YEAR_MS } from '../../local/simulation/world.ts';
import { formatTable } from '../table.ts';
import {
  brokenWithinTolerance,
  FORGETFUL,
  judgeDyingAlarm,
  live,
  PLAIN,
  type Scope,
  SLOW_MINT_MS,
  sweepBeyondTolerance,
} from './claims.ts';
import {
  COMPARISONS,
  type Comparison,
  compareStrategies,
  type Progress,
  printByLength,
  printComparison,
  printRatios,
} from './comparison.ts';
import { jobRuns, tryJobs } from './jobs.ts';
import { LATE_BEATS_RUNS, tryLateBeats } from './late-beats.ts';
import { OTHER_SERVER_RUNS, tryOtherServers } from './other-servers.ts';
import { count, duration } from './report.ts';
import { JOB_SETTINGS, SETTINGS, settingName } from './settings.ts';

/** The full run, and the one for tests: a week, one seed. */
export const FULL: Scope = { seed: 2_026, spanMs: YEAR_MS, buildsADay: 100, sweepStepMs: 5_000 };
export const QUICK: Scope = { seed: 2_026, spanMs: 7 * DAY_MS, buildsADay: 100, sweepStepMs: 61_000 };

/** What the bench found. */
export interface AvailabilityReport {
  /** The claims that do not hold. */
  readonly broken: readonly string[];
  readonly comparisons: readonly Comparison[];
}

/**
 * Simulates, prints every table through `print`, and checks the five claims. `seeds`: how many years the first claim is
 * checked with.
 */
export async function measureAvailability(options: {
  readonly scope: Scope;
  readonly seeds: number;
  readonly print: (text: string) => void;
  readonly progress: Progress;
}): Promise<AvailabilityReport> {
  const { scope, seeds, print, progress } = options;
  const broken: string[] = [];
  print(describeWorld(scope));

  const comparisons = await compareStrategies(scope, progress);
  print('\n## Seven strategies in the same year: builds lost and turned away per 100,000\n');
  for (const comparison of comparisons) print(`${printComparison(comparison)}\n`);
  print('## Claim 3: a fixed schedule compared with ours, builds lost per 100,000\n');
  print(`${printRatios(comparisons)}\n`);
  print('## Long jobs: builds lost per 100,000, by length\n');
  print(`${printByLength(comparisons)}\n`);

  print('## Claim 1: no build is lost if no outage is longer than H\n');
  const within = await tryWithinTolerance(scope, seeds, progress, broken);
  print(`${within}\n`);

  print('## Claim 2: outages of H and longer, at each moment around a refresh\n');
  print(`${await tryBeyondTolerance(scope, progress, broken)}\n`);

  print('## Late beats: H and M - J with two beats 119 s apart\n');
  print(`${await tryLateBeats(scope, progress, broken)}\n`);

  print('## Claim 4: the alarm "token dying"\n');
  print(`${await tryAlarm(scope, progress, broken)}\n`);

  print('## Claim 5: jobs of up to longestJob that read once\n');
  print(`${await tryJobs(scope, seeds, progress, broken)}\n`);

  print('## Token endpoints with other rules, the same year\n');
  print(`${await tryOtherServers(scope, progress)}\n`);

  print(
    broken.length === 0 ? 'All five claims hold.' : `These claims do not hold:\n- ${broken.join('\n- ')}`,
  );
  return { broken, comparisons };
}

function describeWorld({ seed, spanMs, buildsADay }: Scope): string {
  return [
    `Seed ${seed}, ${duration(spanMs)} of one-minute beats, ${buildsADay} builds a day, 1 to 120 minutes long.`,
    `Incidents: log-normal, median ${INCIDENT_SHAPE.medianMinutes.toFixed(0)} min, deviation ${INCIDENT_SHAPE.deviation.toFixed(2)}, fitted to ${PUBLISHED_INCIDENT_MINUTES.length} published ones (incident-history.ts); ${INCIDENTS_A_YEAR} a year, and ${BLIPS_A_YEAR} blips, are assumed.`,
  ].join('\n');
}

async function tryWithinTolerance(scope: Scope, seeds: number, progress: Progress, broken: string[]) {
  const rows: string[][] = [];
  for (const setting of SETTINGS) {
    for (const server of [PLAIN, FORGETFUL]) {
      for (let index = 0; index < seeds; index++) {
        const seeded = { ...scope, seed: scope.seed + index };
        const name = `${settingName(setting)}${server === FORGETFUL ? ', idle timeout 15 min' : ''}, seed ${seeded.seed}`;
        const outcome = await live({
          scope: seeded,
          setting,
          server,
          longestTrouble: 1,
          onProgress: (done) => progress(`within H: ${name}`, done),
        });
        const asked = outcome.builds.filter(({ reading }) => reading === 'min-ttl');
        const isIn = (state: string) => count(asked.filter((build) => build.state === state).length);
        rows.push([
          name,
          duration(guarantee(setting.lifetimeMs, setting).outageToleranceMs),
          count(asked.length),
          isIn('lost'),
          isIn('turned-away'),
          count(outcome.remainingAtReads.length),
          count(outcome.remainingAtReads.filter((remainingMs) => remainingMs <= 0).length),
          duration(outcome.remainingAtReads[0] ?? 0),
          String(outcome.gaps.length),
        ]);
        broken.push(...brokenWithinTolerance(outcome).map((what) => `claim 1, ${name}: ${what}`));
      }
    }
  }
  const head = [
    'lifetime, interval',
    'H',
    'asked --min-ttl',
    'lost',
    'turned away',
    'reads',
    'expired',
    'worst left',
    'gaps',
  ];
  return formatTable(head, rows);
}

async function tryBeyondTolerance(scope: Scope, progress: Progress, broken: string[]) {
  const rows: string[][] = [];
  for (const setting of SETTINGS) {
    progress(`beyond H: ${settingName(setting)}`, 0);
    const { outageToleranceMs } = guarantee(setting.lifetimeMs, setting);
    for (const { usual, slow } of await sweepBeyondTolerance(scope, setting)) {
      const beyondMs = slow.outageMs - outageToleranceMs;
      const allowedMs = beyondMs > 0 ? beyondMs + BEAT_MS : 0;
      rows.push([
        settingName(setting),
        duration(outageToleranceMs),
        duration(slow.outageMs),
        String(usual.outages + slow.outages),
        duration(slow.leastRemainingMs),
        duration(slow.worstGapMs),
        duration(allowedMs),
        duration(usual.slowestRecoveryMs),
        duration(slow.slowestRecoveryMs),
      ]);
      const what = `claim 2, ${settingName(setting)}, outage of ${duration(slow.outageMs)}`;
      for (const { row, limitMs } of [
        { row: usual, limitMs: BEAT_MS },
        { row: slow, limitMs: BEAT_MS + SLOW_MINT_MS },
      ]) {
        if (row.worstGapMs > allowedMs)
          broken.push(`${what}: ${duration(row.worstGapMs)} without a live token`);
        if (row.slowestRecoveryMs > limitMs) {
          broken.push(`${what}: a new token only ${duration(row.slowestRecoveryMs)} after the outage`);
        }
      }
    }
    progress(`beyond H: ${settingName(setting)}`, 1);
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
    'with a slow mint, 9 s',
  ];
  return formatTable(head, rows);
}

async function tryAlarm(scope: Scope, progress: Progress, broken: string[]) {
  const rows: string[][] = [];
  for (const setting of [...SETTINGS, ...JOB_SETTINGS]) {
    const name = settingName(setting);
    const promise = guarantee(setting.lifetimeMs, setting);
    const { thresholdSeconds, datapoints, isRaisedInTime } = dyingAlarm(promise);
    const judge = async (longestTrouble: number | undefined, label: string): Promise<AlarmRecord> =>
      judgeDyingAlarm(
        await live({
          scope,
          setting,
          ...(longestTrouble === undefined ? {} : { longestTrouble }),
          onProgress: (done) => progress(`alarm, ${label}: ${name}`, done),
        }),
        setting,
      );
    const history = await judge(undefined, 'history');
    const within = await judge(1, 'within H');
    const calm = await judge(0.5, 'within H/2');
    rows.push([
      name,
      `${datapoints} x < ${thresholdSeconds} s`,
      String(history.lapses),
      String(history.announced),
      history.shortestWarningMs === undefined ? '-' : duration(history.shortestWarningMs),
      String(history.withoutLapse),
      String(within.withoutLapse),
      String(calm.withoutLapse),
      isRaisedInTime ? 'yes' : 'no: the stack warns at synth',
    ]);
    if (isRaisedInTime && history.announced < history.lapses) {
      broken.push(`claim 4, ${name}: ${history.lapses - history.announced} lapses without an alarm before`);
    }
    if (datapoints === 5 && calm.withoutLapse > 0) {
      broken.push(`claim 4, ${name}: ${calm.withoutLapse} alarms in a year without a lapse`);
    }
  }
  const head = [
    'lifetime, interval',
    'raised at',
    'lapses',
    'announced',
    'shortest warning',
    'near misses',
    'in a year within H',
    'within H/2',
    'in reach',
  ];
  return formatTable(head, rows);
}

/** `npm run bench -- availability [--quick] [--seed N] [--no-pictures]`. Returns the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const isQuick = args.includes('--quick');
  const seedAt = args.indexOf('--seed');
  const base = isQuick ? QUICK : FULL;
  const scope = seedAt < 0 ? base : { ...base, seed: Number(args[seedAt + 1]) };
  const seeds = isQuick ? 1 : 2;
  const total =
    COMPARISONS +
    OTHER_SERVER_RUNS +
    SETTINGS.length * (2 * seeds + 1 + 3) +
    JOB_SETTINGS.length * 3 +
    LATE_BEATS_RUNS +
    jobRuns(seeds);
  const bar = new cliProgress.SingleBar(
    {
      format: '{bar} {percentage} %  {label}',
      clearOnComplete: true,
      hideCursor: true,
      stream: process.stderr,
    },
    cliProgress.Presets.shades_classic,
  );
  bar.start(total, 0, { label: '' });
  let finished = 0;
  const printed: string[] = [];
  const { broken, comparisons } = await measureAvailability({
    scope,
    seeds,
    print: (text) => printed.push(text),
    progress: (label, done) => {
      bar.update(finished + done, { label });
      if (done === 1) finished++;
    },
  });
  bar.stop();
  console.log(printed.join('\n'));
  if (!isQuick && !args.includes('--no-pictures')) {
    const { drawPictures } = await import('./pictures.ts');
    for (const path of await drawPictures(comparisons)) console.log(`Drawn: ${path}`);
  }
  return broken.length === 0 ? 0 : 1;
}

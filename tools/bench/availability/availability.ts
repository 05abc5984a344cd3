import { dyingAlarm } from '../../../infra/construct/dying-alarm.ts';
import { isRaised, ringAlarm } from '../../../local/simulation/alarm.ts';
import { gapsOf, type Outcome } from '../../../local/simulation/simulate.ts';
import type { Server } from '../../../local/simulation/virtual-account.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, PLAIN, YEAR_MS } from '../../../local/simulation/world.ts';
import { count, duration, printTable } from '../report.ts';
import { compareStrategies } from './comparison.ts';
import {
  BUILDS_A_DAY,
  live,
  minutes,
  promiseOf,
  type Scope,
  type Setting,
  settingName,
  WITH_JOB,
  WITHOUT_JOB,
} from './live.ts';

/** The full run, and the one for tests: a week. */
const FULL: Scope = { seed: 2_026, spanMs: YEAR_MS };
const QUICK: Scope = { ...FULL, spanMs: 7 * DAY_MS };

/** A Genesys Cloud organization under HIPAA: an inactivity timeout of 15 minutes. */
const FORGETFUL: Server = { kind: 'many live tokens', idleTimeoutMs: 15 * MINUTE_MS };

/** Simulates and prints the table of one claim, and returns the rows that break it. */
type Show = (scope: Scope) => Promise<readonly string[]>;

/** No outage is longer than promised: no read gets less life than promised, and no build that asked for life is lost. */
const showWithinTolerance: Show = async (scope) => {
  const broken: string[] = [];
  const rows: string[][] = [];
  const all: (readonly [Setting, Server])[] = [...WITHOUT_JOB, ...WITH_JOB].map((one) => [one, PLAIN]);
  for (const [setting, server] of [...all, [minutes(60), FORGETFUL] as const]) {
    const name = `${settingName(setting)}${server === FORGETFUL ? ', idle timeout 15 min' : ''}`;
    const { leastMs, toleranceMs, job } = promiseOf(setting);
    const outcome = await live({ scope, setting, server, longestTrouble: 1 });
    const promised = outcome.builds.filter(({ reading }) => reading === (job === null ? 'min-ttl' : 'once'));
    const [lost = 0, turnedAway = 0] = ['lost', 'turned-away'].map(
      (state) => promised.filter((build) => build.state === state).length,
    );
    const short = gapsOf(outcome, leastMs).length;
    const least = leastMs === 0 ? 'a live token' : duration(leastMs);
    rows.push([name, least, duration(toleranceMs), ...[promised.length, lost, turnedAway, short].map(count)]);
    if (lost + short > 0) broken.push(`${name}: ${lost} builds lost, ${short} times less than promised`);
  }
  const head = ['promised', 'longest outage', 'builds', 'lost', 'turned away', 'times with less'];
  printTable(['lifetime, interval', ...head], rows);
  return broken;
};

/** The alarm is raised before each lapse that leaves time for one, and never if outages are at most half as long as promised. */
const showAlarm: Show = async (scope) => {
  const broken: string[] = [];
  const rows: string[][] = [];
  for (const setting of [...WITHOUT_JOB, ...WITH_JOB]) {
    const name = settingName(setting);
    const promise = promiseOf(setting);
    const alarm = dyingAlarm(promise);
    const { thresholdSeconds, datapoints, isRaisedInTime } = alarm;
    const ring = ({ remainingSeconds }: Outcome) => ringAlarm(remainingSeconds, alarm, HOUR_MS);
    const history = await live({ scope, setting });
    const ringing = ring(history);
    const lapses = gapsOf(history, promise.leastMs);
    const announced = lapses.filter(({ from }) => isRaised(ringing, from)).length;
    const calm = ring(await live({ scope, setting, longestTrouble: 0.5 }));
    const rung = calm.filter(({ isHeartbeatMissing }) => !isHeartbeatMissing).length;
    rows.push([
      name,
      `${datapoints} x < ${thresholdSeconds} s`,
      ...[lapses.length, announced, rung].map(String),
      isRaisedInTime ? 'yes' : 'no: the stack warns at synth',
    ]);
    if (isRaisedInTime && announced < lapses.length)
      broken.push(`${name}: ${lapses.length - announced} lapses without an alarm before`);
    if (datapoints === 5 && rung > 0) broken.push(`${name}: ${rung} alarms in a year without a lapse`);
  }
  const head = ['raised at', 'lapses', 'announced', 'in a year within half', 'in reach'];
  printTable(['lifetime, interval', ...head], rows);
  return broken;
};

const PARTS: readonly (readonly [title: string, show: Show])[] = [
  ['Claim 2: strategies in the same year, builds lost and turned away per 100,000', compareStrategies],
  ['Claim 1: no build is lost if no outage is longer than promised', showWithinTolerance],
  ['Claim 3: the alarm "token dying"', showAlarm],
];

/**
 * `npm run bench -- availability [--quick] [--seed N]`: simulates, prints every table, and checks the three claims. Without
 * `--quick` it draws the picture. Returns the exit code.
 */
export async function run(args: readonly string[]): Promise<number> {
  const isQuick = args.includes('--quick');
  const seedAt = args.indexOf('--seed');
  const base = isQuick ? QUICK : FULL;
  const scope = seedAt < 0 ? base : { ...base, seed: Number(args[seedAt + 1]) };
  console.log(`Seed ${scope.seed}, ${duration(scope.spanMs)}, ${BUILDS_A_DAY} builds a day.\n`);
  const broken: string[] = [];
  for (const [title, show] of PARTS) {
    console.log(`## ${title}\n`);
    broken.push(...(await show(scope)).map((text) => `${title}: ${text}`));
  }
  console.log(
    broken.length === 0 ? 'All three claims hold.' : `These claims do not hold:\n- ${broken.join('\n- ')}`,
  );
  if (!isQuick) {
    const { drawRemainingLife } = await import('./picture.ts');
    console.log(`Drawn: ${await drawRemainingLife()}`);
  }
  return broken.length === 0 ? 0 : 1;
}

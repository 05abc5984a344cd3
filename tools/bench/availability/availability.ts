import { dyingAlarm } from '../../../infra/construct/dying-alarm.ts';
import { isRaised, ringAlarm } from '../../../local/simulation/alarm.ts';
import { gapsOf, type Outcome } from '../../../local/simulation/simulate.ts';
import { DAY_MS, HOUR_MS, YEAR_MS } from '../../../local/simulation/world.ts';
import { duration, printTable } from '../report.ts';
import { compareStrategies } from './comparison.ts';
import { BUILDS_A_DAY, live, promiseOf, type Scope, settingName, WITH_JOB, WITHOUT_JOB } from './live.ts';

/** The full run, and the one of `npm run prove`: a week. */
const FULL: Scope = { seed: 2_026, spanMs: YEAR_MS };
const QUICK: Scope = { ...FULL, spanMs: 7 * DAY_MS };

/** Simulates and prints the table of one claim, and returns the rows that break it. */
type Show = (scope: Scope) => Promise<readonly string[]>;

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
  ['Claim 1: strategies in the same year, builds lost and turned away per 100,000', compareStrategies],
  ['Claim 2: the alarm "token dying"', showAlarm],
];

/**
 * `npm run bench -- availability [--quick] [--seed N]`: simulates, prints every table, and checks the two claims. Returns
 * the exit code.
 */
export async function run(args: readonly string[]): Promise<number> {
  const seedAt = args.indexOf('--seed');
  const base = args.includes('--quick') ? QUICK : FULL;
  const scope = seedAt < 0 ? base : { ...base, seed: Number(args[seedAt + 1]) };
  console.log(`Seed ${scope.seed}, ${duration(scope.spanMs)}, ${BUILDS_A_DAY} builds a day.\n`);
  const broken: string[] = [];
  for (const [title, show] of PARTS) {
    console.log(`## ${title}\n`);
    broken.push(...(await show(scope)).map((text) => `${title}: ${text}`));
  }
  console.log(
    broken.length === 0 ? 'Both claims hold.' : `These claims do not hold:\n- ${broken.join('\n- ')}`,
  );
  return broken.length === 0 ? 0 : 1;
}

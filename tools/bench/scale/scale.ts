import { BEAT_MS, dueAgeMs, refreshAfterMs } from '../../../lambda/contract.ts';
import { synthesize } from '../../../local/synthesized-function.ts';
import { count, printTable } from '../report.ts';

const MONTH_MINUTES = 30 * 24 * 60;

/** A warm idle beat and a mint with AWS calls of 20 ms, as `npm run bench -- speed` scripts them. */
const BEAT_RUN_MS = 22;
const MINT_RUN_MS = 308;

/** Our log line and Lambda's three (START, END, REPORT), and the 26 bytes that CloudWatch adds to each. */
const LOG_BYTES_PER_BEAT = 550 + 300 + 4 * 26;

/** The number of versions that Parameter Store keeps of a parameter; it deletes the oldest at the next write. */
const VERSIONS_KEPT = 100;

/** List prices in us-east-1, in dollars, without free tiers. */
const PRICES = {
  secret: 0.4,
  secretRead: 0.05 / 10_000,
  metric: 0.3,
  alarm: 0.1,
  invocation: 0.2 / 1_000_000,
  gigabyteSecond: 0.0000133334,
  logGigabyte: 0.5,
  scheduledInvocation: 1 / 1_000_000,
  scheduledInvocationsFree: 14_000_000,
} as const;

/** Computes the costs of one token and of many, a month. */
export async function run(): Promise<number> {
  const { functions, template } = synthesize({
    tokens: [{ name: 'genesys', provider: 'genesys-cloud', region: 'eu-central-1' }],
  });
  const memoryMiB = functions[0]?.memoryMiB ?? Number.NaN;
  const alarms = Object.values(template.Resources).filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm');

  console.log(`$ a month of 30 days; ${memoryMiB} MiB\n`);
  printCosts(memoryMiB, alarms.length);
  printIntervals(memoryMiB);
  return 0;
}

/** The monthly bill of one token in the default configuration, and of many. */
function printCosts(memoryMiB: number, alarms: number): void {
  const mints = MONTH_MINUTES / 50;
  const idle = MONTH_MINUTES - mints;
  const gigabytes = memoryMiB / 1024;
  const seconds = (idle * BEAT_RUN_MS + mints * MINT_RUN_MS) / 1000;
  const runTime = `(${idle} x ${BEAT_RUN_MS} ms + ${mints} x ${MINT_RUN_MS} ms) x ${gigabytes} GB x 0.0000133`;
  const beats = count(MONTH_MINUTES);
  const logged = `${beats} x ${LOG_BYTES_PER_BEAT} bytes x 0.50 / GB`;
  const costs: readonly (readonly [name: string, arithmetic: string, dollars: number])[] = [
    ['secret', '1 x 0.40', PRICES.secret],
    ['its reads', `${mints} x 0.05 / 10,000`, mints * PRICES.secretRead],
    ['invocations', `${beats} x 0.20 / 1,000,000`, MONTH_MINUTES * PRICES.invocation],
    ['run time', runTime, seconds * gigabytes * PRICES.gigabyteSecond],
    ['log', logged, ((MONTH_MINUTES * LOG_BYTES_PER_BEAT) / 1e9) * PRICES.logGigabyte],
    ['metric of remaining life', '1 x 0.30', PRICES.metric],
    ['alarms', `${alarms} x 0.10`, alarms * PRICES.alarm],
  ];
  const total = costs.reduce((sum, [, , dollars]) => sum + dollars, 0);
  printTable(
    ['one token', 'arithmetic', '$'],
    [...costs, ['one token', 'the sum', total] as const].map(([name, arithmetic, dollars]) => [
      name,
      arithmetic,
      dollars.toFixed(4),
    ]),
  );
  printTable(
    ['tokens', 'their sum', 'schedules beyond 14 million', '$ a month'],
    [1, 10, 100, 1_000].map((tokens) => {
      const beyond = Math.max(0, tokens * MONTH_MINUTES - PRICES.scheduledInvocationsFree);
      const schedules = beyond * PRICES.scheduledInvocation;
      return [
        count(tokens),
        ...[tokens * total, schedules, tokens * total + schedules].map((cost) => cost.toFixed(2)),
      ];
    }),
  );
}

const INTERVALS: readonly (readonly [setting: string, refreshMinutes: number, longestJobMinutes?: number])[] =
  [
    ['refreshInterval: 50 (the default)', 50],
    ['refreshInterval: 5', 5],
    ['longestJob: 30', 50, 30],
    ['longestJob: 45', 50, 45],
    ['longestJob: 54 (the greatest)', 50, 54],
  ];

/** How often each setting mints tokens of one hour, its requests in a month, and how much more it costs than the default. */
function printIntervals(memoryMiB: number): void {
  // The first beat at which a one-hour token is due mints.
  const mintsOf = (refreshMinutes: number, longestJobMinutes?: number): number => {
    const longestJobMs = longestJobMinutes && longestJobMinutes * BEAT_MS;
    const times = { refreshIntervalMs: refreshMinutes * BEAT_MS, longestJobMs };
    return MONTH_MINUTES / Math.ceil(dueAgeMs(refreshAfterMs(60 * BEAT_MS, times)) / BEAT_MS);
  };
  const runCost = ((MINT_RUN_MS - BEAT_RUN_MS) / 1000) * (memoryMiB / 1024) * PRICES.gigabyteSecond;
  printTable(
    ['tokens of one hour', 'mints a day', 'secret reads', 'parameter writes', 'versions go back', '$ more'],
    INTERVALS.map(([setting, ...times]) => {
      const mints = mintsOf(...times);
      return [
        setting,
        (mints / 30).toFixed(1),
        count(mints),
        count(2 * mints),
        `${((VERSIONS_KEPT / (mints / 30)) * 24).toFixed(1)} h`,
        ((mints - mintsOf(50)) * (PRICES.secretRead + runCost)).toFixed(4),
      ];
    }),
  );
}

import { BEAT_MS, dueAgeMs, type RefreshTimes, refreshAfterMs } from '../../lambda/contract.ts';

/** A month of 30 days. */
export const MONTH_MINUTES = 30 * 24 * 60;

/** A warm idle beat and a mint with AWS calls of 20 ms, as `npm run bench -- speed` scripts them. */
const BEAT_RUN_MS = 22;
const MINT_RUN_MS = 308;

/** Our log line and Lambda's three (START, END, REPORT), and the 26 bytes that CloudWatch adds to each. */
const LOG_BYTES_PER_BEAT = 550 + 300 + 4 * 26;

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

/** One line of a bill: the resource, how it is computed, and the dollars in a month. */
export type Cost = readonly [what: string, arithmetic: string, dollars: number];

const count = (value: number): string => value.toLocaleString('en-US');

/** The monthly bill of one token in the default configuration. */
export function costsOfToken({ memoryMiB, alarms }: { memoryMiB: number; alarms: number }): readonly Cost[] {
  const mints = MONTH_MINUTES / 50;
  const idle = MONTH_MINUTES - mints;
  const gigabytes = memoryMiB / 1024;
  const seconds = (idle * BEAT_RUN_MS + mints * MINT_RUN_MS) / 1000;
  const runTime = `(${idle} x ${BEAT_RUN_MS} ms + ${mints} x ${MINT_RUN_MS} ms) x ${gigabytes} GB x 0.0000133`;
  const beats = count(MONTH_MINUTES);
  return [
    ['secret', '1 x 0.40', PRICES.secret],
    ['its reads', `${mints} x 0.05 / 10,000`, mints * PRICES.secretRead],
    ['invocations', `${beats} x 0.20 / 1,000,000`, MONTH_MINUTES * PRICES.invocation],
    ['run time', runTime, seconds * gigabytes * PRICES.gigabyteSecond],
    [
      'log',
      `${beats} x ${LOG_BYTES_PER_BEAT} bytes x 0.50 / GB`,
      ((MONTH_MINUTES * LOG_BYTES_PER_BEAT) / 1e9) * PRICES.logGigabyte,
    ],
    ['metric of remaining life', '1 x 0.30', PRICES.metric],
    ['alarms', `${alarms} x 0.10`, alarms * PRICES.alarm],
  ];
}

/** What each option adds to a token's costs, or saves. */
export const COSTS_OF_OPTIONS: readonly Cost[] = [
  ['secretArn or secretName (an existing secret)', '-1 x 0.40', -PRICES.secret],
  ['a token above 4,096 bytes (advanced tier)', '1 x 0.05', 0.05],
  ['its reads, one each minute', `${count(MONTH_MINUTES)} x 0.05 / 10,000`, (MONTH_MINUTES * 0.05) / 10_000],
  [
    'a second CloudTrail trail with management events',
    `${count(MONTH_MINUTES)} reads x 2.00 / 100,000`,
    (MONTH_MINUTES * 2) / 100_000,
  ],
  ['dashboard', 'three of an account are free', 3],
  ['encryptionKeyArn, per key', '1 x 1.00, and 0.03 per 10,000 requests', 1],
  ['reservedConcurrency, readers, retainParameters', '0', 0],
  ['alarmEmail, alarmTopicArn', 'the first 1,000 mails are free', 0],
  ['vpcId, if it has no NAT gateway yet', '720 h x 0.045, and traffic', 720 * 0.045],
];

/** The schedule's price for this many tokens: the account's first 14 million invocations of a month are free. */
export function costOfSchedules(tokens: number): number {
  const beyond = Math.max(0, tokens * MONTH_MINUTES - PRICES.scheduledInvocationsFree);
  return beyond * PRICES.scheduledInvocation;
}

/** The number of versions that Parameter Store keeps of a parameter; it deletes the oldest at the next write. */
const VERSIONS_KEPT = 100;

const SETTINGS: readonly (readonly [setting: string, refreshMinutes: number, longestJobMinutes?: number])[] =
  [
    ['refreshInterval: 50 (the default)', 50],
    ['refreshInterval: 5', 5],
    ['longestJob: 30', 50, 30],
    ['longestJob: 45', 50, 45],
    ['longestJob: 54 (the greatest)', 50, 54],
  ];

/** Rows: how often each setting mints tokens of one hour, its requests in a month, and how much more it costs than the default. */
export function mintLoads(memoryMiB: number): readonly (readonly string[])[] {
  const mintsOf = (refreshMinutes: number, longestJobMinutes?: number): number =>
    mintsAMonth({
      refreshIntervalMs: refreshMinutes * BEAT_MS,
      longestJobMs: longestJobMinutes && longestJobMinutes * BEAT_MS,
    });
  const runCost = ((MINT_RUN_MS - BEAT_RUN_MS) / 1000) * (memoryMiB / 1024) * PRICES.gigabyteSecond;
  return SETTINGS.map(([setting, ...times]) => {
    const mints = mintsOf(...times);
    const mintsADay = mints / 30;
    return [
      setting,
      mintsADay.toFixed(1),
      count(Math.round(mints)),
      count(Math.round(2 * mints)),
      `${((VERSIONS_KEPT / mintsADay) * 24).toFixed(1)} h`,
      ((mints - mintsOf(50)) * (PRICES.secretRead + runCost)).toFixed(4),
    ];
  });
}

/** With a beat per minute, the first beat at which a one-hour token is due mints. */
function mintsAMonth(times: RefreshTimes): number {
  return MONTH_MINUTES / Math.ceil(dueAgeMs(refreshAfterMs(60 * BEAT_MS, times)) / BEAT_MS);
}

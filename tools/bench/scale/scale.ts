import { BEAT_MS, dueAgeMs, refreshAfterMs } from '../../../lambda/contract.ts';
import { createClock } from '../../../lambda/refresh/clock.ts';
import { createMemory, refresh } from '../../../lambda/refresh/refresh.ts';
import {
  type Call,
  type CallName,
  createAccount,
  virtualMinter,
  virtualParameters,
} from '../../../local/simulation/virtual-account.ts';
import { synthesize } from '../../../local/synthesized-function.ts';
import { count, printTable } from '../report.ts';

const MONTH_MINUTES = 30 * 24 * 60;

/** A warm idle beat and a mint with AWS calls of 20 ms, as `npm run bench -- speed` scripts them. */
const BEAT_RUN_MS = 22;
const MINT_RUN_MS = 308;

/** How much longer a beat with a keep-alive probe takes: a new TLS connection and one request. */
const PROBE_RUN_MS = 80;

/** We assume that Lambda replaces a warm instance so often. The new one decrypts the token once. */
const INSTANCE_MINUTES = 120;

/** Our log line and Lambda's three (START, END, REPORT), and the 26 bytes that CloudWatch adds to each. */
const LOG_BYTES_PER_BEAT = 550 + 300 + 4 * 26;

/** The number of versions that Parameter Store keeps of a parameter; it deletes the oldest at the next write. */
const VERSIONS_KEPT = 100;

/** List prices in us-east-1, in dollars, without free tiers. */
const PRICES = {
  secret: 0.4,
  secretRead: 0.05 / 10_000,
  keyRequest: 0.03 / 10_000,
  advancedParameter: 0.05,
  advancedCall: 0.05 / 10_000,
  trailEvent: 2 / 100_000,
  metric: 0.3,
  alarm: 0.1,
  invocation: 0.2 / 1_000_000,
  gigabyteSecond: 0.0000133334,
  logGigabyte: 0.5,
  scheduledInvocation: 1 / 1_000_000,
  scheduledInvocationsFree: 14_000_000,
} as const;

/** The calls of the deployed `refresh()` in a month, with one-hour tokens. */
async function countCalls(hasProbe: boolean): Promise<Readonly<Record<CallName, number>>> {
  const account = createAccount(0, { kind: 'many live tokens', idleTimeoutMs: null });
  const counts: Record<CallName, number> = {
    ...{ read: 0, 'read-token': 0, 'write-token': 0, 'write-status': 0 },
    ...{ 'read-secret': 0, mint: 0, probe: 0 },
  };
  const call: Call = async (name, { effect }) => {
    counts[name] += 1;
    return effect();
  };
  const clock = createClock(() => new Date(account.nowMs));
  const { signal } = new AbortController();
  const parameters = virtualParameters(account, call);
  const minter = virtualMinter(account, call, { now: clock.now, lifetimesMs: [60 * BEAT_MS], hasProbe });
  let memory = createMemory();
  for (let minute = 0; minute < MONTH_MINUTES; minute += 1) {
    account.nowMs = minute * BEAT_MS;
    if (minute % INSTANCE_MINUTES === 0) memory = createMemory();
    await refresh({
      request: { kind: 'beat' },
      parameters,
      loadMinter: async () => minter,
      hasProbe,
      clock,
      policy: { refreshIntervalMs: 50 * BEAT_MS, source: '0'.repeat(16), encryptionKey: null },
      provider: 'genesys-cloud',
      memory,
      observations: { remainingMs: null, warnings: [] },
      signal,
      recordingSignal: () => signal,
    });
  }
  return counts;
}

/** Computes the costs of one token and of many, a month. */
export async function run(): Promise<number> {
  const { functions, template } = synthesize({
    tokens: [{ name: 'genesys', provider: 'genesys-cloud', region: 'eu-central-1' }],
  });
  const memoryMiB = functions[0]?.memoryMiB ?? Number.NaN;
  const alarms = Object.values(template.Resources).filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm');

  console.log(`$ a month of 30 days; ${memoryMiB} MiB\n`);
  const calls = await countCalls(true);
  printCosts(memoryMiB, alarms.length, calls);
  printOptions(calls);
  printIntervals(memoryMiB);
  return 0;
}

type Calls = Readonly<Record<CallName, number>>;

/** KMS decrypts each token that is read, and encrypts each that is written. */
const keyRequests = (calls: Calls): number => calls['read-token'] + calls['write-token'];

/** The options whose costs follow from the calls. */
function printOptions(calls: Calls): void {
  const ofToken = calls.read + calls['read-token'] + calls['write-token'];
  const events = ofToken + calls['write-status'] + calls['read-secret'] + keyRequests(calls);
  printTable(
    ['option', 'arithmetic', '$ more'],
    [
      ['an existing secret', '-1 x 0.40', (-PRICES.secret).toFixed(4)],
      ['a token above 4,096 bytes', '1 x 0.05', PRICES.advancedParameter.toFixed(4)],
      ['its calls', `${count(ofToken)} x 0.05 / 10,000`, (ofToken * PRICES.advancedCall).toFixed(4)],
      [
        'a second CloudTrail trail',
        `${count(events)} events x 2.00 / 100,000`,
        (events * PRICES.trailEvent).toFixed(4),
      ],
    ],
  );
}

/** The monthly bill of one token in the default configuration with a probe, and of many. */
function printCosts(memoryMiB: number, alarms: number, calls: Calls): void {
  const { mint: mints } = calls;
  // A mint has a probe of its own.
  const probed = calls.probe - mints;
  const idle = MONTH_MINUTES - mints;
  const gigabytes = memoryMiB / 1024;
  const seconds = (idle * BEAT_RUN_MS + probed * PROBE_RUN_MS + mints * MINT_RUN_MS) / 1000;
  const runTime = `(${idle} x ${BEAT_RUN_MS} ms + ${probed} x ${PROBE_RUN_MS} ms + ${mints} x ${MINT_RUN_MS} ms) x ${gigabytes} GB x 0.0000133`;
  const beats = count(MONTH_MINUTES);
  const logged = `${beats} x ${LOG_BYTES_PER_BEAT} bytes x 0.50 / GB`;
  const costs: readonly (readonly [name: string, arithmetic: string, dollars: number])[] = [
    ['secret', '1 x 0.40', PRICES.secret],
    ['its reads', `${mints} x 0.05 / 10,000`, mints * PRICES.secretRead],
    ['KMS requests', `${count(keyRequests(calls))} x 0.03 / 10,000`, keyRequests(calls) * PRICES.keyRequest],
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

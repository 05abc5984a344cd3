import { simulate } from '../../local/simulation/simulate.ts';
import { createQuietWorld, DAY_MS, HOUR_MS, MINUTE_MS } from '../../local/simulation/world.ts';
import { synthesize } from '../../local/synthesized-function.ts';
import { count, printTable } from './report.ts';

const MONTH_DAYS = 30;
const BEATS = MONTH_DAYS * 24 * 60;

/** A warm idle beat and a mint with AWS calls of 20 ms, as `npm run bench -- speed` scripts them, and a keep-alive probe. */
const BEAT_SECONDS = 0.022;
const MINT_SECONDS = 0.308;
const PROBE_SECONDS = 0.08;

/** We assume that Lambda replaces a warm instance so often. The new one decrypts the token once. */
const INSTANCE_MS = 2 * HOUR_MS;

/** Our log line and Lambda's three (START, END, REPORT), and the 26 bytes that CloudWatch adds to each. */
const LOG_BYTES_PER_BEAT = 550 + 300 + 4 * 26;

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

/** A line of a bill, at list prices in us-east-1 without free tiers. */
type Line = readonly [name: string, quantity: number, dollars: number, per?: number];

const dollarsOf = ([, quantity, dollars, per = 1]: Line): number => (quantity * dollars) / per;

type Calls = Awaited<ReturnType<typeof countCalls>>;

/** KMS decrypts each token that is read, and encrypts each that is written. */
const kmsRequests = (calls: Calls): number => calls['read-token'] + calls['write-token'];

/** The calls of the deployed `refresh()` in a month, with one-hour tokens of a provider with a probe. */
async function countCalls(refreshMinutes: number, longestJobMinutes?: number) {
  const refreshIntervalMs = refreshMinutes * MINUTE_MS;
  const longestJobMs = longestJobMinutes && longestJobMinutes * MINUTE_MS;
  const world = createQuietWorld({
    lifetimeMs: HOUR_MS,
    spanMs: MONTH_DAYS * DAY_MS,
    server: { kind: 'many live tokens', idleTimeoutMs: HOUR_MS },
    coldStarts: Array.from(
      { length: (MONTH_DAYS * DAY_MS) / INSTANCE_MS },
      (_, index) => index * INSTANCE_MS,
    ),
  });
  const strategy = { name: 'ours', kind: 'ours', refreshIntervalMs, longestJobMs } as const;
  return (await simulate({ world, strategy })).calls;
}

/** Computes the costs of one token, of its options, of shorter intervals and of many tokens, a month. */
export async function run(): Promise<number> {
  const { functions, template } = synthesize({
    tokens: [{ name: 'genesys', provider: 'genesys-cloud', region: 'eu-central-1' }],
  });
  const memoryMiB = functions[0]?.memoryMiB ?? Number.NaN;
  const alarms = Object.values(template.Resources).filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm');
  const bill = (calls: Calls): readonly Line[] => {
    // A mint has a probe of its own.
    const [idle, probes] = [BEATS - calls.mint, calls.probe - calls.mint];
    const seconds = idle * BEAT_SECONDS + probes * PROBE_SECONDS + calls.mint * MINT_SECONDS;
    return [
      ['secret', 1, 0.4],
      ['its reads', calls['read-secret'], 0.05, 10_000],
      ['KMS requests', kmsRequests(calls), 0.03, 10_000],
      ['invocations', BEATS, 0.2, 1_000_000],
      ['run time, GB-seconds', (seconds * memoryMiB) / 1024, 0.0000133334],
      ['log, bytes', BEATS * LOG_BYTES_PER_BEAT, 0.5, 1e9],
      ['metric of remaining life', 1, 0.3],
      ['alarms', alarms.length, 0.1],
    ];
  };
  const sum = (calls: Calls) => bill(calls).reduce((dollars, line) => dollars + dollarsOf(line), 0);

  console.log(`$ a month of ${MONTH_DAYS} days; ${memoryMiB} MiB\n`);
  const calls = await countCalls(50);
  const total = sum(calls);
  const ofToken = calls.read + calls['read-token'] + calls['write-token'];
  const events = ofToken + calls['write-status'] + calls['read-secret'] + kmsRequests(calls);
  const lines: readonly Line[] = [
    ...bill(calls),
    ['one token', 1, Number(total.toFixed(4))],
    ['option: an existing secret', -1, 0.4],
    ['option: a token above 4,096 bytes', 1, 0.05],
    ['its calls', ofToken, 0.05, 10_000],
    ['option: a second CloudTrail trail', events, 2, 100_000],
  ];
  printTable(
    ['', 'quantity', 'price', '$ a month'],
    lines.map((line) => {
      const [name, quantity, price, per = 1] = line;
      return [name, count(quantity), `${price} / ${count(per)}`, dollarsOf(line).toFixed(4)];
    }),
  );
  const rows: string[][] = [];
  for (const [setting, ...times] of SETTINGS) {
    const other = await countCalls(...times);
    rows.push([
      setting,
      (other.mint / MONTH_DAYS).toFixed(1),
      count(other['read-secret']),
      count(other['write-token'] + other['write-status']),
      `${((VERSIONS_KEPT / other.mint) * MONTH_DAYS * 24).toFixed(1)} h`,
      (sum(other) - total).toFixed(4),
    ]);
  }
  const head = ['mints a day', 'secret reads', 'parameter writes', 'versions go back', '$ more'];
  printTable(['tokens of one hour', ...head], rows);
  for (const tokens of [1, 10, 100, 1_000]) {
    const schedules = Math.max(0, tokens * BEATS - 14_000_000) / 1_000_000;
    const costs = `${(tokens * total).toFixed(2)} + ${schedules.toFixed(2)} for schedules beyond 14 million`;
    console.log(`${count(tokens)} tokens: $ ${costs}`);
  }
  return 0;
}

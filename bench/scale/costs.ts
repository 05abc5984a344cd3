import { BEAT_MS, dueAgeMs, type RefreshTimes, refreshAfterMs } from '../../lambda/contract.ts';

/** A month of 30 days. */
const MONTH_MINUTES = 30 * 24 * 60;

/** List prices in us-east-1, in dollars, without free tiers. */
const PRICES = {
  secret: 0.4,
  secretRead: 0.05 / 10_000,
  metric: 0.3,
  alarm: 0.1,
  invocation: 0.2 / 1_000_000,
  gigabyteSecond: 0.0000133334,
  scheduledInvocation: 1 / 1_000_000,
  scheduledInvocationsFree: 14_000_000,
  logGigabyte: 0.5,
  advancedParameter: 0.05,
  advancedParameterRead: 0.05 / 10_000,
  secondTrailEvent: 2 / 100_000,
  dashboard: 3,
  encryptionKey: 1,
  natGateway: 0.045 * 24 * 30,
} as const;

/** What the costs are computed from. */
export interface CostInputs {
  readonly memoryMiB: number;
  readonly beatMs: number;
  readonly mintMs: number;
  readonly refreshIntervalMinutes: number;
  readonly alarmsPerToken: number;
  readonly logBytesPerBeat: number;
}

/** One line of a bill: what, how it is computed, and the dollars in a month. */
export interface Cost {
  readonly what: string;
  readonly arithmetic: string;
  readonly dollars: number;
}

/** The monthly bill of one token in the default configuration. */
export function costsOfToken(inputs: CostInputs): Cost[] {
  const { memoryMiB, beatMs, mintMs, refreshIntervalMinutes, alarmsPerToken, logBytesPerBeat } = inputs;
  const beats = MONTH_MINUTES;
  const mints = MONTH_MINUTES / refreshIntervalMinutes;
  const seconds = ((beats - mints) * beatMs + mints * mintMs) / 1000;
  const gigabytes = memoryMiB / 1024;
  return [
    { what: 'secret', arithmetic: '1 x 0.40', dollars: PRICES.secret },
    {
      what: 'its reads',
      arithmetic: `${mints} x 0.05 / 10,000`,
      dollars: mints * PRICES.secretRead,
    },
    {
      what: 'invocations',
      arithmetic: `${beats.toLocaleString('en-US')} x 0.20 / 1,000,000`,
      dollars: beats * PRICES.invocation,
    },
    {
      what: 'run time',
      arithmetic: `(${beats - mints} x ${beatMs.toFixed(0)} ms + ${mints} x ${mintMs.toFixed(0)} ms) x ${gigabytes} GB x 0.0000133`,
      dollars: seconds * gigabytes * PRICES.gigabyteSecond,
    },
    {
      what: 'log',
      arithmetic: `${beats.toLocaleString('en-US')} x ${logBytesPerBeat} bytes x 0.50 / GB`,
      dollars: ((beats * logBytesPerBeat) / 1e9) * PRICES.logGigabyte,
    },
    { what: 'metric of remaining life', arithmetic: '1 x 0.30', dollars: PRICES.metric },
    { what: 'alarms', arithmetic: `${alarmsPerToken} x 0.10`, dollars: alarmsPerToken * PRICES.alarm },
  ];
}

/** The schedule's price for this many tokens: the account's first 14 million invocations of a month are free. */
export function costOfSchedules(tokens: number): number {
  const beyond = Math.max(0, tokens * MONTH_MINUTES - PRICES.scheduledInvocationsFree);
  return beyond * PRICES.scheduledInvocation;
}

/** How often a schedule mints tokens of one hour, and the requests and costs of that in a month of 30 days. */
export interface MintLoad {
  readonly setting: string;
  readonly mintsADay: number;
  /** Calls of GetSecretValue. */
  readonly secretReads: number;
  /** Calls of PutParameter: token and status. */
  readonly parameterWrites: number;
  /** After how many hours Parameter Store's 100 versions are replaced. */
  readonly hoursOfVersions: number;
  /** The difference to the default. */
  readonly dollarsMore: number;
}

/** The number of versions that Parameter Store keeps of a parameter; it deletes the oldest at the next write. */
const VERSIONS_KEPT = 100;

const DAY_MINUTES = 24 * 60;

const minutes = (refreshInterval: number, longestJob?: number): RefreshTimes => ({
  refreshIntervalMs: refreshInterval * BEAT_MS,
  longestJobMs: longestJob === undefined ? undefined : longestJob * BEAT_MS,
});

/** The costs of minting more often. Requests to Parameter Store's standard tier are free. */
export function mintLoads({ memoryMiB, mintMs, beatMs }: CostInputs): readonly MintLoad[] {
  const byDefault = mintsAMonth(minutes(50));
  const settings: readonly [string, RefreshTimes][] = [
    ['refreshInterval: 50 (the default)', minutes(50)],
    ['refreshInterval: 5', minutes(5)],
    ['longestJob: 30', minutes(50, 30)],
    ['longestJob: 45', minutes(50, 45)],
    ['longestJob: 54 (the greatest)', minutes(50, 54)],
  ];
  return settings.map(([setting, times]) => {
    const mints = mintsAMonth(times);
    const more = mints - byDefault;
    const gigabyteSeconds = ((more * (mintMs - beatMs)) / 1000) * (memoryMiB / 1024);
    const mintsADay = (mints / MONTH_MINUTES) * DAY_MINUTES;
    return {
      setting,
      mintsADay,
      secretReads: mints,
      parameterWrites: 2 * mints,
      hoursOfVersions: (VERSIONS_KEPT / mintsADay) * 24,
      dollarsMore: more * PRICES.secretRead + gigabyteSeconds * PRICES.gigabyteSecond,
    };
  });
}

/** With a beat per minute, the first beat at which a one-hour token is due mints. */
function mintsAMonth(times: RefreshTimes): number {
  const everyMinutes = Math.ceil(dueAgeMs(refreshAfterMs(60 * BEAT_MS, times)) / BEAT_MS);
  return MONTH_MINUTES / everyMinutes;
}

/** What each option adds to a token's costs, or saves. */
export function costsOfOptions(): Cost[] {
  return [
    {
      what: 'secretArn or secretName (an existing secret)',
      arithmetic: '-1 x 0.40',
      dollars: -PRICES.secret,
    },
    {
      what: 'a token above 4,096 bytes (advanced tier)',
      arithmetic: '1 x 0.05',
      dollars: PRICES.advancedParameter,
    },
    {
      what: 'its reads, one each minute',
      arithmetic: `${MONTH_MINUTES.toLocaleString('en-US')} x 0.05 / 10,000`,
      dollars: MONTH_MINUTES * PRICES.advancedParameterRead,
    },
    {
      what: 'a second CloudTrail trail with management events',
      arithmetic: `${MONTH_MINUTES.toLocaleString('en-US')} reads x 2.00 / 100,000`,
      dollars: MONTH_MINUTES * PRICES.secondTrailEvent,
    },
    { what: 'dashboard', arithmetic: 'three of an account are free', dollars: PRICES.dashboard },
    {
      what: 'encryptionKeyArn, per key',
      arithmetic: '1 x 1.00, and 0.03 per 10,000 requests',
      dollars: PRICES.encryptionKey,
    },
    { what: 'reservedConcurrency, readers, retainParameters', arithmetic: '0', dollars: 0 },
    { what: 'alarmEmail, alarmTopicArn', arithmetic: 'the first 1,000 mails are free', dollars: 0 },
    {
      what: 'vpcId, if it has no NAT gateway yet',
      arithmetic: '720 h x 0.045, and traffic',
      dollars: PRICES.natGateway,
    },
  ];
}

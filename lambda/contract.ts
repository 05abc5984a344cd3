/**
 * What the function and the stack share, each value once: the environment, the providers' settings, names, defaults
 * and the formulas of the guarantee. `infra` imports nothing else from `lambda`. Pure.
 */

export type { GenesysCloudSettings } from './providers/genesys-cloud.ts';
export { GENESYS_DOMAINS } from './providers/genesys-regions.ts';
export type { NiceCxoneSettings } from './providers/nice-cxone.ts';
export type { NiceCxoneAccessKeySettings } from './providers/nice-cxone-access-key.ts';
export type { ClientAuthentication, OAuth2Settings } from './providers/oauth2.ts';
export {
  describeProvider,
  PROVIDER_NAMES,
  PROVIDERS,
  type ProviderName,
  type ProviderSettings,
  readProviderSettings,
} from './providers/providers.ts';
export { createSettingsReader, didYouMean, type SettingsReader, show } from './providers/settings-reader.ts';

import type { ProviderSettings } from './providers/providers.ts';

/**
 * The function's environment, as `infra/token-refresher.ts` writes it. A name changed on one side only fails
 * the type check.
 */
export interface FunctionEnvironment {
  /** The token's name, for people. */
  readonly TOKEN_NAME: string;
  /** {@link ProviderSettings} as JSON. */
  readonly PROVIDER_SETTINGS: string;
  readonly SECRET_ARN: string;
  /** Name of the SecureString parameter that holds the token. */
  readonly TOKEN_PARAMETER: string;
  /** Name of the String parameter that holds the status. */
  readonly STATUS_PARAMETER: string;
  /** Whole seconds. */
  readonly REFRESH_INTERVAL_SECONDS: string;
  /** Whole seconds: the lifetime taken where the server tells none. */
  readonly ASSUMED_LIFETIME_SECONDS: string;
  /** Whole seconds: {@link RefreshTimes.longestJobMs}. Absent: none. */
  readonly LONGEST_JOB_SECONDS?: string;
  /** ARN of the customer managed KMS key. Absent: the AWS managed key `alias/aws/ssm`. */
  readonly ENCRYPTION_KEY_ARN?: string;
}

/** What the custom resource of a token's two parameters is told. CloudFormation hands every value over as a text. */
export interface TokenParametersProperties {
  readonly TokenParameter: string;
  readonly StatusParameter: string;
  /** Whether existing parameters are taken over; else they fail the deployment. */
  readonly Adopt: 'true' | 'false';
}

/** What the custom resource of a token's first mint is told. It mints again whenever a value changes. */
export interface FirstMintProperties {
  readonly FunctionName: string;
  readonly StatusParameter: string;
  /** ARN of the customer managed KMS key; empty: the AWS managed key `alias/aws/ssm`. */
  readonly EncryptionKey: string;
  /** Hash of the function's configuration. */
  readonly Configuration: string;
}

/** The value that the stack puts into a new secret, for each key: to be replaced by a person. */
export const SECRET_PLACEHOLDER = 'REPLACE_ME';

/** The namespace and the name of the one metric: the remaining life of the stored token, in seconds. */
export const METRIC_NAMESPACE = 'TokenRefresher';
export const METRIC_NAME = 'RemainingSeconds';

/** The heartbeat: EventBridge Scheduler's finest rate. */
export const BEAT_MS = 60_000;

/** The time a whole mint may take (secret, token request, probe, both writes). */
export const MINT_TIME_LIMIT_MS = 20_000;

/** The default age at which a token is replaced: 50 minutes. */
export const DEFAULT_REFRESH_INTERVAL_MS = 50 * 60_000;

/** The lifetime taken for a token of which neither `expires_in` nor a JWT's `exp` tells one: 15 minutes. */
export const DEFAULT_ASSUMED_LIFETIME_MS = 15 * 60_000;

/**
 * The longest lifetime that is believed, and can be configured: 48 hours, the most that Genesys Cloud can be set to. A
 * larger figure of a server is milliseconds, or another mistake, and would blind the alarm.
 */
export const MAX_LIFETIME_MS = 48 * 60 * 60_000;

/** How late a beat may come with everything below still kept: late beats are the rule, a minute late the exception. */
export const BEAT_JITTER_MS = 15_000;

/** By how much EventBridge Scheduler may be late: "between 1:00:00 and 1:00:59". Two beats can lie 119 s apart. */
const MOST_BEAT_DELAY_MS = 59_000;

/**
 * What two beats that come as late as Scheduler allows take from an outage tolerance: the beat that tries first, and
 * the beat that succeeds after the outage.
 *
 * @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */
export const LATE_BEATS_COST_MS = 2 * (MOST_BEAT_DELAY_MS - BEAT_JITTER_MS);

/** What decides, besides a token's lifetime L, how often it is replaced. Milliseconds. */
export interface RefreshTimes {
  /** The greatest age of a token. */
  readonly refreshIntervalMs: number;
  /** J: for how long a job that reads once uses the token. Undefined: no job is promised anything. */
  readonly longestJobMs?: number | undefined;
}

/** What is promised for tokens of one lifetime. All in milliseconds, never negative. */
export interface Guarantee {
  /** R: the age at which a token is replaced. */
  readonly refreshAfterMs: number;
  /** M: the least remaining life that a reader sees while the token endpoint works. */
  readonly floorMs: number;
  /** H: the longest outage of the token endpoint, starting at the worst moment, during which jobs still read a live token. */
  readonly outageToleranceMs: number;
  /** Null where no longest job is set, or where tokens of this lifetime cannot keep it. */
  readonly job: JobGuarantee | null;
}

/** What is promised to a job that reads the token once. Milliseconds. */
export interface JobGuarantee {
  /** J: the token lives at least this long from any read on. */
  readonly longestJobMs: number;
  /** The longest outage, starting at the worst moment, that keeps this promise: M - J, or less if R is below 6 minutes. */
  readonly outageToleranceMs: number;
}

/** The least R that a longest job may ask for: below, the token endpoint would be asked too often. */
const LEAST_JOB_REFRESH_MS = 3 * 60_000;

/** Servers report a little less than the configured lifetime: 3,599 seconds instead of an hour. */
const LIFETIME_SLACK_MS = 60_000;

/** The greatest longest job that tokens of this lifetime can be configured for; negative where there is none. */
export function greatestLongestJobMs(lifetimeMs: number): number {
  return lifetimeMs - 2 * LEAST_JOB_REFRESH_MS;
}

/** J where tokens of this lifetime can keep it; null where they cannot, or where none is set. */
function keptJobMs(lifetimeMs: number, { longestJobMs }: RefreshTimes): number | null {
  const isKept =
    longestJobMs !== undefined && longestJobMs <= greatestLongestJobMs(lifetimeMs + LIFETIME_SLACK_MS);
  return isKept ? longestJobMs : null;
}

/**
 * Computes R, the age at which a token of this lifetime is replaced: the least of the interval, 5/6 of the lifetime
 * and, if a longest job J can be kept, (L - J) / 2. Half of the time that J leaves is then for outages.
 */
export function refreshAfterMs(lifetimeMs: number, times: RefreshTimes): number {
  const jobMs = keptJobMs(lifetimeMs, times);
  const forJobMs = jobMs === null ? Number.POSITIVE_INFINITY : (lifetimeMs - jobMs) / 2;
  return Math.min(times.refreshIntervalMs, (lifetimeMs * 5) / 6, forJobMs);
}

/**
 * How long before R a token is first tried, where R allows. A token first tried on the beat after R, and tried again
 * on the beat after the outage, waits for two beats and a mint, and the outage tolerance allows for one beat only: a
 * beat, a mint and two late beats are taken off here. A beat a minute then makes one-hour tokens 49 minutes old.
 */
const EARLY_MS = BEAT_MS + MINT_TIME_LIMIT_MS + 2 * BEAT_JITTER_MS;

/** How long before R a token is first tried: a quarter of R at most, so that short intervals are not halved. */
function earlyMs(refreshAfter: number): number {
  return Math.min(EARLY_MS, refreshAfter / 4);
}

/** The age at which a beat begins to try to replace a token. */
export function dueAgeMs(refreshAfter: number): number {
  return refreshAfter - earlyMs(refreshAfter);
}

/** Computes what readers are promised for tokens of `lifetimeMs`. */
export function guarantee(lifetimeMs: number, times: RefreshTimes): Guarantee {
  const refreshAfter = refreshAfterMs(lifetimeMs, times);
  const floorMs = Math.max(0, lifetimeMs - refreshAfter - BEAT_MS - MINT_TIME_LIMIT_MS);
  // A first try that comes less early than an outage costs leaves less time for the outage.
  const lateMs = EARLY_MS - earlyMs(refreshAfter);
  const outageToleranceMs = Math.max(0, lifetimeMs - refreshAfter - BEAT_MS - lateMs);
  const jobMs = keptJobMs(lifetimeMs, times);
  return {
    refreshAfterMs: refreshAfter,
    floorMs,
    outageToleranceMs,
    job:
      jobMs === null
        ? null
        : {
            longestJobMs: jobMs,
            outageToleranceMs: Math.max(0, Math.min(floorMs, outageToleranceMs) - jobMs),
          },
  };
}

/** The alarm "token dying" on the metric "remaining life": when it rings. Missing minutes breach. */
export interface DyingAlarm {
  readonly thresholdSeconds: number;
  /** Minutes in a row that must breach. */
  readonly datapoints: number;
  /** Whether a minute without a value counts as 0. Else CloudWatch decides how far back it looks for values. */
  readonly countsMissingAsZero: boolean;
  /** Whether it always rings before the token dies, or before the job guarantee breaks. */
  readonly ringsInTime: boolean;
}

/** From the first breach to the alarm, besides further minutes: the beat may be late, the minute has to end, CloudWatch evaluates. */
const ALARM_LAG_MS = 3 * BEAT_MS;

/**
 * The latest minute's value may not be there yet, and a late beat skips a minute: with fewer datapoints these two
 * alone would ring, if they counted as 0.
 */
const LEAST_DATAPOINTS_WITH_ZEROS = 3;

/** A gap of some minutes in the metric is a short fault of AWS, and no reason to wake anybody. */
const MOST_DATAPOINTS = 5;

/**
 * Computes the alarm for a guarantee: half of the outage tolerance, or more where that would ring too late, but never
 * what a healthy token is seen with; of as many minutes in a row as that leaves time for. With a job guarantee all of
 * this is counted from J on instead of from the token's end.
 */
export function dyingAlarm({
  floorMs,
  outageToleranceMs,
  refreshAfterMs: refreshAfter,
  job,
}: Guarantee): DyingAlarm {
  const keptMs = job?.longestJobMs ?? 0;
  const toleranceMs = job?.outageToleranceMs ?? outageToleranceMs;
  const healthyMs = floorMs + earlyMs(refreshAfter) - keptMs;
  const minutes = Math.floor((toleranceMs - ALARM_LAG_MS) / BEAT_MS);
  const datapoints = Math.max(1, Math.min(MOST_DATAPOINTS, minutes));
  const inTimeMs = datapoints * BEAT_MS + ALARM_LAG_MS;
  const thresholdMs = Math.max(toleranceMs / 2, Math.min(healthyMs, inTimeMs));
  return {
    thresholdSeconds: Math.floor((keptMs + thresholdMs) / 1_000),
    datapoints,
    countsMissingAsZero: datapoints >= LEAST_DATAPOINTS_WITH_ZEROS,
    ringsInTime: thresholdMs >= inTimeMs,
  };
}

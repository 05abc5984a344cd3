/**
 * What the function and the stack share: the environment, the providers' settings, names, defaults and the formulas of
 * the guarantee. `infra` imports nothing else from `lambda`. Pure.
 */

export { ENDPOINT_URL_RULE, isEndpointUrl } from './providers/endpoint-url.ts';
export type { GenesysCloudSettings } from './providers/genesys-cloud.ts';
export { GENESYS_DOMAINS } from './providers/genesys-regions.ts';
export type { NiceCxoneSettings } from './providers/nice-cxone.ts';
export { NICE_CXONE_AREA, type NiceCxoneAccessKeySettings } from './providers/nice-cxone-access-key.ts';
export type { ClientAuthentication, OAuth2Settings } from './providers/oauth2.ts';
export {
  describeProvider,
  type ProviderName,
  type ProviderSettings,
} from './providers/providers.ts';

import type { ProviderSettings } from './providers/providers.ts';

/**
 * The function's environment, as `infra/construct/token-refresher.ts` sets it. A name that is changed on one side only
 * fails the type check.
 */
export interface FunctionEnvironment {
  /** The token's name, for people. */
  readonly TOKEN_NAME: string;
  /** {@link ProviderSettings} as JSON. */
  readonly PROVIDER_SETTINGS: string;
  /** The secret's complete ARN, or its name. */
  readonly SECRET_ARN: string;
  /** Name of the SecureString parameter that holds the token. */
  readonly TOKEN_PARAMETER: string;
  /** Name of the String parameter that holds the status. */
  readonly STATUS_PARAMETER: string;
  /** Whole seconds. */
  readonly REFRESH_INTERVAL_SECONDS: string;
  /** Whole seconds: the lifetime that is assumed if the server's response has none. */
  readonly ASSUMED_LIFETIME_SECONDS: string;
  /** Whole seconds: {@link RefreshTimes.longestJobMs}. Absent: none. */
  readonly LONGEST_JOB_SECONDS?: string;
  /** ARN of the customer managed KMS key. Absent: the AWS managed key `alias/aws/ssm`. */
  readonly ENCRYPTION_KEY_ARN?: string;
  /** Tags of the two parameters, by key, as JSON. Absent: none. */
  readonly PARAMETER_TAGS?: string;
}

/** The environment of the function that rotates a token's client secret. */
export interface RotationEnvironment {
  /** The token's name, for people. */
  readonly ROTATED_TOKEN: string;
  /** {@link ProviderSettings} as JSON. */
  readonly PROVIDER_SETTINGS: string;
  /** The complete ARN, or the name, of the secret that is rotated. */
  readonly SECRET_ARN: string;
  /** The same of the admin client's secret. */
  readonly ADMIN_SECRET_ARN: string;
  /** Name of the function that mints. */
  readonly REFRESHER: string;
}

/** Properties of the custom resource of a token's two parameters. CloudFormation passes every value as a string. */
export interface TokenParametersProperties {
  readonly TokenParameter: string;
  readonly StatusParameter: string;
  /** Whether existing parameters are taken over; otherwise they fail the deployment. */
  readonly Adopt: 'true' | 'false';
}

/** Properties of the custom resource of a token's first mint. It mints again whenever a value changes. */
export interface FirstMintProperties {
  readonly FunctionName: string;
  readonly StatusParameter: string;
  /** ARN of the customer managed KMS key; empty: the AWS managed key `alias/aws/ssm`. */
  readonly EncryptionKey: string;
  /** The secret's complete ARN, or its name. Deployed stacks of older releases have none. */
  readonly Secret: string;
  /** Hash of the function's configuration. */
  readonly Configuration: string;
}

/** The namespace and the name of the metric of each beat: the remaining life of the stored token, in seconds. */
export const METRIC_NAMESPACE = 'TokenRefresher';
export const METRIC_NAME = 'RemainingSeconds';

/** Counts invocations with a wrong event, which Lambda counts as errors. Without one the metric has no data, and no costs. */
export const INVALID_EVENTS_METRIC_NAME = 'InvalidEvents';

/** The heartbeat: EventBridge Scheduler's finest rate. */
export const BEAT_MS = 60_000;

/** The time limit of a whole mint: secret, token request, probe, both writes. */
export const MINT_TIME_LIMIT_MS = 20_000;

/** The default age at which a token is replaced: 50 minutes. */
export const DEFAULT_REFRESH_INTERVAL_MS = 50 * 60_000;

/** The lifetime that is assumed for a token without `expires_in` and without a JWT's `exp`: 15 minutes. */
export const DEFAULT_ASSUMED_LIFETIME_MS = 15 * 60_000;

/**
 * The longest lifetime that is accepted from a server, and that can be configured: 48 hours, Genesys Cloud's maximum. A
 * larger number from a server is a mistake, milliseconds for example. With it the alarm would never be raised.
 */
export const MAX_LIFETIME_MS = 48 * 60 * 60_000;

/** How late a beat may come without changing the guarantee below. Beats are often a little late, seldom a minute. */
export const BEAT_JITTER_MS = 15_000;

/** How late EventBridge Scheduler may be: "between 1:00:00 and 1:00:59". The time between two beats can be 119 s. */
const MOST_BEAT_DELAY_MS = 59_000;

/**
 * By how much an outage tolerance is shorter if two beats come as late as Scheduler allows: the beat that tries first,
 * and the beat that succeeds after the outage.
 *
 * @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */
export const LATE_BEATS_COST_MS = 2 * (MOST_BEAT_DELAY_MS - BEAT_JITTER_MS);

/** The settings that decide, with a token's lifetime L, how often it is replaced. Milliseconds. */
export interface RefreshTimes {
  /** The greatest age of a token. */
  readonly refreshIntervalMs: number;
  /** J: how long a job uses a token that it reads once. Undefined: no job guarantee. */
  readonly longestJobMs?: number | undefined;
}

/** The guarantee for tokens of one lifetime. All in milliseconds, never negative. */
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

/** The guarantee for a job that reads the token once. Milliseconds. */
export interface JobGuarantee {
  /** J: the token lives at least this long after each read. */
  readonly longestJobMs: number;
  /** The longest outage, starting at the worst moment, that keeps this guarantee: M - J, or less if R is below 6 minutes. */
  readonly outageToleranceMs: number;
}

/** The least R that follows from a longest job: below, the token endpoint would get too many requests. */
const LEAST_JOB_REFRESH_MS = 3 * 60_000;

/** Servers report a little less than the configured lifetime: 3,599 seconds instead of an hour. */
const LIFETIME_SLACK_MS = 60_000;

/** The greatest longest job that tokens of this lifetime can be configured for; negative where there is none. */
export function greatestLongestJobMs(lifetimeMs: number): number {
  return lifetimeMs - 2 * LEAST_JOB_REFRESH_MS;
}

/** J if tokens of this lifetime are long enough for it; null if they are not, or if none is set. */
function keptJobMs(lifetimeMs: number, { longestJobMs }: RefreshTimes): number | null {
  const isKept =
    longestJobMs !== undefined && longestJobMs <= greatestLongestJobMs(lifetimeMs + LIFETIME_SLACK_MS);
  return isKept ? longestJobMs : null;
}

/**
 * Computes R, the age at which a token of this lifetime is replaced: the least of the interval, 5/6 of the lifetime
 * and, if a longest job J is possible, (L - J) / 2. The other half of L - J is then for outages.
 */
export function refreshAfterMs(lifetimeMs: number, times: RefreshTimes): number {
  const jobMs = keptJobMs(lifetimeMs, times);
  const forJobMs = jobMs === null ? Number.POSITIVE_INFINITY : (lifetimeMs - jobMs) / 2;
  return Math.min(times.refreshIntervalMs, (lifetimeMs * 5) / 6, forJobMs);
}

/**
 * How long before R the first mint is tried, if R is long enough. A first try on the beat after R and a second one on
 * the beat after the outage would cost two beats and a mint, but the outage tolerance counts one beat only. The first try
 * is therefore earlier by a beat, a mint and the delay of two late beats. With a beat per minute, one-hour tokens are
 * replaced at 49 minutes.
 */
const EARLY_MS = BEAT_MS + MINT_TIME_LIMIT_MS + 2 * BEAT_JITTER_MS;

/** How long before R the first mint is tried: at most a quarter of R, so that short intervals are not halved. */
export function earlyMs(refreshAfter: number): number {
  return Math.min(EARLY_MS, refreshAfter / 4);
}

/** The age at which a beat begins to try to replace a token. */
export function dueAgeMs(refreshAfter: number): number {
  return refreshAfter - earlyMs(refreshAfter);
}

/** Computes the guarantee for tokens of `lifetimeMs`. */
export function guarantee(lifetimeMs: number, times: RefreshTimes): Guarantee {
  const refreshAfter = refreshAfterMs(lifetimeMs, times);
  const floorMs = Math.max(0, lifetimeMs - refreshAfter - BEAT_MS - MINT_TIME_LIMIT_MS);
  // If the first try cannot be early enough, the outage tolerance is shorter by the difference.
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

/**
 * What the function and the stack share, each value once: the environment, the providers' settings, names, defaults
 * and the formulas of the guarantee. `infra` imports nothing else from `lambda`. Pure.
 */

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
  /** ARN of the customer managed KMS key. Absent: the AWS managed key `alias/aws/ssm`. */
  readonly ENCRYPTION_KEY_ARN?: string;
}

/** The value that the stack puts into a new secret, for each key: to be replaced by a person. */
export const SECRET_PLACEHOLDER = 'REPLACE_ME';

/** The namespace and the name of the one metric: the remaining life of the stored token, in seconds. */
export const METRIC_NAMESPACE = 'TokenRefresher';
export const METRIC_NAME = 'RemainingSeconds';

/** How the client proves who it is at the token endpoint. @see RFC 6749 section 2.3.1, RFC 7523 section 2.2 */
export type ClientAuthentication = 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt';

/** Genesys Cloud CX. `domain` is the region's domain (`mypurecloud.de`); a port may follow it. */
export interface GenesysCloudSettings {
  readonly provider: 'genesys-cloud';
  readonly domain: string;
}

/** NICE CXone's back-end flow: the password grant with an access key. `issuer` is the discovery base URL. */
export interface NiceCxoneSettings {
  readonly provider: 'nice-cxone';
  readonly issuer: string;
}

/** NICE CXone's access key flow. `domain` is the area's host (`na1.nice-incontact.com`); a port may follow it. */
export interface NiceCxoneAccessKeySettings {
  readonly provider: 'nice-cxone-access-key';
  readonly domain: string;
}

/** Any OAuth 2.0 server with the client credentials grant (RFC 6749 section 4.4): `tokenUrl` or `issuer`, one of them. */
export interface OAuth2Settings {
  readonly provider: 'oauth2';
  readonly tokenUrl?: string;
  /** Base URL for RFC 8414 or OpenID Connect discovery. */
  readonly issuer?: string;
  /** @default 'client_secret_basic' */
  readonly clientAuthentication?: ClientAuthentication;
  /** Space-separated scopes (RFC 6749 section 3.3). */
  readonly scope?: string;
  readonly audience?: string;
  /** Resource indicators (RFC 8707 section 2). */
  readonly resource?: string | readonly string[];
  /** Further form parameters of the token request. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** A URL that answers 2xx to `GET` with a bearer token that is accepted, 401 to one that is not. */
  readonly probeUrl?: string;
}

/** The settings of one token's provider, as the function gets them: regions and areas are already domains. */
export type ProviderSettings =
  | GenesysCloudSettings
  | NiceCxoneSettings
  | NiceCxoneAccessKeySettings
  | OAuth2Settings;

export type ProviderName = ProviderSettings['provider'];

/** The heartbeat: EventBridge Scheduler's finest rate. */
export const BEAT_MS = 60_000;

/** The time a whole mint may take (secret, token request, probe, both writes). */
export const MINT_TIME_LIMIT_MS = 20_000;

/** The default age at which a token is replaced: 50 minutes. */
export const DEFAULT_REFRESH_INTERVAL_MS = 50 * 60_000;

/** The lifetime taken for a token of which neither `expires_in` nor a JWT's `exp` tells one: 15 minutes. */
export const DEFAULT_ASSUMED_LIFETIME_MS = 15 * 60_000;

/** What is promised for tokens of one lifetime. All in milliseconds, never negative. */
export interface Guarantee {
  /** R: the age at which a token is replaced. */
  readonly refreshAfterMs: number;
  /** M: the least remaining life that a reader sees while the token endpoint works. */
  readonly floorMs: number;
  /** H: how long the token endpoint may fail, at the worst moment, with a live token readable all the time. */
  readonly outageToleranceMs: number;
}

/** The age at which a token of this lifetime is due: the interval, but never later than 5/6 of the lifetime. */
export function refreshAfterMs(lifetimeMs: number, refreshIntervalMs: number): number {
  return Math.min(refreshIntervalMs, (lifetimeMs * 5) / 6);
}

/** Computes what readers are promised for tokens of `lifetimeMs`, replaced every `refreshIntervalMs`. */
export function guarantee(lifetimeMs: number, refreshIntervalMs: number): Guarantee {
  const refreshAfter = refreshAfterMs(lifetimeMs, refreshIntervalMs);
  const outageTolerance = lifetimeMs - refreshAfter - BEAT_MS;
  return {
    refreshAfterMs: refreshAfter,
    floorMs: Math.max(0, outageTolerance - MINT_TIME_LIMIT_MS),
    outageToleranceMs: Math.max(0, outageTolerance),
  };
}

/** How much later than a beat's time after the one before a beat may come. */
const BEAT_JITTER_MS = 15_000;

/**
 * How long before R a token is due. A token first tried on the beat after R, and tried again on the beat after the
 * outage, waits for two beats and a mint, and the outage tolerance allows for one beat only: a beat of late beats,
 * and a mint, is taken off here. A beat a minute then makes one-hour tokens 49 minutes old, never 51.
 */
const EARLY_MS = BEAT_MS + MINT_TIME_LIMIT_MS + 2 * BEAT_JITTER_MS;

/** However short R is, a younger token is not due: what is invoked often must not mint each time. */
const LEAST_AGE_MS = BEAT_MS / 2;

/** The age at which a beat begins to try: early enough before R that the outage tolerance holds at any moment. */
export function dueAgeMs(refreshAfter: number): number {
  return Math.max(Math.min(LEAST_AGE_MS, refreshAfter / 2), refreshAfter - EARLY_MS);
}

/** The alarm "token dying" on the metric "remaining life": when it rings. Missing minutes breach. */
export interface DyingAlarm {
  readonly thresholdSeconds: number;
  /** Minutes in a row that must breach. */
  readonly datapoints: number;
  /** Whether it rings before the token dies, however the token comes to die. */
  readonly comesInTime: boolean;
}

/** From the first minute that breaches, besides the further ones: that beat's place, the minute's end, CloudWatch. */
const ALARM_LAG_MS = 3 * BEAT_MS;

/** A hole of some minutes in the metric is a blip of AWS, and no reason to wake anybody. */
const MOST_DATAPOINTS = 5;

/**
 * Computes the alarm for a guarantee: half of the outage tolerance, or more where that would ring after the token has
 * died, but never what a healthy token is seen with; of as many minutes in a row as that leaves time for.
 */
export function dyingAlarm({ outageToleranceMs, refreshAfterMs: refreshAfter }: Guarantee): DyingAlarm {
  const earlyMs = refreshAfter - dueAgeMs(refreshAfter);
  const healthyMs = outageToleranceMs + Math.max(0, earlyMs - BEAT_JITTER_MS - 5_000);
  const minutes = Math.floor((outageToleranceMs - ALARM_LAG_MS) / BEAT_MS);
  const datapoints = Math.max(1, Math.min(MOST_DATAPOINTS, minutes));
  const inTimeMs = datapoints * BEAT_MS + ALARM_LAG_MS;
  const thresholdMs = Math.max(outageToleranceMs / 2, Math.min(healthyMs, inTimeMs));
  return {
    thresholdSeconds: Math.floor(thresholdMs / 1_000),
    datapoints,
    comesInTime: thresholdMs >= inTimeMs,
  };
}

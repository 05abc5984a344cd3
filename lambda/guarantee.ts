/**
 * The arithmetic of the promise made to readers, in one place: the planner keeps it, the stack prints it.
 * Pure, and free of dependencies, so that `infra` may import it too.
 */

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

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

/** The alarm "token dying" on the metric "remaining life": when it rings. Missing minutes breach. */
export interface DyingAlarm {
  readonly thresholdSeconds: number;
  /** Minutes in a row that must breach. */
  readonly datapoints: number;
}

/** A healthy token is never seen with less than H and this: it is due that much early (see `planner.ts`). */
const HEALTHY_ABOVE_TOLERANCE_MS = 90_000;

/** From the first minute that breaches, besides the further ones: that beat's place, the minute's end, CloudWatch. */
const ALARM_LAG_MS = 3 * BEAT_MS;

/** A hole of some minutes in the metric is a blip of AWS, and no reason to wake anybody. */
const MOST_DATAPOINTS = 5;

/** Whether the alarm of a token with this outage tolerance rings before the token dies. */
export function alarmComesInTime(outageToleranceMs: number): boolean {
  return outageToleranceMs + HEALTHY_ABOVE_TOLERANCE_MS >= BEAT_MS + ALARM_LAG_MS;
}

/**
 * Computes the alarm of a token with this outage tolerance: half of the tolerance, or more where that would ring
 * after the token has died; of as many minutes in a row as that leaves time for.
 */
export function dyingAlarm(outageToleranceMs: number): DyingAlarm {
  const minutes = Math.floor((outageToleranceMs - ALARM_LAG_MS) / BEAT_MS);
  const datapoints = Math.max(1, Math.min(MOST_DATAPOINTS, minutes));
  const inTimeMs = datapoints * BEAT_MS + ALARM_LAG_MS;
  const healthyMs = outageToleranceMs + HEALTHY_ABOVE_TOLERANCE_MS;
  const thresholdMs = Math.max(outageToleranceMs / 2, Math.min(healthyMs, inTimeMs));
  return { thresholdSeconds: Math.floor(thresholdMs / 1_000), datapoints };
}

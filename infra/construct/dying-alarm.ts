import { BEAT_MS, earlyMs, type Guarantee } from '../../lambda/contract.ts';

/** The alarm "dying" on the metric "remaining life": when it is raised. Missing minutes breach. */
export interface DyingAlarm {
  readonly thresholdSeconds: number;
  /** Minutes in a row that must breach. */
  readonly datapoints: number;
  /** Whether a minute without a value counts as 0. Otherwise CloudWatch decides how far back it looks for values. */
  readonly countsMissingAsZero: boolean;
  /** Whether it is always raised before the token expires, or before the job guarantee is broken. */
  readonly isRaisedInTime: boolean;
  /** From the alarm to the token's expiry, or to the end of the job guarantee, where nothing is done. */
  readonly leftMs: number;
}

/** From the first breach to the alarm, without further datapoints: a late beat, the end of the minute, CloudWatch's evaluation. */
const ALARM_LAG_MS = 3 * BEAT_MS;

/**
 * The value of the latest minute may still be missing, and a late beat skips a minute. With fewer datapoints these two
 * minutes alone would raise the alarm, if they counted as 0.
 */
const LEAST_DATAPOINTS_WITH_ZEROS = 3;

/** With this many datapoints, a gap of some minutes in the metric (a short fault of AWS) raises no alarm. */
const MOST_DATAPOINTS = 5;

/**
 * Computes the alarm for a guarantee. The threshold is half of the outage tolerance, or more if that would be too late,
 * but always below the least remaining life of a healthy token. The number of datapoints is as high as the remaining time
 * allows. With a job guarantee, J is added to the threshold.
 */
export function dyingAlarm({ floorMs, outageToleranceMs, refreshAfterMs, job }: Guarantee): DyingAlarm {
  const keptMs = job?.longestJobMs ?? 0;
  const toleranceMs = job?.outageToleranceMs ?? outageToleranceMs;
  const healthyMs = floorMs + earlyMs(refreshAfterMs) - keptMs;
  const minutes = Math.floor((toleranceMs - ALARM_LAG_MS) / BEAT_MS);
  const datapoints = Math.max(1, Math.min(MOST_DATAPOINTS, minutes));
  const inTimeMs = datapoints * BEAT_MS + ALARM_LAG_MS;
  const thresholdMs = Math.max(toleranceMs / 2, Math.min(healthyMs, inTimeMs));
  return {
    thresholdSeconds: Math.floor((keptMs + thresholdMs) / 1_000),
    datapoints,
    countsMissingAsZero: datapoints >= LEAST_DATAPOINTS_WITH_ZEROS,
    isRaisedInTime: thresholdMs >= inTimeMs,
    leftMs: Math.max(0, thresholdMs - inTimeMs),
  };
}

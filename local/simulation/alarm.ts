import type { Gap } from './simulate.ts';
import { MINUTE_MS } from './world.ts';

/**
 * The alarm "dying", as the stack creates it: period 1 minute, minimum; a missing minute is 0, or treated as breaching.
 */
export interface AlarmSettings {
  readonly thresholdSeconds: number;
  /** Consecutive minutes that must breach. */
  readonly datapoints: number;
  readonly countsMissingAsZero: boolean;
}

/** A time in which the alarm was raised. Milliseconds. */
export interface Ringing extends Gap {
  /** Whether the metric was missing in all minutes that raised it: the heartbeat had stopped. */
  readonly isHeartbeatMissing: boolean;
}

/** How long CloudWatch takes from the end of a minute to the alarm: our assumption, on the slow side. */
const EVALUATION_DELAY_MS = MINUTE_MS;

/**
 * Without FILL, CloudWatch looks further back than the datapoints that it needs, and uses the latest existing ones. It is
 * not documented how many minutes further; its examples show two.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarms-and-missing-data
 */
const FURTHER_BACK = 2;

/** Evaluates the alarm on a metric: one value per minute, NaN if none was sent. Minutes before `fromMs` do not count. */
export function ringAlarm(
  remainingSeconds: Float64Array,
  settings: AlarmSettings,
  fromMs: number,
): readonly Ringing[] {
  const { thresholdSeconds, datapoints, countsMissingAsZero } = settings;
  const ringing: { from: number; to: number; isHeartbeatMissing: boolean }[] = [];
  let current: (typeof ringing)[number] | undefined;
  for (let minute = Math.ceil(fromMs / MINUTE_MS); minute < remainingSeconds.length - 1; minute++) {
    const isBreaching = breaches(
      remainingSeconds,
      minute,
      countsMissingAsZero ? datapoints : datapoints + FURTHER_BACK,
      datapoints,
      thresholdSeconds,
    );
    const at = (minute + 1) * MINUTE_MS + EVALUATION_DELAY_MS;
    if (isBreaching && current === undefined) {
      const seen = remainingSeconds.subarray(minute + 1 - datapoints, minute + 1);
      current = { from: at, to: Number.POSITIVE_INFINITY, isHeartbeatMissing: seen.every(Number.isNaN) };
      ringing.push(current);
    } else if (!isBreaching && current !== undefined) {
      current.to = at;
      current = undefined;
    }
  }
  return ringing;
}

function breaches(
  values: Float64Array,
  minute: number,
  range: number,
  datapoints: number,
  thresholdSeconds: number,
): boolean {
  // The latest existing datapoints; each missing one breaches.
  let seen = 0;
  for (let back = 0; back < range && seen < datapoints; back++) {
    const value = values[minute - back] ?? Number.NaN;
    if (Number.isNaN(value)) continue;
    if (value >= thresholdSeconds) return false;
    seen++;
  }
  return true;
}

/** The results of an alarm in a span. */
export interface AlarmRecord {
  readonly lapses: number;
  /** Lapses at whose beginning the alarm was raised. */
  readonly announced: number;
  /** The shortest warning before an announced lapse, milliseconds; undefined if there was none. */
  readonly shortestWarningMs: number | undefined;
  /** How often it was raised without a lapse and without a stopped heartbeat. */
  readonly withoutLapse: number;
}

/** Compares the times in which the alarm was raised with the lapses: the times without a live token. */
export function judgeAlarm(ringing: readonly Ringing[], lapses: readonly Gap[]): AlarmRecord {
  const warnings: number[] = [];
  for (const { from } of lapses) {
    const ring = ringing.find((one) => one.from <= from && one.to > from);
    if (ring !== undefined) warnings.push(from - ring.from);
  }
  const withoutLapse = ringing.filter(
    (one) =>
      !one.isHeartbeatMissing &&
      !lapses.some(({ from, to }) => from < one.to && to > one.from - 2 * MINUTE_MS),
  );
  return {
    lapses: lapses.length,
    announced: warnings.length,
    shortestWarningMs: warnings.length === 0 ? undefined : Math.min(...warnings),
    withoutLapse: withoutLapse.length,
  };
}

import type { Gap } from './simulate.ts';
import { MINUTE_MS } from './world.ts';

/** The alarm "dying", as the stack creates it: period 1 minute, minimum; a missing minute is 0, or treated as breaching. */
interface AlarmSettings {
  readonly thresholdSeconds: number;
  /** Consecutive minutes that must breach. */
  readonly datapoints: number;
  readonly countsMissingAsZero: boolean;
}

/** A time in which the alarm was raised. Milliseconds. */
interface Ringing extends Gap {
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
  metric: Float64Array,
  { thresholdSeconds, datapoints, countsMissingAsZero }: AlarmSettings,
  fromMs: number,
): readonly Ringing[] {
  const range = countsMissingAsZero ? datapoints : datapoints + FURTHER_BACK;
  const ringing: Ringing[] = [];
  let isRinging = false;
  for (let minute = Math.ceil(fromMs / MINUTE_MS); minute < metric.length - 1; minute++) {
    const last = (count: number) => metric.subarray(Math.max(0, minute + 1 - count), minute + 1);
    // Missing datapoints breach.
    const existing = last(range).filter((value) => !Number.isNaN(value));
    const isBreaching = existing.slice(-datapoints).every((value) => value < thresholdSeconds);
    const at = (minute + 1) * MINUTE_MS + EVALUATION_DELAY_MS;
    const current = ringing.at(-1);
    if (isBreaching && !isRinging) {
      const isHeartbeatMissing = last(datapoints).every(Number.isNaN);
      ringing.push({ from: at, to: Number.POSITIVE_INFINITY, isHeartbeatMissing });
    } else if (!isBreaching && isRinging && current !== undefined) {
      ringing[ringing.length - 1] = { ...current, to: at };
    }
    isRinging = isBreaching;
  }
  return ringing;
}

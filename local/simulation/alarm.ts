import { MINUTE_MS } from './world.ts';

/** How long CloudWatch takes from the end of a minute to the alarm: our assumption, on the slow side. */
const EVALUATION_DELAY_MS = MINUTE_MS;

/**
 * When the alarm "dying" is raised on a metric with one value per minute, NaN if none was sent, from the minute of `fromMs` on: after
 * so many minutes in a row below the threshold. A missing minute counts as 0.
 */
export function ringAlarm(
  metric: Float64Array,
  { thresholdSeconds, datapoints }: { readonly thresholdSeconds: number; readonly datapoints: number },
  fromMs: number,
): readonly number[] {
  const raisedMs: number[] = [];
  let breaching = 0;
  for (let minute = Math.ceil(fromMs / MINUTE_MS); minute < metric.length - 1; minute++) {
    breaching = Number(metric[minute]) >= thresholdSeconds ? 0 : breaching + 1;
    if (breaching === datapoints) raisedMs.push((minute + 1) * MINUTE_MS + EVALUATION_DELAY_MS);
  }
  return raisedMs;
}

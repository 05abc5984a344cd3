import { INVALID_EVENTS_METRIC_NAME, METRIC_NAME, METRIC_NAMESPACE } from './contract.ts';
import type { RefreshError } from './errors.ts';
import type { Observations } from './refresh/invocation.ts';

interface LogLineOptions {
  readonly tokenName: string;
  readonly tokenParameter: string;
  readonly requestId: string;
  readonly observations: Observations;
  readonly startedAt: Date;
  readonly endedAt: Date;
  /** The result's fields, or the error that the handler throws afterwards. */
  readonly result?: object;
  readonly error?: RefreshError;
}

/**
 * Makes the log line of an invocation: JSON that is also the metric, in CloudWatch's embedded metric format. It has no
 * metric if nothing could be read: missing data breaches the alarm.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function logLine(options: LogLineOptions): string {
  const { tokenName, tokenParameter, requestId, observations, startedAt, endedAt, result, error } = options;
  const { remainingMs, warnings, failure = null } = observations;
  // Of an error of the caller alone. The alarm "failing" does not count it.
  const isInvalidEvent = error?.code === 'EVENT_INVALID' && failure === null;
  const metrics = {
    ...(remainingMs === null ? {} : { [METRIC_NAME]: Math.floor(remainingMs / 1000) }),
    ...(isInvalidEvent ? { [INVALID_EVENTS_METRIC_NAME]: 1 } : {}),
  };
  const level = error !== undefined ? 'error' : warnings.length > 0 ? 'warn' : 'info';
  return JSON.stringify({
    level,
    time: startedAt.toISOString(),
    token: tokenName,
    requestId,
    ...result,
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
    ...(failure === null ? {} : { failure }),
    ...(warnings.length > 0 ? { warnings } : {}),
    durationMs: endedAt.getTime() - startedAt.getTime(),
    ...(Object.keys(metrics).length === 0 ? {} : metricFields(tokenParameter, metrics, startedAt)),
  });
}

function metricFields(TokenParameter: string, metrics: Readonly<Record<string, number>>, at: Date) {
  const Metrics = Object.keys(metrics).map((Name) => ({
    Name,
    Unit: Name === METRIC_NAME ? 'Seconds' : 'Count',
  }));
  const metric = { Namespace: METRIC_NAMESPACE, Dimensions: [['TokenParameter']], Metrics };
  return { _aws: { Timestamp: at.getTime(), CloudWatchMetrics: [metric] }, TokenParameter, ...metrics };
}

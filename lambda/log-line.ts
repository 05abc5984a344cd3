import { METRIC_NAME, METRIC_NAMESPACE } from './contract.ts';
import type { RefreshError } from './errors.ts';
import type { Observations } from './refresh/refresh.ts';

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
  const { remainingMs, warnings } = observations;
  const level = error !== undefined ? 'error' : warnings.length > 0 ? 'warn' : 'info';
  return JSON.stringify({
    level,
    time: startedAt.toISOString(),
    token: tokenName,
    requestId,
    ...result,
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
    ...(warnings.length > 0 ? { warnings } : {}),
    durationMs: endedAt.getTime() - startedAt.getTime(),
    ...(remainingMs === null ? {} : metric(tokenParameter, remainingMs, startedAt)),
  });
}

function metric(tokenParameter: string, remainingMs: number, at: Date) {
  return {
    _aws: {
      Timestamp: at.getTime(),
      CloudWatchMetrics: [
        {
          Namespace: METRIC_NAMESPACE,
          Dimensions: [['TokenParameter']],
          Metrics: [{ Name: METRIC_NAME, Unit: 'Seconds' }],
        },
      ],
    },
    TokenParameter: tokenParameter,
    [METRIC_NAME]: Math.floor(remainingMs / 1000),
  };
}

import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  MathExpression,
  Metric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { dyingAlarm, type Guarantee, METRIC_NAME, METRIC_NAMESPACE } from '../../lambda/contract.ts';
import { durationText } from './duration-text.ts';

/**
 * Failed refreshes in a quarter of an hour that make an alarm. More than a blip; and a permanent error, tried
 * again after 1, 2, 4 and then every 5 minutes, gets there within 4 minutes and stays.
 */
const FAILING_COUNT = 3;
const FAILING_PERIOD = Duration.minutes(15);

/**
 * The remaining life of the stored token, in seconds, as the function measures it at each beat, before it
 * refreshes: what a reader would have seen.
 */
export function remainingSecondsMetric(tokenParameterName: string): Metric {
  return new Metric({
    namespace: METRIC_NAMESPACE,
    metricName: METRIC_NAME,
    dimensionsMap: { TokenParameter: tokenParameterName },
    statistic: Stats.MINIMUM,
    period: Duration.minutes(1),
  });
}

/**
 * The same with 0 for each minute without a value. Without it CloudWatch looks further back for values than the alarm
 * needs, by an amount that is not documented, and a heartbeat that stopped rings the alarm that much later.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */
function withoutHoles(remaining: Metric): MathExpression {
  return new MathExpression({
    expression: 'FILL(remaining, 0)',
    usingMetrics: { remaining },
    period: Duration.minutes(1),
    label: 'Remaining life, 0 without a heartbeat',
  });
}

/** The failed invocations of the function: each is a refresh that was tried and failed. */
export function failuresMetric(fn: IFunction): Metric {
  return fn.metricErrors({ period: FAILING_PERIOD, statistic: Stats.SUM });
}

/**
 * Creates the two alarms of a token.
 *
 * "Token dying": see {@link dyingAlarm}. Missing data breaches, so that a heartbeat that stopped raises the same
 * alarm, long before the token dies of it. "Refresh failing": several failures in a quarter of an hour.
 */
export function createTokenAlarms(
  scope: Construct,
  options: {
    readonly tokenName: string;
    readonly tokenParameterName: string;
    readonly fn: IFunction;
    readonly guarantee: Guarantee;
    readonly topic?: ITopic | undefined;
  },
): { readonly dying: Alarm; readonly failing: Alarm } {
  const { tokenName, tokenParameterName, fn } = options;
  const { thresholdSeconds, datapoints, countsMissingAsZero } = dyingAlarm(options.guarantee);
  const remaining = remainingSecondsMetric(tokenParameterName);
  const dying = new Alarm(scope, 'Dying', {
    alarmDescription: `${describeDying(options)} Ask the refresher: aws lambda invoke with {"diagnose":true}.`,
    metric: countsMissingAsZero ? withoutHoles(remaining) : remaining,
    threshold: thresholdSeconds,
    comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
    evaluationPeriods: datapoints,
    treatMissingData: TreatMissingData.BREACHING,
  });
  const failing = new Alarm(scope, 'Failing', {
    alarmDescription: `The token "${tokenName}" (${tokenParameterName}) cannot be refreshed; the stored one still works. The error code is in the function's log and in lastFailure of the status parameter.`,
    metric: failuresMetric(fn),
    threshold: FAILING_COUNT,
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    evaluationPeriods: 1,
    // If the schedule stops, the alarm "dying" rings.
    treatMissingData: TreatMissingData.NOT_BREACHING,
  });
  if (options.topic !== undefined) {
    for (const alarm of [dying, failing]) {
      alarm.addAlarmAction(new SnsAction(options.topic));
      alarm.addOkAction(new SnsAction(options.topic));
    }
  }
  return { dying, failing };
}

function describeDying(options: {
  readonly tokenName: string;
  readonly tokenParameterName: string;
  readonly guarantee: Guarantee;
}): string {
  const token = `The token "${options.tokenName}" (${options.tokenParameterName})`;
  const { job } = options.guarantee;
  if (job === null) return `${token} is about to expire, or its heartbeat has stopped. Builds fail soon.`;
  const { thresholdSeconds } = dyingAlarm(options.guarantee);
  return `${token} has less than ${durationText(thresholdSeconds * 1_000)} left, or its heartbeat has stopped. Jobs that read it once and use it for ${durationText(job.longestJobMs)} (longestJob) soon outlive it.`;
}

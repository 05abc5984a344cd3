import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, Metric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

/** Consecutive minutes that must breach: one beat that slips into the next minute is no alarm. */
const DYING_DATAPOINTS = 2;

/** Until CloudWatch has closed the minute of a datapoint, and has evaluated it: a minute each, at most. */
const EVALUATION_MINUTES = 2;

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
    namespace: 'TokenRefresher',
    metricName: 'RemainingSeconds',
    dimensionsMap: { TokenParameter: tokenParameterName },
    statistic: Stats.MINIMUM,
    period: Duration.minutes(1),
  });
}

/** The failed invocations of the function: each is a refresh that was tried and failed. */
export function failuresMetric(fn: IFunction): Metric {
  return fn.metricErrors({ period: FAILING_PERIOD, statistic: Stats.SUM });
}

/** The remaining life below which a token counts as dying: half of what a healthy token never goes below. */
export function dyingThreshold(outageTolerance: Duration): Duration {
  return Duration.seconds(Math.floor(outageTolerance.toSeconds() / 2));
}

/** Tells whether the first alarm can come before the token dies. */
export function warnsInTime(outageTolerance: Duration): boolean {
  const neededMinutes = DYING_DATAPOINTS + EVALUATION_MINUTES;
  return dyingThreshold(outageTolerance).toMinutes({ integral: false }) >= neededMinutes;
}

/**
 * Creates the two alarms of a token.
 *
 * "Token dying": in health the remaining life never goes below the outage tolerance H; below H/2 half of the
 * time to react is gone. Missing data breaches, so that a heartbeat that stopped raises the same alarm, long
 * before the token dies of it. "Refresh failing": several failures in a quarter of an hour.
 */
export function createTokenAlarms(
  scope: Construct,
  options: {
    readonly tokenName: string;
    readonly tokenParameterName: string;
    readonly fn: IFunction;
    readonly outageTolerance: Duration;
    readonly topic?: ITopic | undefined;
  },
): { readonly dying: Alarm; readonly failing: Alarm } {
  const { tokenName, tokenParameterName, fn } = options;
  const dying = new Alarm(scope, 'Dying', {
    alarmDescription: `The token "${tokenName}" (${tokenParameterName}) is about to expire, or its heartbeat has stopped. Builds fail soon. Ask the refresher: aws lambda invoke with {"diagnose":true}.`,
    metric: remainingSecondsMetric(tokenParameterName),
    threshold: dyingThreshold(options.outageTolerance).toSeconds(),
    comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
    evaluationPeriods: DYING_DATAPOINTS,
    treatMissingData: TreatMissingData.BREACHING,
  });
  const failing = new Alarm(scope, 'Failing', {
    alarmDescription: `The token "${tokenName}" (${tokenParameterName}) cannot be refreshed; the stored one still works. The error code is in the function's log and in lastFailure of the status parameter.`,
    metric: failuresMetric(fn),
    threshold: FAILING_COUNT,
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    evaluationPeriods: 1,
    // A heartbeat that stopped is the other alarm's matter.
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

import { Duration, type Stack } from 'aws-cdk-lib';
import {
  Alarm,
  type AlarmProps,
  Color,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  MathExpression,
  Metric,
  type MetricOptions,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { type ITopic, Subscription, SubscriptionProtocol, Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import {
  BEAT_MS,
  type Guarantee,
  INVALID_EVENTS_METRIC_NAME,
  METRIC_NAME,
  METRIC_NAMESPACE,
} from '../../lambda/contract.ts';
import { durationText } from '../rules/duration-text.ts';
import { dyingAlarm } from './dying-alarm.ts';
import { invokeCommand } from './invocations.ts';
import { keepsReleasedIds } from './released-ids.ts';

/**
 * Failed refreshes within 15 minutes that raise the alarm. One or two failures are common and heal by themselves. A
 * permanent error is retried after 1, 2, 4 and then every 5 minutes: it raises the alarm within 4 minutes, and keeps it.
 */
const FAILING_COUNT = 3;
const FAILING_PERIOD = Duration.minutes(15);

/** A metric that the function writes for its token. */
function tokenMetric(tokenParameterName: string, metricName: string, options: MetricOptions): Metric {
  const dimensionsMap = { TokenParameter: tokenParameterName };
  return new Metric({ namespace: METRIC_NAMESPACE, metricName, dimensionsMap, ...options });
}

/**
 * The remaining life of the stored token, in seconds. The function measures it at each beat, before it refreshes: it
 * is what a reader would have seen.
 */
function remainingSecondsMetric(tokenParameterName: string): Metric {
  const options = { statistic: Stats.MINIMUM, period: Duration.minutes(1) };
  return tokenMetric(tokenParameterName, METRIC_NAME, options);
}

/** The failed refreshes: Lambda's errors without those of a caller who sent a wrong event. */
function failuresMetric(fn: IFunction, tokenParameterName: string): MathExpression {
  const sum = { period: FAILING_PERIOD, statistic: Stats.SUM };
  const invalid = tokenMetric(tokenParameterName, INVALID_EVENTS_METRIC_NAME, sum);
  return new MathExpression({
    expression: 'errors - FILL(invalid, 0)',
    usingMetrics: { errors: fn.metricErrors(sum), invalid },
    period: FAILING_PERIOD,
    label: 'Failed refreshes',
  });
}

/** What an alarm of a token is made of. */
export interface TokenAlarmProps {
  readonly tokenName: string;
  readonly tokenParameterName: string;
  readonly statusParameterName: string;
  /** For people: the function's own name is known only when the stack is deployed. */
  readonly functionName: string;
  readonly topic: ITopic | undefined;
  readonly runbookUrl: string | undefined;
}

/** Creates an alarm of a token, whose text ends with what to do. `command`: finds the cause. */
function createAlarm(
  scope: Construct,
  id: string,
  { functionName, topic, runbookUrl }: TokenAlarmProps,
  alarm: AlarmProps & { readonly title: string; readonly name: string; readonly command: string },
): Alarm {
  const { title, name, command, alarmDescription, ...props } = alarm;
  const runbook = runbookUrl ?? `docs/runbook.md of token-refresher, 'Alarm "${title}"'`;
  const created = new Alarm(scope, id, {
    ...props,
    // The name is the subject of its mail. The released stack keeps the names that CloudFormation gave: another name is another
    // alarm, without its history.
    ...(keepsReleasedIds(scope) ? {} : { alarmName: `${functionName}-${name}` }),
    // The command comes last: whoever reads the alarm's mail can copy it to the end.
    alarmDescription: `${alarmDescription} Runbook: ${runbook} . To find the cause, run: ${command}`,
  });
  if (topic !== undefined) {
    created.addAlarmAction(new SnsAction(topic));
    created.addOkAction(new SnsAction(topic));
  }
  return created;
}

/**
 * Creates the alarm of a token that expires soon, see {@link dyingAlarm}. Missing data breaches, so that a stopped
 * heartbeat raises the same alarm, long before the token expires.
 */
export function createDyingAlarm(scope: Construct, token: TokenAlarmProps, promise: Guarantee): Alarm {
  const { thresholdSeconds, datapoints, countsMissingAsZero } = dyingAlarm(promise);
  const remaining = remainingSecondsMetric(token.tokenParameterName);
  // CloudWatch looks back for missing values further than the alarm needs, by an undocumented amount. The alarm for a stopped
  // heartbeat would come that much later.
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
  const missingAsZero = new MathExpression({
    expression: 'FILL(remaining, 0)',
    usingMetrics: { remaining },
    period: Duration.minutes(1),
    label: 'Remaining life, 0 without a heartbeat',
  });
  return createAlarm(scope, 'Dying', token, {
    title: 'dying',
    name: 'expires-soon',
    command: invokeCommand(scope, token.functionName, { diagnose: true }),
    alarmDescription: describeDying(token, promise),
    metric: countsMissingAsZero ? missingAsZero : remaining,
    threshold: thresholdSeconds,
    comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
    evaluationPeriods: datapoints,
    treatMissingData: TreatMissingData.BREACHING,
  });
}

/** Creates the alarm of a refresh that keeps failing: several failures within 15 minutes. */
export function createFailingAlarm(scope: Construct, token: TokenAlarmProps, fn: IFunction): Alarm {
  return createAlarm(scope, 'Failing', token, {
    title: 'failing',
    name: 'refresh-failing',
    command: invokeCommand(scope, token.functionName, { diagnose: true }),
    alarmDescription: `Refreshing the token "${token.tokenName}" (${token.tokenParameterName}) keeps failing. Jobs can use the stored token until it expires, at expiresAt in ${token.statusParameterName}. The error code is in lastFailure there, and in the function's log.`,
    metric: failuresMetric(fn, token.tokenParameterName),
    threshold: FAILING_COUNT,
    evaluationPeriods: 1,
    // A stopped schedule raises the alarm "dying".
    treatMissingData: TreatMissingData.NOT_BREACHING,
  });
}

/**
 * Creates the alarm of a rotation that failed: one failed invocation. Rotations are rare, so that missing data means nothing: the
 * alarm ends with the next invocation that succeeds.
 */
export function createRotationAlarm(
  scope: Construct,
  token: TokenAlarmProps & { readonly secretId: string; readonly fn: IFunction },
): Alarm {
  const { tokenName, secretId, fn } = token;
  const { functionName } = fn;
  return createAlarm(scope, 'Failing', token, {
    title: 'rotation failing',
    name: 'rotation-failing',
    command: invokeCommand(scope, functionName, { check: true }),
    alarmDescription: `Rotating the client secret of the token "${tokenName}" (${secretId}) failed. The token is refreshed all the same, and Secrets Manager tries again. The step and the error code are in the log of ${functionName}.`,
    metric: fn.metricErrors({ period: Duration.minutes(1), statistic: Stats.SUM }),
    threshold: 1,
    evaluationPeriods: 1,
    treatMissingData: TreatMissingData.IGNORE,
  });
}

/** What is wrong, compared with what is normal, and until when jobs work. */
function describeDying(token: TokenAlarmProps, promise: Guarantee): string {
  const { floorMs, job } = promise;
  const { thresholdSeconds, leftMs } = dyingAlarm(promise);
  const left = `less than ${durationText(thresholdSeconds * 1_000)} left (normally at least ${durationText(floorMs)})`;
  const exactly = `expiresAt in ${token.statusParameterName}`;
  const after = leftMs < BEAT_MS ? 'this alarm' : `about ${durationText(leftMs)} after this alarm`;
  const jobs =
    job === null
      ? `Jobs work until the token expires, ${leftMs < BEAT_MS ? 'within minutes of this alarm' : after} (${exactly}).`
      : `From ${after} on, jobs of ${durationText(job.longestJobMs)} (longestJob) outlive it. Shorter jobs work until it expires (${exactly}).`;
  return `The token "${token.tokenName}" (${token.tokenParameterName}) has ${left}, or the function that refreshes it has stopped running. ${jobs}`;
}

/** Creates a dashboard with a row per token: its remaining life with the alarm's threshold, and its failed refreshes. */
export function createDashboard(
  scope: Construct,
  refreshers: readonly {
    readonly tokenParameterName: string;
    readonly function: IFunction;
    readonly guarantee: Guarantee;
  }[],
): void {
  new Dashboard(scope, 'Dashboard', {
    defaultInterval: Duration.hours(24),
    widgets: refreshers.map((refresher) => {
      const { thresholdSeconds } = dyingAlarm(refresher.guarantee);
      return [
        new GraphWidget({
          title: `${refresher.tokenParameterName}: remaining life`,
          width: 16,
          left: [remainingSecondsMetric(refresher.tokenParameterName)],
          leftYAxis: { min: 0, label: 'seconds', showUnits: false },
          leftAnnotations: [{ value: thresholdSeconds, color: Color.RED, label: 'alarm' }],
        }),
        new GraphWidget({
          title: 'Failed refreshes in 15 minutes',
          width: 8,
          left: [failuresMetric(refresher.function, refresher.tokenParameterName)],
          leftYAxis: { min: 0, showUnits: false },
        }),
      ];
    }),
  });
}

/**
 * Finds the stack's topic for an e-mail address, or creates it: one topic, and one confirmation mail, however many
 * tokens name the address.
 */
export function alarmTopicFor(stack: Stack, email: string): Topic {
  const id = `AlarmTopic-${email}`;
  const existing = stack.node.tryFindChild(id);
  if (existing !== undefined) return existing as Topic;
  const topic = new Topic(stack, id, { enforceSSL: true });
  new Subscription(topic, 'Email', { topic, protocol: SubscriptionProtocol.EMAIL, endpoint: email });
  // The policy that enforces TLS replaces the default one, which let alarms of the account publish.
  const conditions = { StringEquals: { 'aws:SourceAccount': stack.account } };
  topic.grantPublish(new ServicePrincipal('cloudwatch.amazonaws.com', { conditions }));
  return topic;
}

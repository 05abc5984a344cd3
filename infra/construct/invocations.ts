import { Duration, Stack } from 'aws-cdk-lib';
import { Match, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Schedule, ScheduleExpression, ScheduleTargetInput, TimeWindow } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';

/** Older invocations are dropped: the next beat is due by then. Scheduler and Lambda accept no less. */
export const BEAT_MAX_AGE = Duration.seconds(60);

/**
 * Invokes the function every minute, EventBridge Scheduler's finest rate. Nothing is retried: after a failed
 * refresh or a throttled beat, the next invocation tries again.
 *
 * @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */
export function createHeartbeat(scope: Construct, fn: IFunction): Schedule {
  const role = new Role(scope, 'HeartbeatRole', {
    // The account is named so that no schedule of another account can use this role (confused deputy).
    assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
    inlinePolicies: {
      Invoke: new PolicyDocument({
        statements: [
          new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [fn.functionArn] }),
        ],
      }),
    },
  });
  return new Schedule(scope, 'Heartbeat', {
    description: 'The heartbeat of a token refresher',
    schedule: ScheduleExpression.rate(Duration.minutes(1)),
    timeWindow: TimeWindow.off(),
    target: new LambdaInvoke(fn, {
      input: ScheduleTargetInput.fromObject({}),
      maxEventAge: BEAT_MAX_AGE,
      retryAttempts: 0,
      // Without updates: the CDK's own grant would add every version and alias (`:*`).
      role: role.withoutPolicyUpdates(),
    }),
  });
}

/**
 * Invokes the function as soon as the secret has a new current value, by the event that Secrets Manager itself sends
 * (without CloudTrail). If the event is lost or throttled, the next refresh reads the new value.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/event-detail-secret-label-updated-secretsmanager.html
 */
export function createSecretChangeRule(scope: Construct, fn: IFunction, secret: ISecret): void {
  const { secretFullArn } = secret;
  new Rule(scope, 'SecretChange', {
    description: 'Mints a token as soon as its client secret has a new value',
    eventPattern: {
      source: ['aws.secretsmanager'],
      detailType: ['Secret Label Updated'],
      // For a secret that is referred to by name, the six characters at the end of its ARN are unknown. The name identifies
      // it: names are unique in an account and region, and events come from this account and region only.
      ...(secretFullArn === undefined ? {} : { resources: [secretFullArn] }),
      detail: {
        labelUpdated: ['AWSCURRENT'],
        ...(secretFullArn === undefined ? { name: Match.exactString(secretIdOf(secret)) } : {}),
      },
    },
    targets: [new LambdaFunction(fn, { maxEventAge: BEAT_MAX_AGE, retryAttempts: 0 })],
  });
}

/**
 * The secret as AWS's calls and commands name it: its complete ARN, or its name if the ARN's last six characters are not
 * known. Not the ARN without them: Secrets Manager takes `…:secret:oauth-client` for a complete ARN, and finds nothing.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
 */
export function secretIdOf(secret: ISecret): string {
  return secret.secretFullArn ?? secret.secretArn.replace(/^.*:secret:/s, '');
}

/**
 * Returns a command to paste that invokes a function with `event`. AWS CLI version 2 takes JSON in `--payload` only with an
 * option that version 1 rejects. Both accept `fileb://`.
 */
export function invokeCommand(scope: Construct, functionName: string, event: object): string {
  const { region } = Stack.of(scope);
  return `echo '${JSON.stringify(event)}' | aws lambda invoke --region ${region} --function-name ${functionName} --payload fileb:///dev/stdin /dev/stdout`;
}

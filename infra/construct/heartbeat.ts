import { Duration, Stack } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Schedule, ScheduleExpression, ScheduleTargetInput, TimeWindow } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Construct } from 'constructs';

/** Older invocations are dropped: the next beat is due by then. Scheduler and Lambda accept no less. */
export const BEAT_MAX_AGE = Duration.seconds(60);

/**
 * Invokes the function every minute, EventBridge Scheduler's finest rate. Nothing is retried: after a failed
 * refresh or a throttled beat, the next invocation tries again.
 *
 * @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */
export function createHeartbeat(scope: Construct, id: string, { fn }: { readonly fn: IFunction }): Schedule {
  const role = new Role(scope, `${id}Role`, {
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
  return new Schedule(scope, id, {
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

import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { AwsCustomResourceProps } from 'aws-cdk-lib/custom-resources';
import { Construct } from 'constructs';

const ID = 'DeploymentCalls';

/**
 * What CDK's `AwsCustomResource` runs on: one function for a whole stack, here with a role that writes to one log
 * group only, and logs that are not kept for ever. Each call adds its own permission to the role.
 */
export class DeploymentCalls extends Construct {
  /** The properties that every `AwsCustomResource` of the stack shares. */
  readonly shared: Pick<AwsCustomResourceProps, 'role' | 'logGroup' | 'timeout' | 'installLatestAwsSdk'>;

  private constructor(stack: Stack) {
    super(stack, ID);
    const logGroup = new LogGroup(this, 'Logs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: 'Mints the first tokens and cleans up',
      inlinePolicies: {
        Logs: new PolicyDocument({
          statements: [
            new PolicyStatement({
              actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
              resources: [logGroup.logGroupArn],
            }),
          ],
        }),
      },
    });
    // Longer than the function's own limit of 30 seconds, three times: the SDK repeats a throttled call.
    this.shared = { role, logGroup, timeout: Duration.minutes(2), installLatestAwsSdk: false };
  }

  /** Finds the stack's calls, or creates them. */
  static of(scope: Construct): DeploymentCalls {
    const stack = Stack.of(scope);
    return (stack.node.tryFindChild(ID) as DeploymentCalls | undefined) ?? new DeploymentCalls(stack);
  }
}

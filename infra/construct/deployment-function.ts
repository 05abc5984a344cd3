import { CustomResource, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Policy, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type CfnFunction, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { type CfnLogGroup, LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { deploymentCode, HANDLER } from '../bundle/function-code.ts';

const ID = 'DeploymentCalls';

/** The first release used CDK's own function for custom resources. A resource's function cannot be changed, so its id stays. */
const RELEASED_LOGICAL_ID = 'AWS679f53fac002430cb0da5b7982bd22872D164C4C';

/** The time after which CloudFormation takes an unanswered custom resource as failed. Its default is an hour. */
const SERVICE_TIMEOUT = Duration.minutes(5);

/**
 * The one function of a stack that runs its custom resources (`lambda/deployment/`): during deployments only. Each custom
 * resource adds its own permission to the function's role.
 */
export class DeploymentFunction extends Construct {
  private readonly logGroup: CfnLogGroup;
  private readonly role: Role;
  private readonly function: LambdaFunction;
  private retention = RetentionDays.ONE_MONTH;

  private constructor(stack: Stack) {
    super(stack, ID);
    const logGroup = new LogGroup(this, 'Logs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.logGroup = logGroup.node.defaultChild as CfnLogGroup;
    this.role = new Role(this, 'Role', {
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
    this.function = new LambdaFunction(this, 'Function', {
      description: 'Claims parameters, mints the first tokens and cleans up, while a stack is deployed',
      runtime: Runtime.NODEJS_24_X,
      code: deploymentCode(),
      handler: HANDLER,
      // The first mint waits until IAM has propagated new permissions.
      timeout: Duration.minutes(2),
      role: this.role,
      logGroup,
    });
    (this.function.node.defaultChild as CfnFunction).overrideLogicalId(RELEASED_LOGICAL_ID);
  }

  /** Finds the stack's function, or creates it. */
  static of(scope: Construct): DeploymentFunction {
    const stack = Stack.of(scope);
    return (stack.node.tryFindChild(ID) as DeploymentFunction | undefined) ?? new DeploymentFunction(stack);
  }

  /** Keeps the function's log as long as the longest of the tokens' logs, with the key that one of them names. */
  keepLogs(retention: RetentionDays | undefined, encryptionKey: IKey | undefined): void {
    this.retention = Math.max(this.retention, retention ?? RetentionDays.ONE_DAY);
    // CloudFormation has no number for a log that is kept for ever.
    this.logGroup.retentionInDays = this.retention === RetentionDays.INFINITE ? undefined : this.retention;
    if (encryptionKey !== undefined) this.logGroup.kmsKeyId = encryptionKey.keyArn;
  }

  /** Creates a custom resource in a construct of its own, with what the function needs for it. */
  createResource(
    scope: Construct,
    id: string,
    props: {
      readonly resourceType: `Custom::${string}`;
      readonly properties: object;
      readonly statements: PolicyStatement[];
      readonly removalPolicy?: RemovalPolicy;
    },
  ): Construct {
    const container = new Construct(scope, id);
    const policy = new Policy(container, 'CustomResourcePolicy', {
      statements: props.statements,
      roles: [this.role],
    });
    const resource = new CustomResource(container, 'Resource', {
      serviceToken: this.function.functionArn,
      serviceTimeout: SERVICE_TIMEOUT,
      resourceType: props.resourceType,
      properties: { ...props.properties },
      removalPolicy: props.removalPolicy ?? RemovalPolicy.DESTROY,
    });
    resource.node.addDependency(policy);
    return container;
  }
}

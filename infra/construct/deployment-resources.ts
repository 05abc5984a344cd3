import { createHash } from 'node:crypto';
import { CustomResource, type CustomResourceProps, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Policy, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  type CfnFunction,
  type IFunction,
  Function as LambdaFunction,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { type CfnLogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import type {
  FirstMintProperties,
  FunctionEnvironment,
  TokenParametersProperties,
} from '../../lambda/contract.ts';
import { functionCode, HANDLER } from '../bundle/function-code.ts';
import { createRole } from './function.ts';
import { keepsReleasedIds } from './released-ids.ts';
import type { TokenParameters } from './token-parameters.ts';
import { letIntoVpc } from './vpc-actions.ts';

/** In a stack of somebody's app, where an app's own constructs have all other names. */
const ID = 'TokenRefresherDeploymentCalls';

/** Frozen in the app's own stack: the function of a custom resource cannot be changed. */
const RELEASED_ID = 'DeploymentCalls';
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

  private constructor(stack: Stack) {
    super(stack, keepsReleasedIds(stack) ? RELEASED_ID : ID);
    const does = 'Mints the first tokens and cleans up';
    const { role, logGroup } = createRole(this, { does, policyName: 'Logs', statements: [] });
    this.role = role;
    this.logGroup = logGroup.node.defaultChild as CfnLogGroup;
    this.function = new LambdaFunction(this, 'Function', {
      description: 'Claims parameters, mints the first tokens and cleans up, while a stack is deployed',
      runtime: Runtime.NODEJS_24_X,
      code: functionCode('deployment'),
      handler: HANDLER,
      // The first mint waits until IAM has propagated new permissions, and while AWS throttles. It must still answer in time.
      timeout: Duration.minutes(4),
      role,
      logGroup,
    });
    letIntoVpc(this, this.function, role);
    if (keepsReleasedIds(stack)) {
      (this.function.node.defaultChild as CfnFunction).overrideLogicalId(RELEASED_LOGICAL_ID);
    }
  }

  /** Finds the stack's function, or creates it. */
  static of(scope: Construct): DeploymentFunction {
    const stack = Stack.of(scope);
    const id = keepsReleasedIds(stack) ? RELEASED_ID : ID;
    return (stack.node.tryFindChild(id) as DeploymentFunction | undefined) ?? new DeploymentFunction(stack);
  }

  /** Keeps the function's log as long as the longest of the tokens' logs, with the key that one of them names. */
  keepLogs(retention: RetentionDays | undefined, encryptionKey: IKey | undefined): void {
    // CloudFormation has no number for a log that is kept for ever. An organization may have set another one.
    const days = Math.max(this.logGroup.retentionInDays ?? RetentionDays.INFINITE, retention ?? 0);
    this.logGroup.retentionInDays = days === RetentionDays.INFINITE ? undefined : days;
    if (encryptionKey !== undefined) this.logGroup.kmsKeyId = encryptionKey.keyArn;
  }

  /** Creates a custom resource in a construct of its own, with what the function needs for it. */
  createResource(
    scope: Construct,
    id: string,
    props: Pick<CustomResourceProps, 'resourceType' | 'removalPolicy'> & {
      readonly properties: object;
      readonly statement: PolicyStatement;
    },
  ): Construct {
    const { statement, properties, ...others } = props;
    const container = new Construct(scope, id);
    const policy = new Policy(container, 'CustomResourcePolicy', {
      statements: [statement],
      roles: [this.role],
    });
    const resource = new CustomResource(container, 'Resource', {
      ...others,
      serviceToken: this.function.functionArn,
      serviceTimeout: SERVICE_TIMEOUT,
      properties: { ...properties },
    });
    resource.node.addDependency(policy);
    return container;
  }
}

/**
 * Claims the names of a token's parameters for one stack. The claim is another parameter, whose name a second stack
 * cannot create: a second stack with the same token fails before it changes anything, because all that may write or delete
 * the token's parameters waits for the claim. The claim's value names the owning stack.
 *
 * The claim is not below the token's path, so that tools that read a whole path do not find it. A standard parameter
 * costs nothing.
 */
export function createNameClaim(
  scope: Construct,
  { claimName, tokenParameterName }: TokenParameters,
): StringParameter {
  return new StringParameter(scope, 'Claim', {
    parameterName: claimName,
    stringValue: Stack.of(scope).stackId,
    description: `The stack that keeps ${tokenParameterName}`,
    simpleName: false,
  });
}

/**
 * Fails the deployment if the parameters exist already and are not to be adopted. If they did not exist, deletes both
 * when this resource is removed from the stack. CloudFormation cannot create a SecureString: the function creates it,
 * so that CloudFormation would not delete it.
 *
 * The names are part of the construct's id, so that a new name or prefix makes a new resource. CloudFormation deletes
 * the old one, with the old parameters, in its clean-up phase: after the function got its new names and permissions,
 * and not at all if the update is rolled back.
 *
 * `retain` keeps the parameters, by `DeletionPolicy: Retain`: CloudFormation then removes this resource without running
 * it. Leaving the resource out instead would delete the parameters at the moment `retain` is switched on.
 */
export function createParameterCleanUp(
  scope: Construct,
  parameters: TokenParameters,
  { adopt, retain }: { readonly adopt: boolean; readonly retain: boolean },
): Construct {
  const { tokenParameterName, statusParameterName } = parameters;
  const names = [tokenParameterName, statusParameterName];
  const hash = createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 8);
  const properties: TokenParametersProperties = {
    TokenParameter: tokenParameterName,
    StatusParameter: statusParameterName,
    Adopt: adopt ? 'true' : 'false',
  };
  return DeploymentFunction.of(scope).createResource(scope, `CleanUp${hash}`, {
    resourceType: 'Custom::TokenParameters',
    properties,
    statement: parameters.deploymentStatement,
    removalPolicy: retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  });
}

/**
 * Mints a token while the stack is deployed, once when it is created and again when `configuration` changes; a
 * change of the code alone mints nothing. What it waits for, and when it fails a deployment: `lambda/deployment/first-mint.ts`.
 */
export function createFirstMint(
  scope: Construct,
  fn: IFunction,
  parameters: TokenParameters,
  configuration: FunctionEnvironment,
): Construct {
  const properties: FirstMintProperties = {
    FunctionName: fn.functionName,
    StatusParameter: parameters.statusParameterName,
    EncryptionKey: configuration.ENCRYPTION_KEY_ARN ?? '',
    Secret: configuration.SECRET_ARN,
    Configuration: configurationHash(scope, configuration),
  };
  return DeploymentFunction.of(scope).createResource(scope, 'FirstMint', {
    resourceType: 'Custom::FirstMint',
    properties,
    statement: new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [fn.functionArn] }),
  });
}

/** Another configuration has another hash, so that CloudFormation runs the custom resource again. */
export function configurationHash(scope: Construct, configuration: object): string {
  const text = JSON.stringify(Stack.of(scope).resolve(configuration));
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

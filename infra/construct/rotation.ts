import { CustomResource, Duration, Stack } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { CfnPermission, type IFunction, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnRotationSchedule, type ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { RotationEnvironment } from '../../lambda/contract.ts';
import { createRotationAlarm, type TokenAlarmProps } from './alarms.ts';
import { configurationHash } from './deployment-resources.ts';
import { createFunction, type FunctionPlace, secretArnPattern, secretStatements } from './function.ts';
import { secretIdOf } from './invocations.ts';

/** How a client secret is rotated. */
export interface SecretRotation {
  /**
   * The secret of an admin client, JSON: `client_id` and `client_secret`. Its only permission is `oauth:client:edit`. If it
   * has a customer managed key, import it with that key.
   */
  readonly adminSecret: ISecret;

  /**
   * Time between two rotations, 1 to 365 days.
   * @default 90 days
   */
  readonly every?: Duration;
}

const DEFAULT_EVERY = Duration.days(90);

/** A step waits up to 7 seconds for a new secret to work, and up to 35 for the refresher. */
const TIMEOUT = Duration.minutes(2);

interface RotationProps extends FunctionPlace {
  readonly alarmed: TokenAlarmProps;
  readonly rotation: SecretRotation;
  readonly secret: ISecret;
  readonly refresher: IFunction;
  /** Environment beside the rotation's own. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Lets Secrets Manager rotate the client secret, by a function of its own: the refresher cannot read the admin client's
 * secret, and this function cannot write the token's parameters.
 *
 * Nothing is rotated while the stack is deployed: Secrets Manager then tests the function only. The secret may have no
 * value yet.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda.html
 */
export function createRotation(
  parent: Construct,
  props: RotationProps,
): { readonly fn: LambdaFunction; readonly alarm: Alarm } {
  const { rotation, secret, refresher, alarmed } = props;
  const scope = new Construct(parent, 'Rotation');
  const { tokenParameterName } = props.parameters;
  const environment = {
    ...props.environment,
    ROTATED_TOKEN: alarmed.tokenName,
    PROVIDER_SETTINGS: Stack.of(scope).toJsonString(props.provider),
    SECRET_ARN: secretIdOf(secret),
    ADMIN_SECRET_ARN: secretIdOf(rotation.adminSecret),
    REFRESHER: refresher.functionName,
  } satisfies RotationEnvironment;
  const { fn } = createFunction(scope, {
    ...props,
    code: 'rotation',
    environment,
    description: `Rotates the client secret of ${tokenParameterName}`,
    does: `Rotates the client secret of ${tokenParameterName}`,
    policyName: 'Rotate',
    statements: [
      ...secretStatements(scope, secret, [
        'secretsmanager:DescribeSecret',
        'secretsmanager:PutSecretValue',
        'secretsmanager:UpdateSecretVersionStage',
      ]),
      ...secretStatements(scope, rotation.adminSecret),
      new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [refresher.functionArn] }),
    ],
    timeout: TIMEOUT,
    ...(props.vpc && { securityGroups: refresher.connections.securityGroups }),
  });
  const permission = new CfnPermission(scope, 'SecretsManager', {
    action: 'lambda:InvokeFunction',
    functionName: fn.functionArn,
    principal: 'secretsmanager.amazonaws.com',
    sourceAccount: Stack.of(scope).account,
    sourceArn: secretArnPattern(secret),
  });
  // The check runs again whenever this changes.
  const properties = { Configuration: configurationHash(scope, environment) };
  // Before the schedule: it would take a secret away from the function that rotates it already.
  const check = new CustomResource(scope, 'Check', {
    serviceToken: fn.functionArn,
    serviceTimeout: Duration.minutes(5),
    resourceType: 'Custom::RotationCheck',
    properties: { ...properties },
  });
  const schedule = new CfnRotationSchedule(scope, 'Schedule', {
    secretId: secretIdOf(secret),
    rotationLambdaArn: fn.functionArn,
    rotationRules: { automaticallyAfterDays: (rotation.every ?? DEFAULT_EVERY).toDays() },
    rotateImmediatelyOnUpdate: false,
  });
  schedule.addResourceDependency(permission);
  schedule.node.addDependency(check);
  const alarm = createRotationAlarm(scope, { ...alarmed, secretId: secretIdOf(secret), fn });
  return { fn, alarm };
}

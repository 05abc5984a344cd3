import { Stack } from 'aws-cdk-lib';
import type { IVpc } from 'aws-cdk-lib/aws-ec2';
import { Effect, Policy, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import type { TokenParameters } from './token-parameters.ts';

/** What a function may do, and on what. */
export interface FunctionRoleProps {
  readonly secret: ISecret;
  readonly parameters: TokenParameters;
  readonly logGroup: ILogGroup;
  /** Where the function runs; undefined: outside any VPC. */
  readonly vpc?: IVpc | undefined;
}

/**
 * Creates the role of the refresher's function. It allows only the actions that the function calls, each on one
 * resource. It has no AWS managed policy, and no wildcard that matches another token's resources.
 */
export function createFunctionRole(scope: Construct, id: string, props: FunctionRoleProps): Role {
  const role = new Role(scope, id, {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    description: `Refreshes ${props.parameters.tokenParameterName}`,
    inlinePolicies: {
      Refresh: new PolicyDocument({
        statements: [
          ...secretStatements(scope, props.secret),
          ...props.parameters.refreshStatements(),
          writeLogs(props.logGroup),
          ...(props.vpc === undefined ? [] : [attachToVpc()]),
        ],
      }),
    },
  });
  if (props.vpc !== undefined) {
    acknowledge(role, {
      'AwsSolutions-IAM5[Resource::*]':
        'The EC2 actions that attach the function to its VPC have no resource-level permissions. A policy denies them to the code in the function.',
    });
  }
  return role;
}

/** Allows the function to read the secret's value in each stage, and to decrypt it if it has a customer managed key. */
function secretStatements(scope: Construct, secret: ISecret): PolicyStatement[] {
  // Each ARN ends with six random characters, which are unknown if the secret is referred to by name.
  const arn = secret.secretFullArn ?? `${secret.secretArn}-??????`;
  const read = new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [arn] });
  if (secret.encryptionKey === undefined) return [read];
  return [read, decryptSecret(scope, secret.encryptionKey, arn)];
}

/** @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html */
function decryptSecret(scope: Construct, key: IKey, secretArn: string): PolicyStatement {
  return new PolicyStatement({
    actions: ['kms:Decrypt'],
    resources: [key.keyArn],
    conditions: {
      StringEquals: { 'kms:ViaService': `secretsmanager.${Stack.of(scope).region}.amazonaws.com` },
      StringLike: { 'kms:EncryptionContext:SecretARN': secretArn },
    },
  });
}

/** The group is made by the stack: the function needs no `logs:CreateLogGroup`. */
function writeLogs(logGroup: ILogGroup): PolicyStatement {
  return new PolicyStatement({
    actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    resources: [logGroup.logGroupArn],
  });
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions */
const NETWORK_INTERFACE_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

function attachToVpc(): PolicyStatement {
  return new PolicyStatement({ actions: NETWORK_INTERFACE_ACTIONS, resources: ['*'] });
}

/**
 * Denies the VPC permissions to code in the function: only the Lambda service can use them.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-best-practice
 */
export function createVpcActionsDenial(
  scope: Construct,
  id: string,
  { fn, role }: { readonly fn: IFunction; readonly role: Role },
): Policy {
  const policy = new Policy(scope, id, {
    roles: [role],
    statements: [
      new PolicyStatement({
        effect: Effect.DENY,
        actions: NETWORK_INTERFACE_ACTIONS,
        resources: ['*'],
        conditions: { ArnEquals: { 'lambda:SourceFunctionArn': fn.functionArn } },
      }),
    ],
  });
  acknowledge(policy, { 'AwsSolutions-IAM5[Resource::*]': 'A denial: the wider, the better.' });
  return policy;
}

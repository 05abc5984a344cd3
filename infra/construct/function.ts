import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  type ISecurityGroup,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  type SubnetSelection,
  SubnetType,
} from 'aws-cdk-lib/aws-ec2';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Architecture, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { describeProvider, type ProviderSettings } from '../../lambda/contract.ts';
import { functionCode, HANDLER } from '../bundle/function-code.ts';
import { ConfigurationError } from './configuration-error.ts';
import { given } from './given.ts';
import { BEAT_MAX_AGE } from './invocations.ts';
import type { TokenParameters } from './token-parameters.ts';
import { viaService } from './via-service.ts';
import { letIntoVpc } from './vpc-actions.ts';

/** The function's time limit: a whole mint takes at most 20 seconds of it. */
const TIMEOUT = Duration.seconds(30);

/** A mint is not slower with 128, but a long-lived process needs up to 144. */
const MEMORY_MIB = 256;

/** Where a function of a token runs, and what becomes of its log. */
export interface FunctionPlace {
  readonly parameters: TokenParameters;
  readonly provider: ProviderSettings;
  readonly logRetention?: RetentionDays;
  readonly logEncryptionKey?: IKey;
  readonly reservedConcurrency?: 0 | 1;
  /** Where the function runs; absent: outside any VPC. */
  readonly vpc?: IVpc;
  readonly vpcSubnets?: SubnetSelection;
  readonly securityGroups?: readonly ISecurityGroup[];
}

/** Properties of a function of a token. */
interface FunctionProps extends FunctionPlace {
  readonly code: 'refresher' | 'rotation';
  /** @default CloudFormation's */
  readonly functionName?: string;
  readonly description: string;
  readonly environment: Record<string, string>;
  /** Describes the role. */
  readonly does: string;
  readonly policyName: string;
  /** What the function may do, besides writing its log and being in its VPC. */
  readonly statements: readonly PolicyStatement[];
  readonly timeout?: Duration;
}

/**
 * Creates the log of a function, and a role that may write it and do what `statements` allow: only the actions that the function
 * calls, each on one resource. It has no AWS managed policy, and no wildcard that matches another token's resources.
 */
export function createRole(
  scope: Construct,
  props: Pick<FunctionProps, 'does' | 'policyName' | 'statements' | 'logRetention' | 'logEncryptionKey'>,
) {
  const logGroup = new LogGroup(scope, 'Logs', {
    retention: props.logRetention ?? RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.DESTROY,
    ...given({ encryptionKey: props.logEncryptionKey }),
  });
  // The group is made by the stack: the function needs no `logs:CreateLogGroup`.
  const writeLog = new PolicyStatement({
    actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    resources: [logGroup.logGroupArn],
  });
  const role = new Role(scope, 'Role', {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    description: props.does,
    inlinePolicies: {
      [props.policyName]: new PolicyDocument({ statements: [...props.statements, writeLog] }),
    },
  });
  return { role, logGroup };
}

/**
 * Creates a function of a token, its log and its role in `scope`.
 *
 * @throws ConfigurationError if the VPC has no subnet for it
 */
export function createFunction(
  scope: Construct,
  props: FunctionProps,
): { readonly fn: LambdaFunction; readonly role: Role } {
  const { functionName, vpc } = props;
  const { role, logGroup } = createRole(scope, props);
  const fn = new LambdaFunction(scope, 'Function', {
    description: props.description,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    code: functionCode(props.code),
    handler: HANDLER,
    memorySize: MEMORY_MIB,
    timeout: props.timeout ?? TIMEOUT,
    environment: props.environment,
    role,
    logGroup,
    ...given({ functionName, reservedConcurrentExecutions: props.reservedConcurrency === 0 ? undefined : 1 }),
    // A throttled beat must not wait in the queue and run late: the next beat does its work.
    ...(props.code === 'refresher' ? { retryAttempts: 0, maxEventAge: BEAT_MAX_AGE } : {}),
    ...(vpc && networkOf(scope, props, vpc)),
  });
  letIntoVpc(scope, fn, role);
  return { fn, role };
}

/** The secret's ARN for policies. Each ends with six random characters, which are unknown if the secret is referred to by name. */
export function secretArnPattern(secret: ISecret): string {
  return secret.secretFullArn ?? `${secret.secretArn}-??????`;
}

/**
 * Allows a function to read the secret's value in each stage, and to decrypt it if it has a customer managed key.
 *
 * @param changes further actions, of a function that changes the secret too
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
 */
export function secretStatements(
  scope: Construct,
  secret: ISecret,
  changes: readonly string[] = [],
): PolicyStatement[] {
  const arn = secretArnPattern(secret);
  const read = new PolicyStatement({
    actions: ['secretsmanager:GetSecretValue', ...changes],
    resources: [arn],
  });
  if (secret.encryptionKey === undefined) return [read];
  const useKey = new PolicyStatement({
    actions: ['kms:Decrypt', ...(changes.length === 0 ? [] : ['kms:GenerateDataKey'])],
    resources: [secret.encryptionKey.keyArn],
    conditions: {
      StringEquals: { 'kms:ViaService': viaService(scope, 'secretsmanager') },
      StringLike: { 'kms:EncryptionContext:SecretARN': arn },
    },
  });
  return [read, useKey];
}

/**
 * Places the function in the chosen subnets, otherwise in all private subnets with egress; with the given security groups,
 * otherwise with one that allows the egress that the function needs, and no ingress.
 */
function networkOf(scope: Construct, props: FunctionPlace, vpc: IVpc) {
  const { vpcSubnets, securityGroups, parameters } = props;
  if (vpcSubnets === undefined && vpc.privateSubnets.length === 0) {
    throw new ConfigurationError(
      `The VPC of ${parameters.tokenParameterName} has no private subnet with egress. Lambda gives the function no public address: name a VPC with a private subnet that routes to a NAT gateway, or name the subnets (subnetIds) if the CDK does not know their egress.`,
    );
  }
  return {
    vpc,
    vpcSubnets: vpcSubnets ?? { subnetType: SubnetType.PRIVATE_WITH_EGRESS },
    securityGroups: [...(securityGroups ?? [createSecurityGroup(scope, props, vpc)])],
  };
}

function createSecurityGroup(scope: Construct, props: FunctionPlace, vpc: IVpc): SecurityGroup {
  const securityGroup = new SecurityGroup(scope, 'SecurityGroup', {
    vpc,
    description: `Refresher of ${props.parameters.tokenParameterName}: HTTPS out only`,
    allowAllOutbound: false,
  });
  // The URLs that the function calls may have ports of their own.
  const { source, probeUrl = '' } = describeProvider(props.provider);
  const { endpoint } = source;
  const urls = ['url' in endpoint ? endpoint.url : endpoint.issuer, probeUrl];
  const ports = urls.flatMap((url) => (URL.canParse(url) && Number(new URL(url).port)) || []);
  for (const port of new Set([443, ...ports])) {
    securityGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(port), 'AWS and the token endpoint');
  }
  // A VPC's DHCP options may name its own DNS servers, which Lambda then uses.
  securityGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(53), 'DNS');
  securityGroup.addEgressRule(Peer.anyIpv4(), Port.udp(53), 'DNS');
  return securityGroup;
}

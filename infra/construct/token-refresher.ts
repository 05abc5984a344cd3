import { Annotations, Duration, Stack, Tags } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { FunctionEnvironment, ProviderSettings } from '../../lambda/contract.ts';
import {
  DEFAULT_ASSUMED_LIFETIME_MS,
  DEFAULT_REFRESH_INTERVAL_MS,
  describeProvider,
  type Guarantee,
  guarantee,
} from '../../lambda/contract.ts';
import { durationText } from '../rules/duration-text.ts';
import { PROVIDER_RULES } from '../rules/provider-settings.ts';
import { functionNameOf } from '../rules/together.ts';
import { createDyingAlarm, createFailingAlarm } from './alarms.ts';
import { checkEnvironment, checkProps } from './check-props.ts';
import {
  createFirstMint,
  createNameClaim,
  createParameterCleanUp,
  DeploymentFunction,
} from './deployment-resources.ts';
import { dyingAlarm } from './dying-alarm.ts';
import { createFunction, secretStatements } from './function.ts';
import { given } from './given.ts';
import { createKeyPolicy, grantRead, type ReadableToken, TokenRefresherGrants } from './grants.ts';
import { createHeartbeat, createSecretChangeRule, secretIdOf } from './invocations.ts';
import { createRotation, type SecretRotation } from './rotation.ts';
import { tokenParameters } from './token-parameters.ts';

/** Properties of a {@link TokenRefresher}. */
export interface TokenRefresherProps {
  /** Name of the token, a part of its parameters' names: 1 to 40 letters, digits, `-`, `_`. */
  readonly tokenName: string;

  /** Where and how tokens are minted. Regions and areas are given as domains. */
  readonly provider: ProviderSettings;

  /**
   * The secret of the OAuth client, JSON: `client_id` and `client_secret`, more for some providers. If it has a
   * customer managed key, import it with that key, so that the function may decrypt.
   */
  readonly secret: ISecret;

  /**
   * Path in front of the parameters' names: `/ci` makes `/ci/<name>/access-token`. Begins with a slash, does not end
   * with one, and is not below `/aws` or `/ssm`.
   * @default '/ci'
   */
  readonly parameterPrefix?: string;

  /**
   * Age at which a token is replaced, in whole seconds, from a minute to 24 hours. A token is never older than 5/6 of its lifetime, whatever is set.
   * @default 50 minutes
   */
  readonly refreshInterval?: Duration;

  /**
   * Lifetime that the server gives its tokens. The guarantee and the alarm's threshold are computed from it. The
   * function itself uses the lifetime in the server's response. If that is much shorter, the alarm stays raised.
   * @default - the provider's: 24 hours for Genesys Cloud CX, else 1 hour
   */
  readonly expectedLifetime?: Duration;

  /**
   * Lifetime that is assumed if the server's response has none: from 2 minutes to 48 hours.
   * @default 15 minutes
   */
  readonly assumedLifetime?: Duration;

  /**
   * The longest time for which a job uses a token that it reads once. The token is then replaced often enough that no
   * such job outlives it: at the age of (lifetime - longestJob) / 2, unless `refreshInterval` is shorter. At least a
   * minute, in whole seconds, and at most 6 minutes less than `expectedLifetime`. No guarantee on a server where a new
   * token ends the previous one, or which returns a cached token.
   * @default - no job guarantee
   */
  readonly longestJob?: Duration;

  /**
   * Customer managed key for the token's parameter, in the same account and region.
   * @default - the AWS managed key `alias/aws/ssm`, which costs nothing
   */
  readonly encryptionKey?: IKey;

  /**
   * VPC whose private subnets with egress (a NAT gateway) the function runs in, for a fixed address.
   * @default - no VPC
   */
  readonly vpc?: IVpc;

  /**
   * Subnets of `vpc` that the function runs in. Each needs egress: Lambda gives the function no public address.
   * @default - all private subnets with egress
   */
  readonly vpcSubnets?: SubnetSelection;

  /**
   * Security groups of the function in `vpc`, at most 5. They must let out TCP 443, the ports of the provider's URLs, and DNS.
   * @default - one that lets out exactly these, and nothing in
   */
  readonly securityGroups?: readonly ISecurityGroup[];

  /**
   * Topic that is notified when an alarm is raised, and when it ends.
   * @default - nobody is notified
   */
  readonly alarmTopic?: ITopic;

  /**
   * Address of your runbook, for the alarms' texts: up to 300 characters.
   * @default - the text names docs/runbook.md, which is in this package
   */
  readonly runbookUrl?: string;

  /**
   * Reserved concurrency of the function: 1 makes refreshes single-flight. 0 reserves none, which accounts with a
   * concurrency limit of 10 need. Two mints at once are then harmless: a later one follows within a minute.
   * @default 1
   */
  readonly reservedConcurrency?: 0 | 1;

  /**
   * Tags of the two parameters, and of what the construct makes: 1 to 50. A tag that is not named any more stays on the
   * parameters until somebody removes it.
   * @default - none
   */
  readonly tags?: Readonly<Record<string, string>>;

  /**
   * Whether the stack takes over parameters of these names that exist before its first deployment. It then overwrites
   * them, and never deletes them. Otherwise the first deployment fails if they exist.
   * @default false
   */
  readonly adoptParameters?: boolean;

  /**
   * Whether the parameters are kept when the stack is deleted.
   * @default false
   */
  readonly retainParameters?: boolean;

  /**
   * Time for which the function's log is kept.
   * @default RetentionDays.ONE_MONTH
   */
  readonly logRetention?: RetentionDays;

  /**
   * Customer managed key for the function's log, in the same account and region. Its policy must let CloudWatch Logs use it.
   * @default - CloudWatch Logs' own
   */
  readonly logEncryptionKey?: IKey;

  /**
   * Rotation of the client secret by two clients that take turns, for the provider `genesys-cloud`: the secret then has
   * `idle_client_id` too.
   * @default - none: a person, or a rotation of your own, stores a new secret
   */
  readonly rotation?: SecretRotation;

  /**
   * Whether the function uses AWS's FIPS endpoints, which exist only in regions of the USA and Canada.
   * @default false
   */
  readonly fipsEndpoints?: boolean;
}

/**
 * Keeps a valid OAuth2 access token in Parameter Store. A schedule invokes a function every minute; the function mints
 * a token when the stored one is due. The deployment mints the first token. Deleting the stack deletes the token and
 * its status.
 */
export class TokenRefresher extends Construct {
  /** The function; invoke it with `{"force":true}` or `{"diagnose":true}`. */
  readonly function: LambdaFunction;
  /** Raised before the stored token expires, and when the function stops running. */
  readonly dyingAlarm: Alarm;
  /** Raised when refreshes keep failing. */
  readonly failingAlarm: Alarm;
  /** The function that rotates the secret; invoke it with `{"check":true}`. Undefined without `rotation`. */
  readonly rotationFunction: LambdaFunction | undefined;
  /** Raised when a step of a rotation fails. Undefined without `rotation`. */
  readonly rotationFailingAlarm: Alarm | undefined;
  /** Name of the SecureString parameter that holds the token. */
  readonly tokenParameterName: string;
  /** Name of the String parameter that holds the status: JSON that contains no secret. */
  readonly statusParameterName: string;
  /** What readers can rely on while tokens live as long as `expectedLifetime`. */
  readonly guarantee: Guarantee;
  readonly secret: ISecret;
  /** Keys that the secret's JSON must have. */
  readonly secretKeys: readonly string[];
  /** Gives permissions: `grants.read(role)`, `grants.refresh(role)`. */
  readonly grants: TokenRefresherGrants;
  private readonly readable: ReadableToken;

  constructor(scope: Construct, id: string, props: TokenRefresherProps) {
    super(scope, id);
    checkProps(this, props);
    const stack = Stack.of(this);
    const { tokenName, provider, secret, encryptionKey, longestJob, tags, rotation } = props;
    const prefix = props.parameterPrefix ?? '/ci';
    const refreshInterval = props.refreshInterval ?? Duration.millis(DEFAULT_REFRESH_INTERVAL_MS);
    const expectedLifetime =
      props.expectedLifetime ?? Duration.minutes(PROVIDER_RULES[provider.provider].lifetime.default);
    const assumedLifetime = props.assumedLifetime ?? Duration.millis(DEFAULT_ASSUMED_LIFETIME_MS);
    this.guarantee = guarantee(expectedLifetime.toMilliseconds(), {
      refreshIntervalMs: refreshInterval.toMilliseconds(),
      longestJobMs: longestJob?.toMilliseconds(),
    });
    this.secret = secret;
    const { secretKeys, secretKeyNames = {} } = describeProvider(provider);
    const keys = secretKeys.map((key) => secretKeyNames[key] ?? key);
    this.secretKeys = rotation === undefined ? keys : [...keys, 'idle_client_id'];
    const isTagged = tags !== undefined;
    const parameters = tokenParameters(this, { prefix, name: tokenName, encryptionKey, isTagged });
    for (const [key, value] of Object.entries(tags ?? {})) Tags.of(this).add(key, value);
    const { tokenParameterName, statusParameterName } = parameters;
    this.tokenParameterName = tokenParameterName;
    this.statusParameterName = statusParameterName;

    // Read by the AWS SDK.
    const fips = props.fipsEndpoints ? { AWS_USE_FIPS_ENDPOINT: 'true' } : {};
    const environment = given({
      TOKEN_NAME: tokenName,
      PROVIDER_SETTINGS: stack.toJsonString(provider),
      SECRET_ARN: secretIdOf(secret),
      TOKEN_PARAMETER: tokenParameterName,
      STATUS_PARAMETER: statusParameterName,
      REFRESH_INTERVAL_SECONDS: String(refreshInterval.toSeconds()),
      ASSUMED_LIFETIME_SECONDS: String(assumedLifetime.toSeconds()),
      LONGEST_JOB_SECONDS: longestJob && String(longestJob.toSeconds()),
      ENCRYPTION_KEY_ARN: encryptionKey?.keyArn,
      PARAMETER_TAGS: tags && stack.toJsonString(tags),
      ...fips,
    }) satisfies FunctionEnvironment;

    checkEnvironment(this, environment);
    const functionName = functionNameOf(prefix, tokenName);
    DeploymentFunction.of(this).keepLogs(props.logRetention, props.logEncryptionKey);
    const { fn, role } = createFunction(this, {
      ...props,
      code: 'refresher',
      parameters,
      functionName,
      environment,
      description: `Keeps ${tokenParameterName} alive`,
      does: `Refreshes ${tokenParameterName}`,
      policyName: 'Refresh',
      statements: [...secretStatements(this, secret), ...parameters.refreshStatements],
    });
    this.function = fn;
    const claim = createNameClaim(this, parameters);
    const cleanUp = createParameterCleanUp(this, parameters, {
      adopt: props.adoptParameters ?? false,
      retain: props.retainParameters ?? false,
    });
    const firstMint = createFirstMint(this, fn, parameters, environment);
    this.readable = { scope: this, parameters, encryptionKey, fn, functionName, firstMint };
    this.grants = new TokenRefresherGrants(this.readable);
    const { refreshKeyStatement: statement } = parameters;
    // A beat between them would encrypt with a key that the role may not use yet.
    if (statement !== undefined) fn.node.addDependency(createKeyPolicy(this, 'FunctionKey', role, statement));
    const heartbeat = createHeartbeat(this, fn);
    createSecretChangeRule(this, fn, secret);
    const { alarmTopic: topic, runbookUrl } = props;
    const alarmed = {
      ...{ tokenName, tokenParameterName, statusParameterName, functionName },
      ...{ topic, runbookUrl },
    };
    this.dyingAlarm = createDyingAlarm(this, alarmed, this.guarantee);
    this.failingAlarm = createFailingAlarm(this, alarmed, fn);
    if (rotation !== undefined) {
      const rotating = { ...props, rotation, alarmed, parameters, refresher: fn, environment: fips };
      const { fn: rotationFunction, alarm } = createRotation(this, rotating);
      this.rotationFunction = rotationFunction;
      this.rotationFailingAlarm = alarm;
    }
    // CloudFormation creates these one after another and deletes them in the reverse order. The other parts refer to one of these.
    const inOrder: readonly Construct[] = [
      // A second stack with this token fails here, before it changes anything.
      claim,
      // Deleted after the function and the permission to write: no late beat can create a parameter again.
      cleanUp,
      role,
      // With a reserved concurrency of 1 the first beat and the first mint would throttle each other.
      firstMint,
      heartbeat,
      // Missing data breaches: an alarm that is created before the heartbeat would be raised at once.
      this.dyingAlarm,
    ];
    inOrder.reduce((earlier, later) => {
      later.node.addDependency(earlier);
      return later;
    });
    if (topic === undefined) {
      this.warn(
        'alarms-tell-nobody',
        `The alarms of the token "${tokenName}" notify nobody: set alarmEmail or alarmTopicArn (in code: alarmTopic).`,
      );
    }
    if (!dyingAlarm(this.guarantee).isRaisedInTime) {
      const { job, outageToleranceMs } = this.guarantee;
      this.warn(
        'alarm-too-late',
        job === null
          ? `The token "${tokenName}" outlasts an outage of only ${durationText(outageToleranceMs)}: the alarm may come after the token has expired. Lower refreshInterval, or let the tokens live longer at the provider.`
          : `Jobs of ${durationText(job.longestJobMs)} (longestJob) with the token "${tokenName}" outlast an outage of only ${durationText(job.outageToleranceMs)}: the alarm may come after jobs have failed. Lower longestJob, or let the tokens live longer at the provider.`,
      );
    }
    const greatestMs = (expectedLifetime.toMilliseconds() * 5) / 6;
    if (props.refreshInterval !== undefined && refreshInterval.toMilliseconds() > greatestMs) {
      this.warn(
        'interval-above-lifetime',
        `refreshInterval of ${durationText(refreshInterval.toMilliseconds())} is more than 5/6 of the lifetime of ${durationText(expectedLifetime.toMilliseconds())}: ${tokenParameterName} is replaced after ${durationText(greatestMs)}. Lower refreshInterval, or set the real expectedLifetime.`,
      );
    }
  }

  /**
   * Allows `grantee` to read the token and its status: the same as `grants.read`. For one that reads several tokens see
   * {@link grantReadOf}, for one of another account {@link ReaderRole}.
   */
  grantRead(grantee: IGrantable): Grant {
    return this.grants.read(grantee);
  }

  /**
   * Allows `grantee` to read these tokens and their status. The policies are merged, because IAM limits the inline
   * policies of a role to 10,240 characters.
   */
  static grantReadOf(refreshers: readonly TokenRefresher[], grantee: IGrantable): Grant {
    return grantRead(
      grantee,
      refreshers.map((one) => one.readable),
    );
  }

  /** Allows `grantee`, of the stack's account, to invoke the function: the same as `grants.refresh`. */
  grantRefresh(grantee: IGrantable): Grant {
    return this.grants.refresh(grantee);
  }

  private warn(id: string, text: string): void {
    Annotations.of(this).addWarningV2(`token-refresher:${id}`, text);
  }
}

import { createHash } from 'node:crypto';
import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps, Tags, Validations } from 'aws-cdk-lib';
import { Role } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { type CfnSecret, type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { resourcesIdOf, type TokenConfiguration } from './configuration/tokens-configuration.ts';
import { alarmTopicFor, createDashboard } from './construct/alarms.ts';
import { limitSize } from './construct/limit-size.ts';
import { ReaderRole } from './construct/reader-role.ts';
import { keepReleasedIds } from './construct/released-ids.ts';
import type { SecretRotation } from './construct/rotation.ts';
import { createTokenOutputs } from './construct/token-outputs.ts';
import { TokenRefresher } from './construct/token-refresher.ts';
import { lookUpVpc } from './looked-up-vpc.ts';

/** Properties of a {@link TokenRefresherStack}. */
export interface TokenRefresherStackProps extends StackProps {
  readonly tokens: readonly TokenConfiguration[];
  /**
   * Whether to create a CloudWatch dashboard: the remaining life and the failures of each token.
   * @default false
   */
  readonly dashboard?: boolean;
}

/** One stack with a {@link TokenRefresher} per configured token. It turns configured ARNs and names into constructs. */
export class TokenRefresherStack extends Stack {
  readonly refreshers: readonly TokenRefresher[];

  constructor(scope: Construct, id: string, props: TokenRefresherStackProps) {
    super(scope, id, props);
    keepReleasedIds(this);
    this.refreshers = props.tokens.map((token) => this.addToken(token));
    this.grantReaders(props.tokens);
    this.addReaderRoles(props.tokens);
    this.addSharedTags(props.tokens);
    limitSize(this);
    if (props.dashboard) createDashboard(this, 'Dashboard', { refreshers: this.refreshers });
  }

  private addToken(token: TokenConfiguration): TokenRefresher {
    const imports = new Construct(this, resourcesIdOf(token.name));
    const encryptionKey = importKey(imports, 'Key', token.encryptionKeyArn);
    const logEncryptionKey = importKey(imports, 'LogKey', token.logEncryptionKeyArn);
    for (const [key, value] of Object.entries(token.tags ?? {})) Tags.of(imports).add(key, value);
    const alarmTopic = this.alarmTopic(imports, token);
    const refresher = new TokenRefresher(this, token.name, {
      tokenName: token.name,
      parameterPrefix: token.prefix,
      provider: token.provider,
      secret: secretOf(imports, token, encryptionKey),
      ...(token.refreshInterval === undefined
        ? {}
        : { refreshInterval: Duration.minutes(token.refreshInterval) }),
      expectedLifetime: Duration.minutes(token.expectedLifetime),
      assumedLifetime: Duration.minutes(token.assumedLifetime),
      ...(token.longestJob === undefined ? {} : { longestJob: Duration.minutes(token.longestJob) }),
      reservedConcurrency: token.reservedConcurrency === 1 ? 1 : 0,
      logRetention: token.logRetention,
      fipsEndpoints: token.fipsEndpoints,
      adoptParameters: token.adoptParameters,
      retainParameters: token.retainParameters,
      ...(encryptionKey === undefined ? {} : { encryptionKey }),
      ...(logEncryptionKey === undefined ? {} : { logEncryptionKey }),
      ...(token.tags === undefined ? {} : { tags: token.tags }),
      ...rotationOf(imports, token),
      ...lookUpVpc(imports, token),
      ...(alarmTopic === undefined ? {} : { alarmTopic }),
      ...(token.runbookUrl === undefined ? {} : { runbookUrl: token.runbookUrl }),
    });
    createTokenOutputs(this, token.outputPrefix, refresher);
    return refresher;
  }

  /**
   * Makes one policy per role, however many tokens it reads. The policy's scope is the first token that names the role. Its id comes
   * from the role: by the role's place in the list, a reader that is put before others would take their policy from them.
   */
  private grantReaders(tokens: readonly TokenConfiguration[]): void {
    const roleArns = new Set(tokens.flatMap(({ readers }) => readers));
    for (const roleArn of roleArns) {
      const indices = tokens.flatMap(({ readers }, index) => (readers.includes(roleArn) ? [index] : []));
      const refreshers = indices.flatMap((index) => this.refreshers[index] ?? []);
      const [first] = indices.flatMap((index) => tokens[index] ?? []);
      if (first === undefined) continue;
      const scope = this.node.findChild(resourcesIdOf(first.name)) as Construct;
      const hash = createHash('sha256').update(roleArn).digest('hex').slice(0, 8);
      const role = Role.fromRoleArn(scope, `Reader${hash}`, roleArn);
      TokenRefresher.grantReadOf(refreshers, role);
      for (const index of indices) {
        if (!tokens[index]?.readOnly.includes(roleArn)) this.refreshers[index]?.grantRefresh(role);
      }
    }
  }

  /** Roles of the stack for the readers of each token that have none in this account: one, and one for those that only read. */
  private addReaderRoles(tokens: readonly TokenConfiguration[]): void {
    tokens.forEach((token, index) => {
      const refresher = this.refreshers[index];
      if (refresher === undefined) return;
      const roles = [
        ['ReaderRole', token.assuming],
        ['ReadOnlyRole', token.assumingReadOnly],
      ] as const;
      for (const [id, { roleArns, oidcSubjects }] of roles) {
        if (roleArns.length + oidcSubjects.length === 0) continue;
        const scope = this.node.findChild(resourcesIdOf(token.name)) as Construct;
        const role = new ReaderRole(scope, id, { roleArns, oidcSubjects });
        refresher.grantRead(role);
        if (id === 'ReaderRole') refresher.grantRefresh(role);
        const what = id === 'ReaderRole' ? 'take' : 'take if they only read';
        new CfnOutput(this, `${token.outputPrefix}${id}`, {
          description: `Role that the readers of other accounts and by OIDC ${what}`,
          value: role.roleArn,
        });
      }
    });
  }

  /** What several tokens share, the function for deployments for example, gets the tags that all of them have. */
  private addSharedTags([first, ...others]: readonly TokenConfiguration[]): void {
    for (const [key, value] of Object.entries(first?.tags ?? {})) {
      if (others.every(({ tags }) => tags?.[key] === value)) Tags.of(this).add(key, value);
    }
  }

  private alarmTopic(scope: Construct, token: TokenConfiguration): ITopic | undefined {
    if (token.alarmTopicArn !== undefined)
      return Topic.fromTopicArn(scope, 'AlarmTopic', token.alarmTopicArn);
    return token.alarmEmail === undefined ? undefined : alarmTopicFor(this, token.alarmEmail);
  }
}

function importKey(scope: Construct, id: string, arn: string | undefined): IKey | undefined {
  return arn === undefined ? undefined : Key.fromKeyArn(scope, id, arn);
}

function secretOf(scope: Construct, token: TokenConfiguration, encryptionKey: IKey | undefined): ISecret {
  const { secretArn, secretName } = token;
  const secretKey = importKey(scope, 'SecretKey', token.secretEncryptionKeyArn);
  return (
    importSecret(scope, 'Secret', { arn: secretArn, name: secretName, key: secretKey }) ??
    createSecret(scope, token, encryptionKey)
  );
}

/** Imports an existing secret; undefined if neither its ARN nor its name is known. */
function importSecret(
  scope: Construct,
  id: string,
  { arn, name, key }: { arn: string | undefined; name: string | undefined; key: IKey | undefined },
): ISecret | undefined {
  const withKey = key === undefined ? {} : { encryptionKey: key };
  if (arn !== undefined) {
    return Secret.fromSecretAttributes(scope, id, { secretCompleteArn: arn, ...withKey });
  }
  if (name === undefined) return undefined;
  const secretPartialArn = Stack.of(scope).formatArn({
    service: 'secretsmanager',
    resource: `secret:${name}`,
  });
  return key === undefined
    ? Secret.fromSecretNameV2(scope, id, name)
    : Secret.fromSecretAttributes(scope, id, { secretPartialArn, encryptionKey: key });
}

function rotationOf(scope: Construct, { rotation }: TokenConfiguration): { rotation?: SecretRotation } {
  if (rotation === undefined) return {};
  const adminSecret = importSecret(scope, 'AdminSecret', {
    arn: rotation.adminSecretArn,
    name: rotation.adminSecretName,
    key: importKey(scope, 'AdminSecretKey', rotation.adminSecretEncryptionKeyArn),
  });
  if (adminSecret === undefined) return {};
  return { rotation: { adminSecret, every: Duration.days(rotation.everyDays) } };
}

/**
 * Creates a secret without a value: a value in the template would overwrite the real one at each change. The secret is
 * kept when the stack is deleted, because a person stored its value. It is deleted if the first deployment fails.
 */
function createSecret(scope: Construct, token: TokenConfiguration, encryptionKey: IKey | undefined): ISecret {
  const secret = new Secret(scope, 'Secret', {
    description: `OAuth client of the token "${token.name}"`,
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    ...(encryptionKey === undefined ? {} : { encryptionKey }),
  });
  // By default the CDK lets CloudFormation generate a password.
  (secret.node.defaultChild as CfnSecret).generateSecretString = undefined;
  Validations.of(secret).acknowledge({
    id: 'AwsSolutions-SMG4',
    reason:
      'The provider issues the client secret, so AWS cannot rotate it. A new value, stored by a person or by your own rotation, is used at once.',
  });
  // The CDK types the optional key of the class and of the interface differently; the value is the same.
  return secret as ISecret;
}

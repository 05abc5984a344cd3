import { createHash } from 'node:crypto';
import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import { Role } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { type CfnSecret, type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { resourcesIdOf, type TokenConfiguration } from './configuration/tokens-configuration.ts';
import { acknowledge } from './construct/acknowledge.ts';
import { alarmTopicFor, createDashboard } from './construct/alarms.ts';
import { given } from './construct/given.ts';
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

/** A token, its refresher, and the construct that holds its resources beside the refresher. */
interface RefreshedToken {
  readonly token: TokenConfiguration;
  readonly resources: Construct;
  readonly refresher: TokenRefresher;
}

/** One stack with a {@link TokenRefresher} per configured token. It turns configured ARNs and names into constructs. */
export class TokenRefresherStack extends Stack {
  constructor(scope: Construct, id: string, props: TokenRefresherStackProps) {
    super(scope, id, props);
    keepReleasedIds(this);
    const tokens = props.tokens.map((token) => this.addToken(token));
    this.grantReaders(tokens);
    for (const one of tokens) this.addReaderRoles(one);
    this.addSharedTags(props.tokens);
    limitSize(this);
    if (!props.dashboard) return;
    createDashboard(
      this,
      tokens.map(({ refresher }) => refresher),
    );
  }

  private addToken(token: TokenConfiguration): RefreshedToken {
    const { refreshInterval, longestJob } = token;
    const resources = new Construct(this, resourcesIdOf(token.name));
    const encryptionKey = importKey(resources, 'Key', token.encryptionKeyArn);
    const logEncryptionKey = importKey(resources, 'LogKey', token.logEncryptionKeyArn);
    for (const [key, value] of Object.entries(token.tags ?? {})) Tags.of(resources).add(key, value);
    const { alarmTopicArn, alarmEmail } = token;
    const emailTopic = alarmEmail === undefined ? undefined : alarmTopicFor(this, alarmEmail);
    const alarmTopic =
      alarmTopicArn === undefined ? emailTopic : Topic.fromTopicArn(resources, 'AlarmTopic', alarmTopicArn);
    const { secretArn: arn, secretName, secretEncryptionKeyArn } = token;
    const key = importKey(resources, 'SecretKey', secretEncryptionKeyArn);
    const secret = importSecret(resources, 'Secret', { arn, name: secretName, key });
    const refresher = new TokenRefresher(this, token.name, {
      tokenName: token.name,
      parameterPrefix: token.prefix,
      provider: token.provider,
      secret: secret ?? createSecret(resources, token, encryptionKey),
      expectedLifetime: Duration.minutes(token.expectedLifetime),
      assumedLifetime: Duration.minutes(token.assumedLifetime),
      reservedConcurrency: token.reservedConcurrency === 1 ? 1 : 0,
      logRetention: token.logRetention,
      fipsEndpoints: token.fipsEndpoints,
      adoptParameters: token.adoptParameters,
      retainParameters: token.retainParameters,
      ...given({
        refreshInterval: refreshInterval === undefined ? undefined : Duration.minutes(refreshInterval),
        longestJob: longestJob === undefined ? undefined : Duration.minutes(longestJob),
        encryptionKey,
        logEncryptionKey,
        tags: token.tags,
        rotation: rotationOf(resources, token),
        alarmTopic,
        runbookUrl: token.runbookUrl,
      }),
      ...lookUpVpc(resources, token),
    });
    createTokenOutputs(this, token.outputPrefix, refresher);
    return { token, resources, refresher };
  }

  /**
   * Makes one policy per role, however many tokens it reads. The policy's scope is the first token that names the role. Its id comes
   * from the role: by the role's place in the list, a reader that is put before others would take their policy from them.
   */
  private grantReaders(tokens: readonly RefreshedToken[]): void {
    for (const roleArn of new Set(tokens.flatMap(({ token }) => token.readers))) {
      const readable = tokens.filter(({ token }) => token.readers.includes(roleArn));
      const [{ resources } = { resources: this }] = readable;
      const hash = createHash('sha256').update(roleArn).digest('hex').slice(0, 8);
      const role = Role.fromRoleArn(resources, `Reader${hash}`, roleArn);
      TokenRefresher.grantReadOf(
        readable.map(({ refresher }) => refresher),
        role,
      );
      for (const { token, refresher } of readable) {
        if (!token.readOnly.includes(roleArn)) refresher.grantRefresh(role);
      }
    }
  }

  /** Roles of the stack for the readers of a token that have none in this account: one, and one for those that only read. */
  private addReaderRoles({ token, resources, refresher }: RefreshedToken): void {
    const roles = [
      ['ReaderRole', token.assuming, 'take'],
      ['ReadOnlyRole', token.assumingReadOnly, 'take if they only read'],
    ] as const;
    for (const [id, readers, what] of roles) {
      if (readers.roleArns.length + readers.oidcSubjects.length === 0) continue;
      const role = new ReaderRole(resources, id, readers);
      refresher.grantRead(role);
      if (id === 'ReaderRole') refresher.grantRefresh(role);
      new CfnOutput(this, `${token.outputPrefix}${id}`, {
        description: `Role that the readers of other accounts and by OIDC ${what}`,
        value: role.roleArn,
      });
    }
  }

  /** What several tokens share, the function for deployments for example, gets the tags that all of them have. */
  private addSharedTags([first, ...others]: readonly TokenConfiguration[]): void {
    for (const [key, value] of Object.entries(first?.tags ?? {})) {
      if (others.every(({ tags }) => tags?.[key] === value)) Tags.of(this).add(key, value);
    }
  }
}

function importKey(scope: Construct, id: string, arn: string | undefined): IKey | undefined {
  return arn === undefined ? undefined : Key.fromKeyArn(scope, id, arn);
}

/** Imports an existing secret; undefined if neither its ARN nor its name is known. */
function importSecret(
  scope: Construct,
  id: string,
  { arn, name, key }: { arn: string | undefined; name: string | undefined; key: IKey | undefined },
): ISecret | undefined {
  if (arn === undefined && name === undefined) return undefined;
  const named = Stack.of(scope).formatArn({ service: 'secretsmanager', resource: `secret:${name}` });
  const secretArn = arn === undefined ? { secretPartialArn: named } : { secretCompleteArn: arn };
  return Secret.fromSecretAttributes(scope, id, { ...secretArn, ...given({ encryptionKey: key }) });
}

function rotationOf(scope: Construct, { rotation }: TokenConfiguration): SecretRotation | undefined {
  const adminSecret =
    rotation &&
    importSecret(scope, 'AdminSecret', {
      arn: rotation.adminSecretArn,
      name: rotation.adminSecretName,
      key: importKey(scope, 'AdminSecretKey', rotation.adminSecretEncryptionKeyArn),
    });
  return adminSecret && { adminSecret, every: Duration.days(rotation.everyDays) };
}

/**
 * Creates a secret without a value: a value in the template would overwrite the real one at each change. The secret is
 * kept when the stack is deleted, because a person stored its value. It is deleted if the first deployment fails.
 */
function createSecret(scope: Construct, token: TokenConfiguration, encryptionKey: IKey | undefined): ISecret {
  const secret = new Secret(scope, 'Secret', {
    description: `OAuth client of the token "${token.name}"`,
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    ...given({ encryptionKey }),
  });
  // By default the CDK lets CloudFormation generate a password.
  (secret.node.defaultChild as CfnSecret).generateSecretString = undefined;
  acknowledge(
    secret,
    'AwsSolutions-SMG4',
    'The provider issues the client secret, so AWS cannot rotate it. A new value, stored by a person or by your own rotation, is used at once.',
  );
  // The CDK types the optional key of the class and of the interface differently; the value is the same.
  return secret as ISecret;
}

import { App, Duration, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { Project } from 'aws-cdk-lib/aws-codebuild';
import {
  AccountPrincipal,
  AccountRootPrincipal,
  AnyPrincipal,
  ArnPrincipal,
  CompositePrincipal,
  Group,
  type IGrantable,
  OrganizationPrincipal,
  Role,
  ServicePrincipal,
  User,
  WebIdentityPrincipal,
} from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { ConfigurationError } from '../../../infra/construct/configuration-error.ts';
import { createTokenOutputs } from '../../../infra/construct/token-outputs.ts';
import type { TokenRefresherProps } from '../../../infra/construct/token-refresher.ts';
import { synthesize } from '../../../local/synthesized-function.ts';
import { createResolver } from '../../../local/template-resolver.ts';
import { SMALLEST } from '../full-configuration.ts';
import { addRefresher, templateOf } from './own-refresher.ts';

/** A token with what most users set: a key, an address for the alarms, and a reader. */
const TOKEN = {
  ...SMALLEST[0],
  expectedLifetime: 60,
  encryptionKeyArn: 'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555',
  alarmEmail: 'on-call@example.com',
  readers: ['arn:aws:iam::111122223333:role/ci'],
};

// An added resource, a wider permission and a lost dependency show here; `npm run update` writes it, after you have looked at the difference.
test('the resources of one token, their permissions and order, and the outputs', () => {
  const assembly = synthesize({ tokens: [TOKEN] });
  const { Resources, Outputs } = assembly.template;
  const withoutMetadata = JSON.parse(
    JSON.stringify({ Resources, Outputs }, (key, value) => (key === 'Metadata' ? undefined : value)),
  );

  const resolved = createResolver(assembly).resolve(withoutMetadata);

  // The hashes of the code and of the configuration.
  const masked = JSON.stringify(resolved).replace(/[0-9a-f]{64}|(?<="Configuration":")\w+/g, '<hash>');
  expect(JSON.parse(masked)).toMatchSnapshot();
});

test('reserves no concurrency and keeps the logs for ever if code says so', () => {
  const template = templateOf({ reservedConcurrency: 0, logRetention: RetentionDays.INFINITE });

  template.allResourcesProperties('AWS::Lambda::Function', { ReservedConcurrentExecutions: Match.absent() });
  template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: Match.absent() });
});

test('mints again when the configuration changes, and only then', () => {
  const firstMintOf = (props = {}) => Object.values(templateOf(props).findResources('Custom::FirstMint'));

  expect(firstMintOf()).toEqual(firstMintOf());
  expect(firstMintOf({ refreshInterval: Duration.minutes(20) })).not.toEqual(firstMintOf());
});

test.each<[Partial<TokenRefresherProps>, string, string]>([
  [{ adoptParameters: true }, 'Delete', 'true'],
  [{ retainParameters: true }, 'Retain', 'false'],
])('with %j, the parameters are adopted or kept', (props, DeletionPolicy, Adopt) => {
  templateOf(props).hasResource('Custom::TokenParameters', { DeletionPolicy, Properties: { Adopt } });
});

test('new names get a new clean-up resource, so that the old parameters are deleted', () => {
  const idOf = (parameterPrefix: string) =>
    Object.keys(templateOf({ parameterPrefix }).findResources('Custom::TokenParameters'))[0];

  expect(idOf('/ci')).toBe(idOf('/ci'));
  expect(idOf('/team')).not.toBe(idOf('/ci'));
});

// Secrets Manager takes "…:secret:ci/oauth-client" for a complete ARN.
test.each<[string, (stack: Stack) => ISecret]>([
  ['its name', (stack) => Secret.fromSecretNameV2(stack, 'Imported', 'ci/oauth-client')],
  [
    'its ARN without the last six characters',
    (stack) =>
      Secret.fromSecretPartialArn(
        stack,
        'Imported',
        'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci/oauth-client',
      ),
  ],
])('a secret that is known by %s is read by its name, and so are its changes', (_, secretOf) => {
  const stack = new Stack(new App(), 'Own');
  const refresher = addRefresher(stack, { secret: secretOf(stack) });
  createTokenOutputs(stack, 'Deploy', refresher);

  const template = Template.fromStack(stack);

  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: { Variables: Match.objectLike({ SECRET_ARN: 'ci/oauth-client' }) },
  });
  template.hasResourceProperties('AWS::Events::Rule', {
    EventPattern: {
      resources: Match.absent(),
      detail: { labelUpdated: ['AWSCURRENT'], name: ['ci/oauth-client'] },
    },
  });
  expect(JSON.stringify(template.findOutputs('DeployStoreSecret'))).toContain('--secret-id ci/oauth-client ');
});

describe('permissions', () => {
  const env = { account: '111122223333', region: 'eu-central-1' };
  const roleArn = (path: string, account = env.account) => `arn:aws:iam::${account}:role/${path}`;
  const OIDC = 'arn:aws:iam::111122223333:oidc-provider/gitlab.com';
  const ownRefresher = () => {
    const stack = new Stack(new App(), 'Own', { env });
    return { stack, refresher: addRefresher(stack, { encryptionKey: new Key(stack, 'Key') }) };
  };

  test.each<[string, (stack: Stack) => unknown, string]>([
    [
      'a role of another account',
      (stack) => Role.fromRoleArn(stack, 'R', roleArn('ci', '999900001111')),
      'account 999900001111: the stack is in 111122223333. Make a ReaderRole',
    ],
    ['another account', () => new AccountPrincipal('999900001111'), 'Make a ReaderRole'],
    [
      'the own account',
      () => new AccountPrincipal(env.account),
      'this AccountPrincipal: it has no policy of its own. Pass the role',
    ],
    ['the account’s root', () => new AccountRootPrincipal(), 'this AccountRootPrincipal'],
    ['an ARN', () => new ArnPrincipal(roleArn('ci')), 'import it: Role.fromRoleArn(this, "Reader", roleArn)'],
    ['a service', () => new ServicePrincipal('codebuild.amazonaws.com'), 'this ServicePrincipal'],
    ['an organization', () => new OrganizationPrincipal('o-1234567890'), 'this OrganizationPrincipal'],
    ['a job by OIDC', () => new WebIdentityPrincipal(OIDC), 'make a ReaderRole'],
    ['anyone', () => new AnyPrincipal(), 'this AnyPrincipal'],
    ['several', () => new CompositePrincipal(new ArnPrincipal(roleArn('ci'))), 'this CompositePrincipal'],
    [
      'an ARN with a condition',
      () => new ArnPrincipal(roleArn('ci')).withConditions({ Bool: {} }),
      'this PrincipalWithConditions',
    ],
    ['an imported project', (stack) => Project.fromProjectName(stack, 'P', 'ci'), 'this UnknownPrincipal'],
    [
      'a permission set’s role',
      (stack) => Role.fromRoleArn(stack, 'R', roleArn('aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0')),
      'AWS manages this role',
    ],
    [
      'a service-linked role',
      (stack) =>
        Role.fromRoleArn(stack, 'R', roleArn('aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS')),
      'AWS manages this role',
    ],
    ['a text', () => roleArn('ci'), 'a string, which is no role'],
    ['nothing', () => undefined, 'a undefined, which is no role'],
  ])('%s, to which no policy can be attached, is refused', (_, granteeOf, message) => {
    const { stack, refresher } = ownRefresher();
    const grantee = granteeOf(stack) as IGrantable;

    for (const grant of [() => refresher.grantRead(grantee), () => refresher.grantRefresh(grantee)]) {
      expect(grant).toThrow(ConfigurationError);
      expect(grant).toThrow(`Own/Refresher cannot give permissions to `);
      expect(grant).toThrow(message);
    }
    expect(policiesOf(stack, 'ci')).toEqual({});
  });

  test.each<[string, (stack: Stack) => IGrantable, string]>([
    ['a role by its ARN', (stack) => Role.fromRoleArn(stack, 'R', roleArn('team/ci')), 'Roles'],
    ['a role by its name', (stack) => Role.fromRoleName(stack, 'R', 'ci'), 'Roles'],
    ['a user', (stack) => User.fromUserName(stack, 'U', 'ci'), 'Users'],
    ['a group', (stack) => Group.fromGroupName(stack, 'G', 'ci'), 'Groups'],
  ])('%s that was imported gets them', (_, granteeOf, kind) => {
    const { stack, refresher } = ownRefresher();
    const grantee = granteeOf(stack);

    refresher.grants.read(grantee);
    refresher.grants.refresh(grantee);

    const policies = JSON.stringify(policiesOf(stack, 'ci', kind));
    for (const action of ['ssm:GetParameters', 'lambda:InvokeFunction', 'kms:Decrypt']) {
      expect(policies).toContain(`"${action}"`);
    }
  });

  test.each<[string, (stack: Stack) => IGrantable]>([
    ['an imported role', (stack) => Role.fromRoleArn(stack, 'R', roleArn('ci'), { mutable: false })],
    [
      'one that keeps grants from roles',
      (stack) => Role.fromRoleArn(stack, 'R', roleArn('ci'), { mutable: false, addGrantsToResources: true }),
    ],
    [
      'an own role',
      (stack) =>
        new Role(stack, 'R', { roleName: 'ci', assumedBy: new AnyPrincipal() }).withoutPolicyUpdates(),
    ],
  ])('%s that takes no policy gets none, not even for the own key, and a warning', (_, granteeOf) => {
    const { stack, refresher } = ownRefresher();
    const grantee = granteeOf(stack);

    refresher.grantRead(grantee);
    refresher.grantRefresh(grantee);

    expect(policiesOf(stack, 'ci')).toEqual({});
    Annotations.fromStack(stack).hasWarning(
      '/Own/Refresher',
      Match.stringLikeRegexp('takes no policies in this app.*ssm:GetParameters'),
    );
    Annotations.fromStack(stack).hasWarning(
      '/Own/Refresher',
      Match.stringLikeRegexp('takes no policies.*lambda:InvokeFunction'),
    );
  });
});

/** The policies of a role, a user or a group that is known by its name. */
function policiesOf(stack: Stack, name: string, kind = 'Roles'): object {
  return Template.fromStack(stack).findResources('AWS::IAM::Policy', { Properties: { [kind]: [name] } });
}

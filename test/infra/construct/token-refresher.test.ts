import { Duration, type Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { Project } from 'aws-cdk-lib/aws-codebuild';
import {
  AccountPrincipal,
  AnyPrincipal,
  ArnPrincipal,
  Group,
  type IGrantable,
  Role,
  User,
  WebIdentityPrincipal,
} from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { ConfigurationError } from '../../../infra/construct/configuration-error.ts';
import { createResolver } from '../../../local/template-resolver.ts';
import { SMALLEST } from '../full-configuration.ts';
import { stackOf } from '../synthesized.ts';
import { addRefresher, ENV, newStack, templateOf } from './own-refresher.ts';

/** A token with what most users set, and a rotation. */
const TOKEN = {
  ...SMALLEST[0],
  expectedLifetime: 60,
  encryptionKeyArn: 'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555',
  alarmEmail: 'on-call@example.com',
  readers: ['arn:aws:iam::111122223333:role/ci'],
  rotation: { adminSecretName: 'ci/oauth-admin' },
};

// An added resource, a wider permission and a lost dependency show here; `npm run update` writes it, after you have looked at the difference.
test('the resources of one token, their permissions and order, and the outputs', () => {
  const assembly = stackOf([TOKEN], {});
  const { Resources, Outputs } = assembly.template;
  const withoutMetadata = JSON.parse(
    JSON.stringify({ Resources, Outputs }, (key, value) => (key === 'Metadata' ? undefined : value)),
  );

  const resolved = createResolver(assembly).resolve(withoutMetadata);

  // The hashes of the code and of the configuration.
  const masked = JSON.stringify(resolved).replace(/[0-9a-f]{64}|(?<="Configuration":")\w+/g, '<hash>');
  expect(JSON.parse(masked)).toMatchSnapshot();
});

test('reserves no concurrency, keeps the logs for ever, adopts and keeps the parameters if code says so', () => {
  const template = templateOf({
    reservedConcurrency: 0,
    logRetention: RetentionDays.INFINITE,
    adoptParameters: true,
    retainParameters: true,
  });

  template.allResourcesProperties('AWS::Lambda::Function', { ReservedConcurrentExecutions: Match.absent() });
  template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: Match.absent() });
  template.hasResource('Custom::TokenParameters', {
    DeletionPolicy: 'Retain',
    Properties: { Adopt: 'true' },
  });
});

test('mints again when the configuration changes, and only then', () => {
  const firstMintOf = (props = {}) => Object.values(templateOf(props).findResources('Custom::FirstMint'));

  const [before, same, after] = [{}, {}, { refreshInterval: Duration.minutes(20) }].map(firstMintOf);

  expect(same).toEqual(before);
  expect(after).not.toEqual(before);
});

describe('permissions', () => {
  const roleArn = (path: string, account = ENV.account) => `arn:aws:iam::${account}:role/${path}`;
  const OIDC = 'arn:aws:iam::111122223333:oidc-provider/gitlab.com';
  const ownRefresher = () => {
    const stack = newStack(ENV);
    return { stack, refresher: addRefresher(stack, { encryptionKey: new Key(stack, 'Key') }) };
  };

  test.each<[string, (stack: Stack) => unknown, string]>([
    [
      'a role of another account',
      (stack) => Role.fromRoleArn(stack, 'R', roleArn('ci', '999900001111')),
      'account 999900001111: the stack is in 111122223333. Make a ReaderRole',
    ],
    [
      'the own account',
      () => new AccountPrincipal(ENV.account),
      'this AccountPrincipal: it has no policy of its own. Pass the role',
    ],
    ['a job by OIDC', () => new WebIdentityPrincipal(OIDC), 'make a ReaderRole'],
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
    ['a text', () => roleArn('ci'), 'a string, which is no role'],
    ['nothing', () => undefined, 'a undefined, which is no role'],
  ])('%s, to which no policy can be attached, is refused', (_, granteeOf, message) => {
    const { stack, refresher } = ownRefresher();
    const grantee = granteeOf(stack) as IGrantable;

    for (const grant of [() => refresher.grantRead(grantee), () => refresher.grantRefresh(grantee)]) {
      expect(grant).toThrow(ConfigurationError);
      expect(grant).toThrow('Own/Refresher cannot give permissions to ');
      expect(grant).toThrow(message);
    }
  });

  test('an imported role, user and group get them', () => {
    const { stack, refresher } = ownRefresher();
    const role = Role.fromRoleName(stack, 'R', 'ci');
    const grantees = [role, User.fromUserName(stack, 'U', 'ci'), Group.fromGroupName(stack, 'G', 'ci')];

    for (const grantee of grantees) {
      refresher.grants.read(grantee);
      refresher.grants.refresh(grantee);
    }

    for (const kind of ['Roles', 'Users', 'Groups']) {
      const policies = JSON.stringify(policiesOf(stack, kind));
      for (const action of ['ssm:GetParameters', 'lambda:InvokeFunction', 'kms:Decrypt']) {
        expect(policies).toContain(`"${action}"`);
      }
    }
  });

  test('a role that takes no policy gets none, not even for the own key, and a warning', () => {
    const { stack, refresher } = ownRefresher();
    const immutable = { mutable: false, addGrantsToResources: true };
    const roles = [
      Role.fromRoleArn(stack, 'Imported', roleArn('ci'), immutable),
      new Role(stack, 'Made', { roleName: 'ci', assumedBy: new AnyPrincipal() }).withoutPolicyUpdates(),
    ];

    for (const role of roles) {
      refresher.grantRead(role);
      refresher.grantRefresh(role);
    }

    expect(policiesOf(stack)).toEqual({});
    for (const role of ['Imported', 'Made']) {
      for (const action of ['ssm:GetParameters', 'lambda:InvokeFunction']) {
        const text = Match.stringLikeRegexp(`Own/.*${role} takes no policies in this app.*${action}`);
        Annotations.fromStack(stack).hasWarning('/Own/Refresher', text);
      }
    }
  });
});

/** The policies of the role, the user or the group `ci`. */
function policiesOf(stack: Stack, kind = 'Roles'): object {
  return Template.fromStack(stack).findResources('AWS::IAM::Policy', { Properties: { [kind]: ['ci'] } });
}

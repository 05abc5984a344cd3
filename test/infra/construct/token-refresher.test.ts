import { App, Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { AccountPrincipal, Role } from 'aws-cdk-lib/aws-iam';
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

test('a role of another account is refused, and the own role of that name gets nothing', () => {
  const env = { account: '111122223333', region: 'eu-central-1' };
  const stack = new Stack(new App(), 'Own', { env });
  const refresher = addRefresher(stack, { encryptionKey: new Key(stack, 'Key') });
  const reader = Role.fromRoleArn(stack, 'Reader', 'arn:aws:iam::999900001111:role/ci');

  expect(() => refresher.grantRead(reader)).toThrow(ConfigurationError);
  expect(() => refresher.grantRead(reader)).toThrow('account 999900001111: the stack is in 111122223333');
  expect(() => refresher.grantRefresh(reader)).toThrow('Make a ReaderRole');
  expect(() => refresher.grantRead(new AccountPrincipal('999900001111'))).toThrow('Make a ReaderRole');
  expect(policiesOf(stack, 'ci')).toEqual({});
});

test('an imported role that takes no policy gets none, not even for the own key', () => {
  const stack = new Stack(new App(), 'Own');
  const refresher = addRefresher(stack, { encryptionKey: new Key(stack, 'Key') });
  const arn = 'arn:aws:iam::111122223333:role/ci';

  refresher.grantRead(Role.fromRoleArn(stack, 'Reader', arn, { mutable: false }));

  expect(policiesOf(stack, 'ci')).toEqual({});
});

/** The policies of a role that is known by its name. */
function policiesOf(stack: Stack, roleName: string): object {
  return Template.fromStack(stack).findResources('AWS::IAM::Policy', { Properties: { Roles: [roleName] } });
}

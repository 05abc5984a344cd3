import { CfnParameter, Duration, Lazy } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { ConfigurationError } from '../../../infra/construct/configuration-error.ts';
import { createTokenOutputs } from '../../../infra/construct/token-outputs.ts';
import { TokenRefresher, type TokenRefresherProps } from '../../../infra/construct/token-refresher.ts';
import { addRefresher, ENV, newStack } from './own-refresher.ts';

const KEY_ARN = 'arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-4333-8444-555555555555';
const SECRET_ARN = 'arn:aws:secretsmanager:eu-central-1:999900001111:secret:client-AbCdEf';
const OAUTH2 = { provider: 'oauth2', tokenUrl: 'https://id.example.com' };

const stack = newStack(ENV);
const key = Key.fromKeyArn(stack, 'Key', KEY_ARN);
const secret = Secret.fromSecretCompleteArn(stack, 'Other', SECRET_ARN);
const text = new CfnParameter(stack, 'Text').valueAsString;
const number = new CfnParameter(stack, 'Number', { type: 'Number' }).valueAsNumber;
const list = new CfnParameter(stack, 'List', { type: 'CommaDelimitedList' }).valueAsList;
const flag = Lazy.any({ produce: () => true });
let made = 0;
const make = (props: object) => {
  made += 1;
  return new TokenRefresher(stack, `Refresher${made}`, {
    tokenName: 'deploy',
    provider: { provider: 'genesys-cloud', region: text },
    secret: Secret.fromSecretNameV2(stack, `Secret${made}`, 'client'),
    ...props,
  } as TokenRefresherProps);
};

test('a resource is taken where the stack’s own region is not known yet', () => {
  const anywhere = newStack();

  addRefresher(anywhere, { encryptionKey: Key.fromKeyArn(anywhere, 'Other', KEY_ARN) });
});

// The limits are those of the configuration: wrong-values.ts. A value that only the deployment knows is beside each of them.
const LATER = 'is a value that only the deployment knows';
test.each<[string, object, string]>([
  ['another region', { encryptionKey: key }, 'encryptionKey: lies in region eu-west-1 .*eu-central-1'],
  ['another account', { secret }, 'secret: lies in account 999900001111 .*replicate the secret'],
  ['a wrong name', { tokenName: 'a b' }, 'tokenName: "a b" is not a name of 1 to 40 letters'],
  ['a long name', { parameterPrefix: '/a-long-prefix', tokenName: 'x'.repeat(40) }, "Lambda's limit is 64"],
  ['a wrong provider', { provider: { provider: 'genesys' } }, 'provider.provider: "genesys" is not one of'],
  ['an unknown setting', { provider: { ...OAUTH2, scopes: 'a' } }, 'provider.scopes: is not a setting; did'],
  [
    'two settings',
    { provider: { ...OAUTH2, issuer: 'https://id.test' } },
    'provider.tokenUrl: is set beside',
  ],
  [
    'long settings',
    { provider: { ...OAUTH2, scope: 'x'.repeat(2_000), audience: 'x'.repeat(2_000) } },
    "the settings need about 4\\d{3} bytes of environment variables; Lambda's limit is 4096",
  ],
  ['a short time', { refreshInterval: Duration.seconds(59) }, ': 59 seconds is not .* 60 to 86,400'],
  ['half a second', { refreshInterval: Duration.millis(90_500) }, 'refreshInterval: 90.5 seconds is not'],
  ['a number', { longestJob: 45 }, 'is not a Duration; write it as Duration.minutes\\(45\\)'],
  ['a long time', { expectedLifetime: Duration.days(3) }, 'expectedLifetime: 259200 seconds is not'],
  ['no margin', { expectedLifetime: Duration.minutes(5) }, 'expectedLifetime: 5 minutes leave no margin'],
  ['a setting', { readers: [] }, 'readers: .* here it is grants: refresher.grants.read\\(role\\) and'],
  ['a provider’s', { region: 'eu-central-1' }, 'region: is a setting of the provider; here it belongs into'],
  ['a misspelt prop', { longestjob: 1 }, 'longestjob: is not a setting; did you mean "longestJob"?'],
  ['a secret', { clientSecret: 'canary' }, 'clientSecret: is not a setting; a client secret belongs in'],
  ['5', { reservedConcurrency: 5 }, 'reservedConcurrency: 5 is not 0 or 1'],
  ['FIPS', { fipsEndpoints: true }, 'fipsEndpoints: eu-central-1 has none'],
  ['a lone group', { securityGroups: [{}] }, 'securityGroups: is set without vpc'],
  ['no group', { vpc: {}, securityGroups: [] }, 'securityGroups: 0 security groups are not 1 to 5'],
  [
    'no construct',
    { secret: 'canary' },
    'secret: is not a construct; import the resource by its name or ARN',
  ],
  [
    'a rotation',
    { provider: OAUTH2, rotation: { adminSecret: key } },
    'rotation: is for .* genesys-cloud only',
  ],
  ['no admin', { rotation: { adminSecret: 'canary' } }, 'rotation.adminSecret: is not a construct'],
  [
    '1.5 days',
    { rotation: { every: Duration.hours(36) } },
    'rotation.every: 1.5 days is not .* from 1 to 365',
  ],
  ['two', { tokenName: 7, retainParameters: 1 }, '\n  - tokenName: 7 is not .*\n  - retainParameters: 1 is'],
  [
    'a later URL',
    { provider: { ...OAUTH2, tokenUrl: text, scope: 'a  b' } },
    'provider.scope: "a  b" is not',
  ],
  ['a later tag', { tags: { team: text, 'a*': 'x' } }, 'tags.a\\*: is not a tag'],
  ['a later time', { refreshInterval: Duration.minutes(number) }, `refreshInterval: ${LATER}`],
  ['a later name', { tokenName: text }, `tokenName: ${LATER}`],
  ['a later prefix', { parameterPrefix: `/ci/${text}` }, `parameterPrefix: ${LATER}`],
  ['a later provider', { provider: { provider: text } }, `provider.provider: ${LATER}`],
  ['later settings', { provider: flag }, `provider: ${LATER}`],
  ['a later flag', { retainParameters: flag }, `retainParameters: ${LATER}`],
  ['a later secret', { secret: text }, 'secret: is not a construct'],
])('refuses what code passes to it: %s', (_, props, message) => {
  const refused = () => make(props);

  expect(refused).toThrow(ConfigurationError);
  expect(refused).toThrow(new RegExp(`^TokenRefresher "Own/.* has (.|\n)*${message}`));
  expect(refused).not.toThrow('canary');
});

test.each([undefined, 'genesys', {}])('outputs of %j, which is no refresher, are refused', (refresher) => {
  expect(() => createTokenOutputs(stack, 'Outputs', refresher as never)).toThrow(/third argument is not a T/);
});

test.each([undefined, {}])('no props, %j, are three problems', (props) => {
  expect(() => new TokenRefresher(stack, `None${props}`, props as never)).toThrow(
    /has 3 problems:\n {2}- tokenName: is missing.*\n {2}- provider: is missing.*\n {2}- secret: is missing/,
  );
});

test.each([
  [{ provider: { provider: 'genesys-cloud', region: text, allowUnlistedDomain: flag } }],
  [{ provider: { ...OAUTH2, tokenUrl: `https://${text}/token`, resource: list, parameters: { a: text } } }],
  [{ logRetention: number, tags: { team: text } }],
])('takes values that only the deployment knows: %j', (props) => {
  expect(() => make(props)).not.toThrow();
});

test('such values reach the function as JSON, whichever characters they have', () => {
  const value = 'read "all"\\ ';
  const own = newStack();
  addRefresher(own, {
    provider: { ...OAUTH2, scope: Lazy.string({ produce: () => value }) } as never,
    tags: { team: Lazy.string({ produce: () => 'x' }) },
  });

  const [fn] = Object.values(
    Template.fromStack(own).findResources('AWS::Lambda::Function', {
      Properties: { FunctionName: 'token-refresher-ci-deploy' },
    }),
  );

  const { PROVIDER_SETTINGS, PARAMETER_TAGS } = fn?.Properties.Environment.Variables ?? {};
  expect([PROVIDER_SETTINGS, PARAMETER_TAGS].map((one) => JSON.parse(one))).toEqual([
    { ...OAUTH2, scope: value },
    { team: 'x' },
  ]);
});

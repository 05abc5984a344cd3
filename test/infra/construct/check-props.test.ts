import { App, CfnParameter, Duration, Lazy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { ConfigurationError } from '../../../infra/construct/configuration-error.ts';
import { TokenRefresher, type TokenRefresherProps } from '../../../infra/construct/token-refresher.ts';
import { addRefresher } from './own-refresher.ts';

const ENV = { account: '111122223333', region: 'eu-central-1' };
const stackOf = (env?: typeof ENV) => new Stack(new App(), 'Own', env === undefined ? {} : { env });

describe('resources that must be in the stack’s account and region', () => {
  const elsewhere = 'eu-west-1:111122223333';
  const keyArn = `arn:aws:kms:${elsewhere}:key/11111111-2222-4333-8444-555555555555`;
  const secretArn = `arn:aws:secretsmanager:${elsewhere}:secret:client-AbCdEf`;
  const key = (stack: Stack) => Key.fromKeyArn(stack, 'Other', keyArn);
  const things: [string, (stack: Stack) => unknown][] = [
    ['secret', (stack) => Secret.fromSecretCompleteArn(stack, 'Other', secretArn)],
    ['encryptionKey', key],
    ['logEncryptionKey', key],
    ['alarmTopic', (stack) => Topic.fromTopicArn(stack, 'Other', `arn:aws:sns:${elsewhere}:x`)],
  ];

  test.each(things)('%s of another region is refused', (name, thing) => {
    const stack = stackOf(ENV);

    expect(() => addRefresher(stack, { [name]: thing(stack) })).toThrow(
      new RegExp(` ${name}: lies in region eu-west-1 \\(the stack is in eu-central-1\\); `),
    );
  });

  test('one is taken where the stack’s own region is not known yet', () => {
    const stack = stackOf();

    expect(() => addRefresher(stack, { encryptionKey: key(stack) })).not.toThrow();
  });

  test('a secret of another stack in another account is refused', () => {
    const other = new Stack(new App(), 'Other', { env: { ...ENV, account: '999900001111' } });
    const secret = Secret.fromSecretNameV2(other, 'Secret', 'client');

    expect(() => addRefresher(stackOf(ENV), { secret })).toThrow('secret: lies in account 999900001111');
  });
});

const OAUTH2 = { provider: 'oauth2', tokenUrl: 'https://id.example.com' };
const HOUR = { expectedLifetime: Duration.hours(1) };

// The limits are those of the configuration: wrong-values.ts.
test.each([
  [{ tokenName: 'a b' }, 'tokenName: "a b" is not a name of 1 to 40 letters'],
  [{ parameterPrefix: '/aws/ci' }, 'parameterPrefix: "/aws/ci" is not a path like "/ci"'],
  [{ parameterPrefix: '/a-long-prefix', tokenName: 'x'.repeat(40) }, "Lambda's limit is 64"],
  [{ provider: { provider: 'genesys' } }, 'provider.provider: "genesys" is not one of .*genesys-cloud'],
  [{ provider: 'genesys-cloud' }, 'provider: "genesys-cloud" is not an object like'],
  [{ provider: { ...OAUTH2, issuer: 'https://id.test' } }, 'provider.tokenUrl: is set beside issuer'],
  [{ provider: { ...OAUTH2, scopes: 'a' } }, 'provider.scopes: is not a setting; did you mean "scope"?'],
  [
    { provider: { ...OAUTH2, scope: 'x'.repeat(2_000), audience: 'x'.repeat(2_000) } },
    "the settings need about 4\\d{3} bytes of environment variables; Lambda's limit is 4096",
  ],
  [{ refreshInterval: Duration.seconds(59) }, ': 59 seconds is not a whole number .* 60 to 86,400'],
  [{ refreshInterval: Duration.millis(90_500) }, 'refreshInterval: 90.5 seconds is not'],
  [{ longestJob: 45 }, 'longestJob: 45 is not a Duration; write it as Duration.minutes\\(45\\)'],
  [
    { refreshInterval: '50m' },
    'refreshInterval: "50m" is not a Duration; write it as Duration.minutes\\(1\\)',
  ],
  [
    { alarmEmail: 'a@example.com' },
    'alarmEmail: is a setting of tokens.json; here it is alarmTopic: a Topic with',
  ],
  [{ name: 'x' }, 'name: is a setting of tokens.json; here it is tokenName'],
  [{ readers: [] }, 'readers: .* here it is grants: refresher.grants.read\\(role\\) and'],
  [{ region: 'eu-central-1' }, 'region: is a setting of the provider; here it belongs into provider'],
  [{ longestjob: HOUR }, 'longestjob: is not a setting; did you mean "longestJob"?'],
  [{ clientSecret: 'canary' }, 'clientSecret: is not a setting; a client secret belongs in Secrets Manager'],
  [{ expectedLifetime: Duration.days(3) }, 'expectedLifetime: 259200 seconds is not'],
  [{ expectedLifetime: Duration.minutes(5) }, 'expectedLifetime: 5 minutes leave no margin'],
  [{ assumedLifetime: Duration.minutes(1) }, 'assumedLifetime: 60 seconds is not'],
  [{ longestJob: Duration.seconds(59) }, 'longestJob: 59 seconds is not'],
  [{ ...HOUR, longestJob: Duration.minutes(55) }, 'longestJob: 55 minutes are more than the 54 minutes'],
  [{ reservedConcurrency: 5 }, 'reservedConcurrency: 5 is not 0 or 1'],
  [{ logRetention: 2 }, 'logRetention: 2 is not a number of days'],
  [{ adoptParameters: 'yes' }, 'adoptParameters: "yes" is not true or false'],
  [{ fipsEndpoints: true }, 'fipsEndpoints: eu-central-1 has none'],
  [{ securityGroups: [{}] }, 'securityGroups: is set without vpc'],
  [{ vpc: {}, securityGroups: [] }, 'securityGroups: 0 security groups are not 1 to 5'],
  [{ secret: 'canary' }, 'secret: is not a construct; import the resource by its name or ARN'],
  [
    { provider: OAUTH2, rotation: { adminSecret: { env: {} } } },
    'rotation: is for the provider genesys-cloud only',
  ],
  [{ rotation: { adminSecret: 'canary' } }, 'rotation.adminSecret: is not a construct'],
  [
    { rotation: { every: Duration.hours(36) } },
    'rotation.every: 1.5 days is not a whole number of days from 1 to 365',
  ],
  [{ tokenName: 7, retainParameters: 1 }, '\n  - tokenName: 7 is not .*\n  - retainParameters: 1 is'],
])('checks what code passes to it: %j', (props, message) => {
  const make = () => addRefresher(stackOf(ENV), props as unknown as Partial<TokenRefresherProps>);

  expect(make).toThrow(ConfigurationError);
  expect(make).toThrow(new RegExp(`^TokenRefresher "Own/.* has (.|\n)*${message}`));
  expect(make).not.toThrow('canary');
});

test.each([undefined, null, {}, 'props'])('no props, %j, are three problems', (props) => {
  expect(() => new TokenRefresher(stackOf(), 'Refresher', props as never)).toThrow(
    /has 3 problems:\n {2}- tokenName: is missing.*\n {2}- provider: is missing.*\n {2}- secret: is missing/,
  );
});

describe('values that only the deployment knows', () => {
  const stack = stackOf(ENV);
  const text = new CfnParameter(stack, 'Text').valueAsString;
  const number = new CfnParameter(stack, 'Number', { type: 'Number' }).valueAsNumber;
  const list = new CfnParameter(stack, 'List', { type: 'CommaDelimitedList' }).valueAsList;
  const flag = Lazy.any({ produce: () => true });
  const make = (props: object, id = JSON.stringify(props).slice(0, 80)) =>
    new TokenRefresher(stack, id.replace(/\W/g, ''), {
      tokenName: 'deploy',
      provider: { provider: 'genesys-cloud', region: text },
      secret: Secret.fromSecretNameV2(stack, `Secret${id.replace(/\W/g, '')}`, 'client'),
      ...props,
    } as TokenRefresherProps);

  test.each([
    [{ provider: { provider: 'genesys-cloud', region: text, allowUnlistedDomain: flag } }],
    [{ provider: { ...OAUTH2, tokenUrl: `https://${text}/token`, scope: text, resource: list } }],
    [
      {
        provider: { ...OAUTH2, clientAuthentication: text, assertionAudience: 'a', parameters: { a: text } },
      },
    ],
    [{ logRetention: number, tags: { team: text } }],
  ])('are taken: %j', (props) => {
    expect(() => make(props)).not.toThrow();
  });

  // The provider's region, which only the deployment knows, is beside each of them.
  test.each<readonly [object, string]>([
    [
      { provider: { provider: 'genesys-cloud', region: text, regoin: 'x' } },
      'provider.regoin: is not a setting',
    ],
    [{ provider: { ...OAUTH2, tokenUrl: text, scope: 'a  b' } }, 'provider.scope: "a  b" is not'],
    [
      { provider: { ...OAUTH2, tokenUrl: text, issuer: 'https://id.test' } },
      'tokenUrl: is set beside issuer',
    ],
    [{ tags: { team: text, 'a*': 'x' } }, 'tags.a*: is not a tag'],
    [{ longestJob: Duration.days(2) }, 'longestJob: 2880 minutes are more than'],
    ...['refreshInterval', 'expectedLifetime', 'assumedLifetime', 'longestJob'].flatMap((key) => [
      [{ [key]: Duration.minutes(number) }, `${key}: is a value that only the deployment knows`] as const,
      [{ [key]: Duration.millis(number) }, `${key}: is a value that only the deployment knows`] as const,
    ]),
    [{ tokenName: text }, 'tokenName: is a value that only the deployment knows'],
    [{ parameterPrefix: `/ci/${text}` }, 'parameterPrefix: is a value that only'],
    [{ provider: { provider: text } }, 'provider.provider: is a value that only'],
    [{ provider: flag }, 'provider: is a value that only'],
    [{ reservedConcurrency: number }, 'reservedConcurrency: is a value that only'],
    [{ retainParameters: flag }, 'retainParameters: is a value that only'],
    [{ secret: text }, 'secret: is not a construct'],
  ])('leave the other checks as they are: %j is refused', (props, message) => {
    expect(() => make(props, `Refused${Math.random()}`)).toThrow(message);
  });

  test('reach the function as JSON, whichever characters they have', () => {
    const value = 'read "all"\\ ';
    const own = stackOf();
    const scope = Lazy.string({ produce: () => value });
    addRefresher(own, {
      provider: { ...OAUTH2, scope } as never,
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
});

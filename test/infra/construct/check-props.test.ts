import { App, Duration, Stack } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { ConfigurationError } from '../../../infra/construct/configuration-error.ts';
import type { TokenRefresherProps } from '../../../infra/construct/token-refresher.ts';
import { addRefresher, templateOf } from './own-refresher.ts';

describe('resources that must be in the stack’s account and region', () => {
  const env = { account: '111122223333', region: 'eu-central-1' };
  const elsewhere = 'eu-west-1:111122223333';
  const make = (settings: (stack: Stack) => Partial<TokenRefresherProps>, stackEnv?: typeof env) => {
    const stack = new Stack(new App(), 'Test', stackEnv === undefined ? {} : { env: stackEnv });
    return addRefresher(stack, settings(stack));
  };
  const KEY = 'key/11111111-2222-4333-8444-555555555555';
  const things: [string, (stack: Stack) => Partial<TokenRefresherProps>][] = [
    [
      'secret',
      (stack) => ({
        secret: Secret.fromSecretCompleteArn(
          stack,
          'Other',
          `arn:aws:secretsmanager:${elsewhere}:secret:client-AbCdEf`,
        ),
      }),
    ],
    [
      'encryptionKey',
      (stack) => ({ encryptionKey: Key.fromKeyArn(stack, 'Other', `arn:aws:kms:${elsewhere}:${KEY}`) }),
    ],
    [
      'logEncryptionKey',
      (stack) => ({ logEncryptionKey: Key.fromKeyArn(stack, 'Other', `arn:aws:kms:${elsewhere}:${KEY}`) }),
    ],
    [
      'alarmTopic',
      (stack) => ({ alarmTopic: Topic.fromTopicArn(stack, 'Other', `arn:aws:sns:${elsewhere}:x`) }),
    ],
  ];

  test.each(things)('%s of another region is refused', (name, settings) => {
    expect(() => make(settings, env)).toThrow(
      new RegExp(`: ${name} lies in region eu-west-1 \\(the stack is in eu-central-1\\); `),
    );
  });

  test.each(things)('%s is taken where the stack’s own region is not known yet', (_, settings) => {
    expect(() => make(settings)).not.toThrow();
  });

  test('a secret of another stack in another account is refused', () => {
    const other = new Stack(new App(), 'Other', { env: { ...env, account: '999900001111' } });
    const secret = Secret.fromSecretNameV2(other, 'Secret', 'client');

    expect(() => make(() => ({ secret }), env)).toThrow('secret lies in account 999900001111');
  });
});

test.each<[TokenRefresherProps['provider'], string]>([
  [
    { provider: 'genesys-cloud', region: 'login.mypurecloud.de' },
    'provider.region: "login.mypurecloud.de" is not a known domain of Genesys Cloud',
  ],
  [
    { provider: 'oauth2', tokenUrl: 'http://id.example.com' },
    'provider.tokenUrl: "http://id.example.com" is not',
  ],
  [
    {
      provider: 'oauth2',
      tokenUrl: 'https://id.example.com',
      scopes: 'a',
    } as TokenRefresherProps['provider'],
    'provider.scopes: is not a setting; did you mean "scope"?',
  ],
])('checks the provider’s settings that code gives it: %j', (provider, problem) => {
  expect(() => templateOf({ provider })).toThrow(problem);
});

test.each([
  [
    Duration.minutes(55),
    'longestJob: 55 minutes are more than the 54 minutes that are possible with tokens of 60 minutes',
  ],
  [Duration.millis(0), 'longestJob: 0 s is less than a minute'],
  [Duration.seconds(59), 'longestJob: 59 s is less than a minute'],
])('refuses a longest job of %s', (longestJob, message) => {
  expect(() => templateOf({ expectedLifetime: Duration.hours(1), longestJob })).toThrow(message);
});

test.each([
  [{ tokenName: 'a b' }, 'tokenName "a b" is not a name of 1 to 40 letters'],
  [{ parameterPrefix: 'ci' }, 'parameterPrefix "ci" is not a path like "/ci"'],
  [{ parameterPrefix: '/aws/ci' }, 'not below /aws or /ssm'],
  [{ parameterPrefix: '/a-long-prefix', tokenName: 'x'.repeat(40) }, "Lambda's limit is 64"],
  [
    { refreshInterval: Duration.seconds(30) },
    'refreshInterval of 30 seconds is not a whole number of seconds from 60',
  ],
  [{ expectedLifetime: Duration.days(3) }, 'expectedLifetime of 259200 seconds is not'],
  [
    {
      provider: {
        provider: 'oauth2' as const,
        tokenUrl: 'https://id.example.com',
        scope: 'x'.repeat(2_000),
        audience: 'x'.repeat(2_000),
      },
    },
    "Lambda's limit is 4096",
  ],
  [
    { refreshInterval: Duration.hours(25) },
    'refreshInterval of 90000 seconds is not a whole number of seconds from 60 to 86,400',
  ],
  [{ refreshInterval: Duration.millis(90_500) }, 'refreshInterval of 90.5 seconds is not a whole number'],
  [{ expectedLifetime: Duration.minutes(4) }, 'expectedLifetime of 240 seconds is not a whole number'],
  [{ expectedLifetime: Duration.minutes(5) }, 'expectedLifetime: 5 minutes leave no margin'],
  [{ assumedLifetime: Duration.minutes(1) }, 'assumedLifetime of 60 seconds is not a whole number'],
  [{ longestJob: Duration.millis(90_500) }, 'longestJob of 90.5 seconds is not a whole number'],
  [{ memorySize: 64 }, 'memorySize 64 is not a whole number of MiB from 128 to 10,240'],
  [{ functionName: 'a b' }, 'functionName "a b" is not a name of 1 to 64'],
  [{ fipsEndpoints: true }, 'fipsEndpoints: eu-central-1 has none'],
  [{ securityGroups: [] }, 'securityGroups is set without vpc'],
  [{ securityGroups: [] }, '0 security groups are not 1 to 5'],
  [{ tokenName: 'a b', memorySize: 64 }, /tokenName "a b" is not .*; memorySize 64 is not/],
  // A JavaScript app has no types.
  [{ tokenName: 7 }, 'tokenName 7 is not a name'],
  [{ parameterPrefix: 7 }, 'parameterPrefix 7 is not a path'],
  [{ provider: { provider: 'genesys' } }, 'provider.provider: "genesys" is not one of genesys-cloud'],
  [{ provider: 'genesys-cloud' }, 'provider "genesys-cloud" is not an object'],
  [
    { provider: { provider: 'oauth2', tokenUrl: 'https://id.example.com', parameters: null } },
    'provider.parameters: null is not an object of texts',
  ],
  [{ refreshInterval: 50 }, 'refreshInterval of 50 is not a whole number of seconds'],
  [{ reservedConcurrency: 5 }, 'reservedConcurrency 5 is not 0 or 1'],
  [{ logRetention: 2 }, 'logRetention 2 is not one of RetentionDays'],
  [{ adoptParameters: 'yes' }, 'adoptParameters "yes" is not true or false'],
  [{ secret: null }, 'secret is missing'],
  [{ secret: 'ci/client' }, 'secret is not a construct; import the resource by its name or ARN'],
])('checks what code passes to it: %j', (props, message) => {
  const make = () => {
    const env = { account: '111122223333', region: 'eu-central-1' };
    addRefresher(new Stack(new App(), 'Own', { env }), props as Partial<TokenRefresherProps>);
  };

  expect(make).toThrow(ConfigurationError);
  expect(make).toThrow(message);
});

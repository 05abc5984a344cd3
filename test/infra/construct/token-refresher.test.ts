import { App, Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { AccountPrincipal, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { ConfigurationError } from '../../../infra/configuration/configuration-error.ts';
import { TokenRefresher, type TokenRefresherProps } from '../../../infra/construct/token-refresher.ts';
import type { Template as TemplateJson } from '../../../local/cloud-assembly.ts';

const TOKEN_ARN = arnOf('/ci/deploy/access-token');
const STATUS_ARN = arnOf('/ci/deploy/token-status');

test('runs the function on Node.js 24 and arm64, one at a time, with no stale retries', () => {
  const template = templateOf();
  template.hasResourceProperties('AWS::Lambda::Function', {
    Handler: 'handler.handler',
    Runtime: 'nodejs24.x',
    Architectures: ['arm64'],
    MemorySize: 256,
    Timeout: 30,
    ReservedConcurrentExecutions: 1,
    LoggingConfig: { LogGroup: Match.anyValue() },
    Environment: {
      Variables: {
        TOKEN_NAME: 'deploy',
        PROVIDER_SETTINGS: '{"provider":"genesys-cloud","region":"eu-central-1"}',
        SECRET_ARN: Match.anyValue(),
        TOKEN_PARAMETER: '/ci/deploy/access-token',
        STATUS_PARAMETER: '/ci/deploy/token-status',
        REFRESH_INTERVAL_SECONDS: '3000',
        ASSUMED_LIFETIME_SECONDS: '900',
        LONGEST_JOB_SECONDS: Match.absent(),
        ENCRYPTION_KEY_ARN: Match.absent(),
      },
    },
  });
  template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
    MaximumRetryAttempts: 0,
    MaximumEventAgeInSeconds: 60,
  });
  template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
});

describe('resources that must be in the stack’s account and region', () => {
  const env = { account: '111122223333', region: 'eu-central-1' };
  const elsewhere = 'eu-west-1:111122223333';
  const make = (settings: (stack: Stack) => Partial<TokenRefresherProps>, stackEnv?: typeof env) => {
    const stack = new Stack(new App(), 'Test', stackEnv === undefined ? {} : { env: stackEnv });
    return new TokenRefresher(stack, 'Refresher', {
      tokenName: 'deploy',
      provider: { provider: 'genesys-cloud', region: 'eu-central-1' },
      secret: Secret.fromSecretNameV2(stack, 'Secret', 'client'),
      code: Code.fromInline('-'),
      ...settings(stack),
    });
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

test('reserves no concurrency where the account cannot', () => {
  templateOf({ reservedConcurrency: 0 }).hasResourceProperties('AWS::Lambda::Function', {
    Handler: 'handler.handler',
    ReservedConcurrentExecutions: Match.absent(),
  });
});

test('invokes the function every minute, and drops late invocations', () => {
  templateOf().hasResourceProperties('AWS::Scheduler::Schedule', {
    ScheduleExpression: 'rate(1 minute)',
    State: 'ENABLED',
    FlexibleTimeWindow: { Mode: 'OFF' },
    Target: { Input: '{}', RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0 } },
  });
});

test('allows the schedule to invoke this function, for this account', () => {
  templateOf().hasResourceProperties('AWS::IAM::Role', {
    AssumeRolePolicyDocument: {
      Statement: [
        {
          Action: 'sts:AssumeRole',
          Effect: 'Allow',
          Principal: { Service: 'scheduler.amazonaws.com' },
          Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
        },
      ],
    },
    Policies: [
      {
        PolicyDocument: {
          Statement: [{ Action: 'lambda:InvokeFunction', Effect: 'Allow', Resource: functionArn() }],
        },
      },
    ],
  });
});

test('lets the function read one secret and two parameters, write these, and log: nothing else', () => {
  expect(statementsOf(templateOf())).toEqual([
    { Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: { Ref: 'SecretA720EF05' } },
    {
      Effect: 'Allow',
      Action: ['ssm:GetParameters', 'ssm:PutParameter'],
      Resource: [TOKEN_ARN, STATUS_ARN],
    },
    { Effect: 'Allow', Action: 'ssm:GetParameter', Resource: TOKEN_ARN },
    {
      Effect: 'Allow',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: { 'Fn::GetAtt': [expect.stringMatching(/^RefresherLogs/), 'Arn'] },
    },
  ]);
});

test('lets the function use an own key for its parameter only', () => {
  const template = templateOf({}, { encryptionKey: true });
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: { Variables: Match.objectLike({ ENCRYPTION_KEY_ARN: { 'Fn::GetAtt': Match.anyValue() } }) },
  });
  const statements = Object.values(template.findResources('AWS::IAM::Policy')).flatMap(
    ({ Properties }) => Properties.PolicyDocument.Statement,
  );
  expect(statements).toContainEqual({
    Effect: 'Allow',
    Action: ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey'],
    Resource: { 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] },
    Condition: {
      StringEquals: {
        'kms:ViaService': { 'Fn::Join': ['', ['ssm.', { Ref: 'AWS::Region' }, '.amazonaws.com']] },
        'kms:EncryptionContext:PARAMETER_ARN': TOKEN_ARN,
      },
    },
  });
});

test('lets the function decrypt a secret that has a key of its own, and nothing else with that key', () => {
  expect(statementsOf(templateOf({}, { secretKey: true }))).toContainEqual({
    Effect: 'Allow',
    Action: 'kms:Decrypt',
    Resource: { 'Fn::GetAtt': [expect.stringMatching(/^SecretKey/), 'Arn'] },
    Condition: {
      StringEquals: {
        'kms:ViaService': { 'Fn::Join': ['', ['secretsmanager.', { Ref: 'AWS::Region' }, '.amazonaws.com']] },
      },
      StringLike: { 'kms:EncryptionContext:SecretARN': { Ref: 'OwnSecret65E8B2EF' } },
    },
  });
});

test('mints while the stack is deployed, and again when the configuration changes', () => {
  const mint = firstMintOf();

  expect(mint).toMatchObject({
    StatusParameter: '/ci/deploy/token-status',
    EncryptionKey: '',
    ServiceTimeout: '300',
  });
  expect(firstMintOf()).toEqual(mint);
  expect(firstMintOf({ code: Code.fromInline('changed') })).toEqual(mint);
  expect(firstMintOf({ refreshInterval: Duration.minutes(20) })).not.toEqual(mint);
});

test('claims both parameters before it may write them, and deletes them with the stack', () => {
  const template = templateOf();

  const [cleanUp] = Object.values(template.findResources('Custom::TokenParameters'));

  expect(cleanUp).toMatchObject({
    DeletionPolicy: 'Delete',
    Properties: {
      TokenParameter: '/ci/deploy/access-token',
      StatusParameter: '/ci/deploy/token-status',
      Adopt: 'false',
    },
  });
  template.hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: [
        {
          Action: ['ssm:DeleteParameters', 'ssm:GetParameters'],
          Effect: 'Allow',
          Resource: [TOKEN_ARN, STATUS_ARN],
        },
      ],
    },
  });
});

test('adopts existing parameters only if configured', () => {
  templateOf({ adoptParameters: true }).hasResourceProperties('Custom::TokenParameters', { Adopt: 'true' });
});

test('claims the token’s name by a named resource that everything else of the token waits for', () => {
  const template = templateOf().toJSON() as TemplateJson;

  const [claim = ''] = idsOf(template, 'AWS::SSM::Parameter');

  expect(template.Resources[claim]?.Properties).toMatchObject({
    Name: '/token-refresher/ci/deploy',
    Value: { Ref: 'AWS::StackId' },
  });
  const late = [
    'Custom::TokenParameters',
    'Custom::FirstMint',
    'AWS::Scheduler::Schedule',
    'AWS::Events::Rule',
  ];
  const writers = [
    ...late.flatMap((type) => idsOf(template, type)),
    ...['AWS::IAM::Role', 'AWS::Lambda::Function'].flatMap((type) =>
      idsOf(template, type).filter((id) => id.startsWith('Refresher')),
    ),
  ];
  expect(writers).toHaveLength(7);
  for (const writer of writers) {
    expect([writer, dependenciesOf(template, writer)]).toEqual([writer, expect.arrayContaining([claim])]);
  }
});

test('keeps the parameters if configured', () => {
  templateOf({ retainParameters: true }).hasResource('Custom::TokenParameters', { DeletionPolicy: 'Retain' });
});

test('new names get a new clean-up resource, so that the old parameters are deleted', () => {
  const idOf = (parameterPrefix: string) =>
    Object.keys(templateOf({ parameterPrefix }).findResources('Custom::TokenParameters'))[0];
  expect(idOf('/ci')).toBe(idOf('/ci'));
  expect(idOf('/team')).not.toBe(idOf('/ci'));
});

test('deletes the parameters last, after everything that could write them again', () => {
  const template = templateOf().toJSON() as TemplateJson;
  const cleanUp = idsOf(template, 'Custom::TokenParameters');
  const role = idsOf(template, 'AWS::IAM::Role').filter((id) => id.startsWith('RefresherRole'));
  const late = ['AWS::Scheduler::Schedule', 'AWS::Events::Rule', 'AWS::Lambda::EventInvokeConfig'];
  const writers = [...late, 'Custom::FirstMint'].flatMap((type) => idsOf(template, type)).concat(role);
  expect(writers).toHaveLength(5);
  for (const writer of writers) {
    expect(dependenciesOf(template, writer)).toEqual(expect.arrayContaining(cleanUp));
  }
});

test('creates the schedule after the first mint, and the alarm after the schedule', () => {
  const template = templateOf().toJSON() as TemplateJson;
  const [schedule = ''] = idsOf(template, 'AWS::Scheduler::Schedule');
  expect(dependenciesOf(template, schedule)).toEqual(
    expect.arrayContaining(idsOf(template, 'Custom::FirstMint')),
  );
  const [dying = ''] = idsOf(template, 'AWS::CloudWatch::Alarm').filter((id) => id.includes('Dying'));
  expect(dependenciesOf(template, dying)).toContain(schedule);
});

test('is invoked when its secret has a new value', () => {
  templateOf().hasResourceProperties('AWS::Events::Rule', {
    EventPattern: {
      source: ['aws.secretsmanager'],
      'detail-type': ['Secret Label Updated'],
      resources: [{ Ref: 'SecretA720EF05' }],
      detail: { labelUpdated: ['AWSCURRENT'] },
    },
    Targets: [
      Match.objectLike({
        Arn: functionArn(),
        RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0 },
      }),
    ],
  });
});

test('is invoked for a secret that is referred to by name only', () => {
  templateOf({}, { secretName: 'ci/client' }).hasResourceProperties('AWS::Events::Rule', {
    EventPattern: {
      resources: Match.absent(),
      detail: { labelUpdated: ['AWSCURRENT'], name: ['ci/client'] },
    },
  });
});

const REMAINING_LIFE = {
  Namespace: 'TokenRefresher',
  MetricName: 'RemainingSeconds',
  Dimensions: [{ Name: 'TokenParameter', Value: '/ci/deploy/access-token' }],
};

test('raises an alarm before the token expires, and when the invocations stop', () => {
  // A token of an hour, replaced after 50 minutes: 9 minutes of tolerance.
  const template = templateOf({ expectedLifetime: Duration.hours(1) });

  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    Metrics: Match.arrayWith([
      Match.objectLike({ Expression: 'FILL(remaining, 0)' }),
      Match.objectLike({
        Id: 'remaining',
        MetricStat: { Metric: REMAINING_LIFE, Period: 60, Stat: 'Minimum' },
        ReturnData: false,
      }),
    ]),
    EvaluationPeriods: 5,
    Threshold: 480,
    ComparisonOperator: 'LessThanThreshold',
    TreatMissingData: 'breaching',
  });
});

test('leaves missing minutes to CloudWatch where one minute alone must raise the alarm', () => {
  const template = templateOf({
    expectedLifetime: Duration.minutes(10),
    refreshInterval: Duration.minutes(4),
  });

  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    ...REMAINING_LIFE,
    Statistic: 'Minimum',
    Period: 60,
    EvaluationPeriods: 1,
    Threshold: 240,
    TreatMissingData: 'breaching',
  });
});

test('raises an alarm when refreshes keep failing', () => {
  templateOf().hasResourceProperties('AWS::CloudWatch::Alarm', {
    Namespace: 'AWS/Lambda',
    MetricName: 'Errors',
    Statistic: 'Sum',
    Period: 900,
    EvaluationPeriods: 1,
    Threshold: 3,
    TreatMissingData: 'notBreaching',
  });
});

describe('warns if the alarm could come', () => {
  const warningsFor = (props: Partial<TokenRefresherProps>) => {
    const stack = new Stack(new App(), 'Own');
    addRefresher(stack, props);
    return stack.node
      .findAll()
      .flatMap(({ node }) => node.metadata.filter(({ type }) => type === 'aws:cdk:warning'))
      .map(({ data }) => data);
  };

  test('after the token has expired', () => {
    expect(warningsFor({ expectedLifetime: Duration.minutes(21) })).toEqual([]);
    expect(warningsFor({ expectedLifetime: Duration.minutes(20) })).toEqual([
      expect.stringContaining('outlasts an outage of only 2 min 20 s'),
    ]);
  });

  test('after the job guarantee is broken', () => {
    expect(warningsFor({ expectedLifetime: Duration.hours(1), longestJob: Duration.minutes(51) })).toEqual(
      [],
    );
    expect(warningsFor({ expectedLifetime: Duration.hours(1), longestJob: Duration.minutes(52) })).toEqual([
      expect.stringContaining(
        'Jobs of 52 min (longestJob) with the token "deploy" outlast an outage of only 2 min 10 s',
      ),
    ]);
  });
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

test('can be used in another app, with its key, topic and roles', () => {
  const stack = new Stack(new App(), 'Own');
  const topic = new Topic(stack, 'Topic');
  const reader = new Role(stack, 'Reader', { assumedBy: new ServicePrincipal('codebuild.amazonaws.com') });
  const refresher = addRefresher(stack, { alarmTopic: topic, encryptionKey: new Key(stack, 'Key') });
  refresher.grantRead(reader);
  refresher.grantRefresh(reader);

  const template = Template.fromStack(stack);
  const topicRef = [{ Ref: expect.stringMatching(/^Topic/) }];
  for (const alarm of Object.values(template.findResources('AWS::CloudWatch::Alarm'))) {
    expect(alarm.Properties).toMatchObject({ AlarmActions: topicRef, OKActions: topicRef });
  }
  const [policy] = Object.values(template.findResources('AWS::IAM::Policy')).filter(({ Properties }) =>
    Properties.Roles[0].Ref.startsWith('Reader'),
  );
  expect(policy?.Properties.PolicyDocument.Statement).toEqual([
    {
      Effect: 'Allow',
      Action: ['ssm:GetParameter', 'ssm:GetParameters'],
      Resource: [TOKEN_ARN, STATUS_ARN],
    },
    {
      Effect: 'Allow',
      Action: 'lambda:InvokeFunction',
      Resource: { 'Fn::GetAtt': [expect.stringMatching(/^RefresherFunction/), 'Arn'] },
    },
  ]);
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
  expect(policiesOf(stack, 'ci')).toEqual([]);
});

test('an imported role that takes no policy gets none, not even for the own key', () => {
  const stack = new Stack(new App(), 'Own');
  const refresher = addRefresher(stack, { encryptionKey: new Key(stack, 'Key') });
  const arn = 'arn:aws:iam::111122223333:role/ci';

  refresher.grantRead(Role.fromRoleArn(stack, 'Reader', arn, { mutable: false }));

  expect(policiesOf(stack, 'ci')).toEqual([]);
});

test('lets a reader decrypt with an own key through Parameter Store, and its token only', () => {
  const stack = new Stack(new App(), 'Own');
  const reader = new Role(stack, 'Reader', { assumedBy: new ServicePrincipal('codebuild.amazonaws.com') });
  const refresher = addRefresher(stack, { encryptionKey: new Key(stack, 'Key') });

  refresher.grantRead(reader);

  const ofReader = Object.values(Template.fromStack(stack).findResources('AWS::IAM::ManagedPolicy'))
    .concat(Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy')))
    .filter(({ Properties }) => JSON.stringify(Properties.Roles).includes('"Reader'))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
    .filter(({ Action }) => String(Action).startsWith('kms:'));
  expect(ofReader).toEqual([
    {
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource: { 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] },
      Condition: {
        StringEquals: {
          'kms:ViaService': { 'Fn::Join': ['', ['ssm.', { Ref: 'AWS::Region' }, '.amazonaws.com']] },
          'kms:EncryptionContext:PARAMETER_ARN': [TOKEN_ARN],
        },
      },
    },
  ]);
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
])('checks what code passes to it: %j', (props, message) => {
  const make = () => {
    const env = { account: '111122223333', region: 'eu-central-1' };
    addRefresher(new Stack(new App(), 'Own', { env }), props as Partial<TokenRefresherProps>);
  };

  expect(make).toThrow(ConfigurationError);
  expect(make).toThrow(message);
});

test('keeps the logs for ever if code says so', () => {
  const template = templateOf({ logRetention: RetentionDays.INFINITE });

  template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: Match.absent() });
});

function addRefresher(stack: Stack, props: Partial<TokenRefresherProps> = {}): TokenRefresher {
  return new TokenRefresher(stack, 'Refresher', {
    tokenName: 'deploy',
    provider: { provider: 'genesys-cloud', region: 'eu-central-1' },
    // The class and the interface differ in how they type an absent key.
    secret: new Secret(stack, 'Secret') as ISecret,
    code: Code.fromInline('exports.handler = () => {};'),
    ...props,
  });
}

/** The policies of a role that is known by its name. */
function policiesOf(stack: Stack, roleName: string): string[] {
  return Object.keys(
    Template.fromStack(stack).findResources('AWS::IAM::Policy', { Properties: { Roles: [roleName] } }),
  );
}

function templateOf(
  props: Partial<TokenRefresherProps> = {},
  own: { encryptionKey?: boolean; secretKey?: boolean; secretName?: string } = {},
): Template {
  const stack = new Stack(new App(), 'Own');
  const secret = own.secretKey
    ? (new Secret(stack, 'OwnSecret', { encryptionKey: new Key(stack, 'SecretKey') }) as ISecret)
    : own.secretName === undefined
      ? undefined
      : Secret.fromSecretNameV2(stack, 'Imported', own.secretName);
  addRefresher(stack, {
    ...(own.encryptionKey ? { encryptionKey: new Key(stack, 'Key') } : {}),
    ...(secret === undefined ? {} : { secret }),
    ...props,
  });
  return Template.fromStack(stack);
}

function statementsOf(template: Template): unknown {
  const roles = template.findResources('AWS::IAM::Role');
  const role = Object.entries(roles).find(([id]) => id.startsWith('RefresherRole'))?.[1];
  return role?.Properties.Policies[0].PolicyDocument.Statement;
}

/** What the first mint is told. */
function firstMintOf(props: Partial<TokenRefresherProps> = {}): unknown {
  const [mint] = Object.values(templateOf(props).findResources('Custom::FirstMint'));
  return mint?.Properties;
}

function functionArn() {
  return { 'Fn::GetAtt': [Match.stringLikeRegexp('^RefresherFunction'), 'Arn'] };
}

function arnOf(name: string) {
  const parts = ['arn:', { Ref: 'AWS::Partition' }, ':ssm:', { Ref: 'AWS::Region' }, ':'];
  return { 'Fn::Join': ['', [...parts, { Ref: 'AWS::AccountId' }, `:parameter${name}`]] };
}

function idsOf(template: TemplateJson, type: string): string[] {
  return Object.entries(template.Resources).flatMap(([id, { Type }]) => (Type === type ? [id] : []));
}

/** Everything that a resource waits for when it is created, and outlives it when it is deleted. */
function dependenciesOf(template: TemplateJson, id: string, seen = new Set<string>()): string[] {
  const resource = template.Resources[id];
  const text = JSON.stringify(resource);
  const referenced = Object.keys(template.Resources).filter((one) => text.includes(`"${one}"`));
  for (const one of referenced) {
    if (seen.has(one)) continue;
    seen.add(one);
    dependenciesOf(template, one, seen);
  }
  return [...seen];
}

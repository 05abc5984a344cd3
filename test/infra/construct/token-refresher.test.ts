import { App, Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { AccountPrincipal, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { ConfigurationError } from '../../../infra/construct/configuration-error.ts';
import { createTokenOutputs } from '../../../infra/construct/token-outputs.ts';
import type { TokenRefresherProps } from '../../../infra/construct/token-refresher.ts';
import type { Template as TemplateJson } from '../../../local/cloud-assembly.ts';
import { addRefresher, templateOf } from './own-refresher.ts';

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
        PARAMETER_TAGS: Match.absent(),
      },
    },
  });
  template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
    MaximumRetryAttempts: 0,
    MaximumEventAgeInSeconds: 60,
  });
  template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
});

test('reserves no concurrency and keeps the logs for ever if code says so', () => {
  const template = templateOf({ reservedConcurrency: 0, logRetention: RetentionDays.INFINITE });

  template.allResourcesProperties('AWS::Lambda::Function', { ReservedConcurrentExecutions: Match.absent() });
  template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: Match.absent() });
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
  expect(firstMintOf({ refreshInterval: Duration.minutes(20) })).not.toEqual(mint);
});

test.each<[string, Partial<TokenRefresherProps>, string, string]>([
  ['deletes both parameters with the stack', {}, 'Delete', 'false'],
  ['adopts existing parameters only if configured', { adoptParameters: true }, 'Delete', 'true'],
  ['keeps the parameters if configured', { retainParameters: true }, 'Retain', 'false'],
])('%s', (_, props, DeletionPolicy, Adopt) => {
  const template = templateOf(props);

  template.hasResource('Custom::TokenParameters', {
    DeletionPolicy,
    Properties: {
      TokenParameter: '/ci/deploy/access-token',
      StatusParameter: '/ci/deploy/token-status',
      Adopt,
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

test('claims the token’s name by a named resource', () => {
  templateOf().hasResourceProperties('AWS::SSM::Parameter', {
    Name: '/token-refresher/ci/deploy',
    Value: { Ref: 'AWS::StackId' },
  });
});

// CloudFormation deletes in the reverse order.
test.each([
  ['AWS::SSM::Parameter', 'Custom::TokenParameters'],
  ['Custom::TokenParameters', 'AWS::IAM::Role', /^RefresherRole/],
  ['Custom::TokenParameters', 'AWS::Lambda::Function', /^Refresher/],
  ['Custom::TokenParameters', 'AWS::Lambda::EventInvokeConfig'],
  ['Custom::TokenParameters', 'AWS::Events::Rule'],
  ['Custom::TokenParameters', 'Custom::FirstMint'],
  ['AWS::IAM::Policy', 'Custom::FirstMint', /^RefresherFirstMint/, /^RefresherFunctionKey/],
  ['Custom::FirstMint', 'AWS::Scheduler::Schedule'],
  ['AWS::Scheduler::Schedule', 'AWS::CloudWatch::Alarm', /Dying/],
])('%s is created before %s', (earlier, later, laterId = /./, earlierId = /./) => {
  const template = templateOf({}, { encryptionKey: true }).toJSON() as TemplateJson;

  const idsOf = (type: string, id: RegExp) =>
    Object.keys(template.Resources).filter((one) => template.Resources[one]?.Type === type && id.test(one));
  const [first, second] = [idsOf(earlier, earlierId), idsOf(later, laterId)];

  expect([first.length, second.length]).toEqual([1, 1]);
  expect(dependenciesOf(template, second[0] ?? '')).toContain(first[0]);
});

test('new names get a new clean-up resource, so that the old parameters are deleted', () => {
  const idOf = (parameterPrefix: string) =>
    Object.keys(templateOf({ parameterPrefix }).findResources('Custom::TokenParameters'))[0];
  expect(idOf('/ci')).toBe(idOf('/ci'));
  expect(idOf('/team')).not.toBe(idOf('/ci'));
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

/** The policies of a role that is known by its name. */
function policiesOf(stack: Stack, roleName: string): string[] {
  return Object.keys(
    Template.fromStack(stack).findResources('AWS::IAM::Policy', { Properties: { Roles: [roleName] } }),
  );
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

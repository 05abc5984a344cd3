import { App, Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { TokenRefresherProps } from '../../../infra/construct/token-refresher.ts';
import { addRefresher } from './own-refresher.ts';

const SECRET = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:client';

function rotated(props: Partial<TokenRefresherProps> = {}, every?: Duration): Template {
  const stack = new Stack(new App(), 'Own', { env: { account: '111122223333', region: 'eu-central-1' } });
  addRefresher(stack, {
    secret: Secret.fromSecretNameV2(stack, 'Client', 'client'),
    rotation: {
      adminSecret: Secret.fromSecretNameV2(stack, 'Admin', 'admin'),
      ...(every === undefined ? {} : { every }),
    },
    alarmTopic: Topic.fromTopicArn(stack, 'Topic', 'arn:aws:sns:eu-central-1:111122223333:on-call'),
    ...props,
  });
  return Template.fromStack(stack);
}

const only = (template: Template, type: string, properties = {}) => {
  const [found, ...others] = Object.entries(template.findResources(type, properties));
  expect([found?.[0] === undefined, others]).toEqual([false, []]);
  return found as [string, Record<string, never>];
};

test('Secrets Manager rotates the secret by itself, and nothing is rotated by a deployment', () => {
  const template = rotated();
  const [permission] = only(template, 'AWS::Lambda::Permission', {
    Properties: {
      Action: 'lambda:InvokeFunction',
      Principal: 'secretsmanager.amazonaws.com',
      SourceAccount: '111122223333',
      SourceArn: Match.objectLike({
        'Fn::Join': ['', Match.arrayWith([Match.stringLikeRegexp('client-[?]{6}$')])],
      }),
    },
  });
  const [check] = only(template, 'Custom::RotationCheck');

  template.hasResource('AWS::SecretsManager::RotationSchedule', {
    Properties: {
      SecretId: 'client',
      RotationRules: { AutomaticallyAfterDays: 90 },
      RotateImmediatelyOnUpdate: false,
    },
    // The check comes first: a schedule takes the secret away from whoever rotates it.
    DependsOn: Match.arrayWith([check, permission]),
  });
  rotated({}, Duration.days(7)).hasResourceProperties('AWS::SecretsManager::RotationSchedule', {
    RotationRules: { AutomaticallyAfterDays: 7 },
  });
});

test('the alarm "rotation failing" is raised by one failed step, and ends with one that succeeds', () => {
  const [, { Properties }] = only(rotated(), 'AWS::CloudWatch::Alarm', {
    Properties: { AlarmName: Match.stringLikeRegexp('-rotation-failing$') },
  });

  expect(Properties).toMatchObject({
    Threshold: 1,
    EvaluationPeriods: 1,
    Period: 60,
    MetricName: 'Errors',
    TreatMissingData: 'ignore',
    AlarmActions: ['arn:aws:sns:eu-central-1:111122223333:on-call'],
  });
  expect(JSON.stringify(Properties)).toMatch(/The step and the error code.*rotation failing.*check/);
});

test('the log, the keys, the tags and the concurrency are as those of the refresher', () => {
  const stack = new Stack(new App(), 'Keys');
  const key = (name: string) =>
    Key.fromKeyArn(
      stack,
      name,
      `arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-55555555555${name}`,
    );
  const template = rotated({
    logRetention: 7,
    logEncryptionKey: key('1'),
    reservedConcurrency: 0,
    tags: { team: 'contact-centre' },
    secret: Secret.fromSecretAttributes(stack, 'Secret', {
      secretCompleteArn: `${SECRET}-AbCdEf`,
      encryptionKey: key('2'),
    }),
  });
  const functions = Object.values(
    template.findResources('AWS::Lambda::Function', {
      Properties: { Timeout: 120, Environment: { Variables: { ROTATED_TOKEN: 'deploy' } } },
    }),
  );

  expect(functions).toHaveLength(1);
  expect(functions[0]?.Properties.Tags).toEqual([{ Key: 'team', Value: 'contact-centre' }]);
  expect(functions[0]?.Properties.ReservedConcurrentExecutions).toBeUndefined();
  template.resourcePropertiesCountIs(
    'AWS::Logs::LogGroup',
    { RetentionInDays: 7, KmsKeyId: Match.stringLikeRegexp('1$') },
    2,
  );
  template.hasResourceProperties('AWS::IAM::Role', {
    Policies: [
      Match.objectLike({
        PolicyName: 'Rotate',
        PolicyDocument: {
          Statement: Match.arrayWith([
            Match.objectLike({
              Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
              Condition: { StringLike: { 'kms:EncryptionContext:SecretARN': `${SECRET}-AbCdEf` } },
            }),
          ]),
        },
      }),
    ],
  });
});

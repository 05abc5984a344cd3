import { readFileSync } from 'node:fs';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { AwsSolutionsChecks } from 'cdk-nag';
import { MAX_TOKENS } from '../../infra/configuration/tokens-configuration.ts';
import { createTokenRefresherApp } from '../../infra/token-refresher-app.ts';
import type { Resource } from '../../local/cloud-assembly.ts';
import { createResolver } from '../../local/template-resolver.ts';
import { synthesize, temporaryDirectory } from '../support/synthesize.ts';
import { FULL_CONTEXT, FULL_TOKENS, TARGET, VPC_CONTEXT } from './full-configuration.ts';

const SMALLEST = [{ name: 'genesys', provider: 'genesys-cloud', region: 'eu-central-1' }];

// Here, and in no other suite, the CDK's own rules for templates are on: an error of theirs fails the synthesis.
delete process.env.CDK_VALIDATION;
const smallest = synthesize({ tokens: SMALLEST });
const full = synthesize({ tokens: FULL_TOKENS, context: FULL_CONTEXT, target: TARGET });

test('a template that breaks the rules of the CDK is not synthesized', () => {
  const { context } = JSON.parse(readFileSync('cdk.json', 'utf8'));
  const app = createTokenRefresherApp(TARGET, {
    outdir: temporaryDirectory(),
    context: { ...context, tokens: SMALLEST },
  });
  const schedule = app.node.findAll().find((one) => one instanceof CfnSchedule);

  schedule?.addPropertyOverride('NoSuchProperty', 1);

  expect(() => app.synth()).toThrow('NoSuchProperty: Additional properties are not allowed');
});

test('the smallest stack is this', () => {
  const types = Object.values(smallest.template.Resources).map(({ Type }) => Type);
  expect(types.sort()).toMatchInlineSnapshot(`
[
  "AWS::CloudWatch::Alarm",
  "AWS::CloudWatch::Alarm",
  "AWS::Events::Rule",
  "AWS::IAM::Policy",
  "AWS::IAM::Policy",
  "AWS::IAM::Role",
  "AWS::IAM::Role",
  "AWS::IAM::Role",
  "AWS::Lambda::EventInvokeConfig",
  "AWS::Lambda::Function",
  "AWS::Lambda::Function",
  "AWS::Lambda::Permission",
  "AWS::Logs::LogGroup",
  "AWS::Logs::LogGroup",
  "AWS::SSM::Parameter",
  "AWS::Scheduler::Schedule",
  "AWS::SecretsManager::Secret",
  "Custom::FirstMint",
  "Custom::TokenParameters",
]
`);
  const outputs = Object.entries(smallest.template.Outputs ?? {});
  expect(Object.fromEntries(outputs.map(([key, { Value }]) => [key, Value]))).toMatchInlineSnapshot(`
{
  "GenesysDiagnose": {
    "Fn::Join": [
      "",
      [
        "echo '{"diagnose":true}' | aws lambda invoke --region ",
        {
          "Ref": "AWS::Region",
        },
        " --function-name ",
        {
          "Ref": "genesysFunctionD67ADD27",
        },
        " --payload fileb:///dev/stdin /dev/stdout",
      ],
    ],
  },
  "GenesysForceRefresh": {
    "Fn::Join": [
      "",
      [
        "echo '{"force":true}' | aws lambda invoke --region ",
        {
          "Ref": "AWS::Region",
        },
        " --function-name ",
        {
          "Ref": "genesysFunctionD67ADD27",
        },
        " --payload fileb:///dev/stdin /dev/stdout",
      ],
    ],
  },
  "GenesysGuarantee": "Each token read has at least 23 h 8 min left. If the token endpoint fails, jobs still read a live token for at least 23 h 9 min. If EventBridge Scheduler is a minute late, an outage may last up to 1 min 28 s less.",
  "GenesysReadToken": {
    "Fn::Join": [
      "",
      [
        "aws ssm get-parameter --region ",
        {
          "Ref": "AWS::Region",
        },
        " --name /ci/genesys/access-token --with-decryption --query Parameter.Value --output text",
      ],
    ],
  },
  "GenesysStatusParameter": "/ci/genesys/token-status",
  "GenesysStoreSecret": {
    "Fn::Join": [
      "",
      [
        "aws secretsmanager put-secret-value --region ",
        {
          "Ref": "AWS::Region",
        },
        " --secret-id ",
        {
          "Ref": "genesysresourcesSecret4F70338F",
        },
        " --secret-string file://client.json",
      ],
    ],
  },
  "GenesysTokenParameter": "/ci/genesys/access-token",
}
`);
});

test('is bound to no account where nothing is looked up', () => {
  // A hash of an asset may hold twelve digits in a row.
  const template = JSON.stringify(smallest.template).replace(/[0-9a-f]{64}/g, '');

  expect(template).not.toMatch(/\d{12}/);
});

test('creates a secret without a value, keeps it for ever, and not where the first deployment fails', () => {
  const [secret] = ofType('AWS::SecretsManager::Secret', smallest);

  expect(secret).toMatchObject({ DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' });
  expect(Object.keys(secret?.Properties ?? {})).toEqual(['Description']);
});

test('names each function after its parameters, as ci/access-token expects it', () => {
  expect(full.functions.map(({ name, reservedConcurrency }) => [name, reservedConcurrency])).toEqual([
    ['token-refresher-ci-genesys', 1],
    ['token-refresher-ci-cxone', undefined],
    ['token-refresher-team-ci-generic', 1],
  ]);
});

test.each([
  ['GenesysStoreSecret', '{"client_id": "...", "client_secret": "..."}'],
  [
    'CxoneStoreSecret',
    '{"client_id": "...", "client_secret": "...", "access_key_id": "...", "access_key_secret": "..."}',
  ],
  ['GenericStoreSecret', '{"client_id": "...", "private_key": "..."}'],
])('%s names the keys that the provider needs', (output, shape) => {
  expect(full.template.Outputs?.[output]?.Description).toContain(`Write ${shape} into client.json`);
});

test('passes the configuration on to the functions', () => {
  const settings = full.functions.map(({ environment }) => JSON.parse(environment.PROVIDER_SETTINGS ?? ''));
  expect(settings).toEqual([
    { provider: 'genesys-cloud', region: 'eu-central-1' },
    { provider: 'nice-cxone' },
    {
      provider: 'oauth2',
      issuer: 'https://id.example.com',
      clientAuthentication: 'private_key_jwt',
      scope: 'deploy read',
      audience: 'https://api.example.com',
      resource: ['https://api.example.com/a', 'https://api.example.com/b'],
      parameters: { tenant: 'blue' },
      probeUrl: 'https://api.example.com/me',
    },
  ]);
  expect(full.functions[2]?.environment).toMatchObject({
    SECRET_ARN: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci/generic-client-AbCdEf',
    REFRESH_INTERVAL_SECONDS: '1200',
    ASSUMED_LIFETIME_SECONDS: '1800',
  });
});

test('mails to an address once, however many tokens name it', () => {
  expect(ofType('AWS::SNS::Subscription', full)).toEqual([
    expect.objectContaining({
      Properties: expect.objectContaining({ Protocol: 'email', Endpoint: 'on-call@example.com' }),
    }),
  ]);
});

test('lets the alarms of this account publish to the topic, which takes nothing without TLS', () => {
  const [policy] = ofType('AWS::SNS::TopicPolicy', full);
  expect(policy?.Properties?.PolicyDocument).toMatchObject({
    Statement: [
      { Effect: 'Deny', Action: 'sns:Publish', Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
      {
        Effect: 'Allow',
        Action: 'sns:Publish',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Condition: { StringEquals: { 'aws:SourceAccount': TARGET.account } },
      },
    ],
  });
});

test('tells a topic that exists of the alarms', () => {
  const alarms = ofType('AWS::CloudWatch::Alarm', full).filter(({ Properties }) =>
    JSON.stringify(Properties).includes('/team/ci/generic/'),
  );
  expect(alarms).toHaveLength(2);
  for (const { Properties } of alarms) {
    expect(Properties?.AlarmActions).toEqual(['arn:aws:sns:eu-central-1:111122223333:on-call']);
  }
});

test('gives readers the token and the refresh, and each role its own policy', () => {
  const policies = ofType('AWS::IAM::Policy', full)
    .map(({ Properties }) => Properties as { Roles: unknown[]; PolicyDocument: { Statement: object[] } })
    .filter(({ Roles }) => typeof Roles[0] === 'string');
  expect(policies.map(({ Roles }) => Roles)).toEqual([
    ['build'],
    ['deploy'],
    ['generic-build'],
    ['generic-build'],
  ]);
  for (const { PolicyDocument } of policies.slice(0, 3)) {
    const actions = PolicyDocument.Statement.map((one) => (one as { Action: unknown }).Action);
    expect(actions.flat()).toEqual(
      expect.arrayContaining(['ssm:GetParameter', 'ssm:GetParameters', 'lambda:InvokeFunction']),
    );
  }
});

test('runs in the private subnets of a VPC, with HTTPS and DNS as the only ways out', () => {
  const [securityGroup] = ofType('AWS::EC2::SecurityGroup', full);
  expect(securityGroup?.Properties).toMatchObject({
    VpcId: 'vpc-0123456789abcdef0',
    SecurityGroupEgress: [
      { IpProtocol: 'tcp', FromPort: 443, ToPort: 443, CidrIp: '0.0.0.0/0' },
      { IpProtocol: 'tcp', FromPort: 53, ToPort: 53, CidrIp: '0.0.0.0/0' },
      { IpProtocol: 'udp', FromPort: 53, ToPort: 53, CidrIp: '0.0.0.0/0' },
    ],
  });
  expect(securityGroup?.Properties).not.toHaveProperty('SecurityGroupIngress');
  const { logicalId = '' } = full.functions[2] ?? {};
  expect(full.template.Resources[logicalId]?.Properties?.VpcConfig).toMatchObject({
    SubnetIds: ['subnet-0123456789abcde00', 'subnet-0123456789abcde01'],
  });
});

test('lets the function out to the ports that its settings name', () => {
  const tokens = [{ ...FULL_TOKENS[2], issuer: undefined, tokenUrl: 'https://id.example.com:8443/token' }];

  const [group] = ofType(
    'AWS::EC2::SecurityGroup',
    synthesize({ tokens, context: VPC_CONTEXT, target: TARGET }),
  );

  const rules = group?.Properties?.SecurityGroupEgress as { FromPort: number }[];
  expect(rules.map(({ FromPort }) => FromPort)).toEqual([443, 8443, 53, 53]);
});

test('fails synthesis for a VPC without a private subnet', () => {
  const [[key, answer] = ['', {}]] = Object.entries(VPC_CONTEXT);
  const context = { [key]: { ...(answer as object), subnetGroups: [] } };

  expect(() => synthesize({ tokens: [FULL_TOKENS[2]], context, target: TARGET })).toThrow(
    'has no private subnet with egress',
  );
});

test('sets the logs’ retention and key, and FIPS endpoints, as configured', () => {
  const logEncryptionKeyArn =
    'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555';
  const tokens = [{ ...SMALLEST[0], logRetention: 365, logEncryptionKeyArn, fipsEndpoints: true }];

  const stack = synthesize({ tokens });

  expect(ofType('AWS::Logs::LogGroup', stack).map(({ Properties }) => Properties)).toEqual([
    { RetentionInDays: 365, KmsKeyId: logEncryptionKeyArn },
    { RetentionInDays: 365, KmsKeyId: logEncryptionKeyArn },
  ]);
  expect(stack.functions[0]?.environment.AWS_USE_FIPS_ENDPOINT).toBe('true');
});

test.each(['dashboard', 'terminationProtection'])('takes %s as true or false only', (key) => {
  const context = { tokens: SMALLEST, [key]: 'yes' };

  expect(() => createTokenRefresherApp(TARGET, { outdir: temporaryDirectory(), context })).toThrow(
    `${key}: "yes" is not true or false`,
  );
});

test('warns if the alarms notify nobody', () => {
  const app = createTokenRefresherApp(TARGET, {
    outdir: temporaryDirectory(),
    context: { tokens: [...SMALLEST, { ...FULL_TOKENS[1], name: 'watched' }] },
  });

  const warnings = app.node
    .findAll()
    .flatMap(({ node }) => node.metadata.filter(({ type }) => type === 'aws:cdk:warning'))
    .map(({ data }) => String(data).split(':')[0]);

  expect(warnings).toEqual(['The alarms of the token "genesys" notify nobody']);
});

test('makes a dashboard only if one is configured', () => {
  expect(ofType('AWS::CloudWatch::Dashboard', smallest)).toHaveLength(0);
  expect(ofType('AWS::CloudWatch::Dashboard', full)).toHaveLength(1);
  const text = synthesize({ tokens: SMALLEST, context: { dashboard: 'true' } });
  expect(ofType('AWS::CloudWatch::Dashboard', text)).toHaveLength(1);
});

test('sets the function, the guarantee and the alarm for the longest job', () => {
  const tokens = [{ name: 'cxone', provider: 'nice-cxone', longestJob: 45 }];

  const { functions, template } = synthesize({ tokens });

  expect(functions[0]?.environment).toMatchObject({ LONGEST_JOB_SECONDS: '2700' });
  expect(template.Outputs?.CxoneGuarantee?.Value).toBe(
    'Each token read has at least 51 min 10 s left. If the token endpoint fails, jobs still read a live token for at least 51 min 30 s. A job that reads the token once and uses it for up to 45 min never outlives it, even if the token endpoint fails for 6 min 10 s. If EventBridge Scheduler is a minute late, an outage may last up to 1 min 28 s less.',
  );
  expect(ofType('AWS::CloudWatch::Alarm', { template })[0]?.Properties).toMatchObject({
    AlarmDescription: expect.stringContaining(
      'has less than 51 min left, or the function that refreshes it has stopped running. Jobs that read the token once and use it for 45 min (longestJob) will soon outlive it. To find the cause, invoke token-refresher-ci-cxone with {"diagnose":true}.',
    ),
    Threshold: 3060,
    EvaluationPeriods: 3,
  });
});

test('leaves nothing to cdk-nag that is not acknowledged', () => {
  const app = createTokenRefresherApp(TARGET, {
    outdir: temporaryDirectory(),
    context: { ...FULL_CONTEXT, tokens: FULL_TOKENS },
  });
  expect(new AwsSolutionsChecks(app).validateScope(app).violations).toEqual([]);
});

test('takes another name, and refuses one that CloudFormation would', () => {
  expect(synthesize({ tokens: SMALLEST, context: { stackName: 'Tokens2' } }).stackName).toBe('Tokens2');
  expect(() =>
    createTokenRefresherApp(TARGET, {
      outdir: temporaryDirectory(),
      context: { tokens: SMALLEST, stackName: 'a_b' },
    }),
  ).toThrow('stackName: "a_b" is not a name of 1 to 128 letters, digits and "-" that begins with a letter');
});

test('fits the calls of as many tokens as are allowed into one role', () => {
  // Names as long as a function's name lets them be.
  const tokens = Array.from({ length: MAX_TOKENS }, (_, index) => ({
    ...SMALLEST[0],
    prefix: '/team-12',
    name: `${index}-`.padEnd(40, 'x'),
  }));
  const most = synthesize({ tokens });
  const calls = ofType('AWS::IAM::Policy', most);
  expect(calls).toHaveLength(2 * MAX_TOKENS);
  const place = { region: 'ap-southeast-2', partition: 'aws-us-gov', accountId: '111122223333' };
  const resolver = createResolver(most, place);
  expect(most.functions[0]?.name).toHaveLength(64);
  const documents = calls.map(({ Properties }) =>
    JSON.stringify(resolver.resolve(Properties?.PolicyDocument)),
  );
  expect(documents.join('').length).toBeLessThan(10_240 - 300);
});

describe('merges what a role may read', () => {
  const KEY = 'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555';
  const roles = (count: number) =>
    Array.from({ length: count }, (_, index) => `arn:aws:iam::111122223333:role/team/build-${index}`);
  // Names as long as a function's name lets them be.
  const tokensFor = (readers: string[]) =>
    Array.from({ length: MAX_TOKENS }, (_, index) => ({
      ...SMALLEST[0],
      prefix: '/team-12',
      name: `${index}-`.padEnd(40, 'x'),
      encryptionKeyArn: KEY,
      readers,
    }));

  test('so that one role can read as many tokens with an own key as fit a stack', () => {
    const { template } = synthesize({ tokens: tokensFor(roles(1)) });

    const policies = ofType('AWS::IAM::Policy', { template }).filter(({ Properties }) =>
      JSON.stringify(Properties?.Roles).includes('build-0'),
    );

    expect(policies).toHaveLength(2);
  });

  test('so that 20 roles can read all tokens of a stack', () => {
    const { template } = synthesize({ tokens: tokensFor(roles(20)) });

    expect(Object.keys(template.Resources).length).toBeLessThanOrEqual(500);
  });

  test('and says which limit of CloudFormation is passed, where one is', () => {
    expect(() => synthesize({ tokens: tokensFor(roles(130)) })).toThrow(
      /The stack has 5\d\d resources; CloudFormation's limit is 500/,
    );
  });
});

test('writes no secret value anywhere', () => {
  expect(JSON.stringify([smallest.template, full.template])).not.toMatch(/REPLACE_ME|resolve:|SecretString/);
});

function ofType(type: string, { template }: Pick<typeof full, 'template'>): Resource[] {
  return Object.values(template.Resources).filter(({ Type }) => Type === type);
}

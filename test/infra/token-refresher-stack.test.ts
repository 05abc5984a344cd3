import { readFileSync } from 'node:fs';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { AwsSolutionsChecks } from 'cdk-nag';
import { MAX_TOKENS } from '../../infra/configuration/tokens-configuration.ts';
import { createTokenRefresherApp } from '../../infra/token-refresher-app.ts';
import type { Resource } from '../../local/cloud-assembly.ts';
import { LOCAL_PLACE, synthesize } from '../../local/synthesized-function.ts';
import { createResolver } from '../../local/template-resolver.ts';
import { temporaryDirectory } from '../../local/temporary-directory.ts';
import { FULL_CONTEXT, FULL_TOKENS, TARGET, VPC_CONTEXT } from './full-configuration.ts';

const SMALLEST = [{ name: 'genesys', provider: 'genesys-cloud', region: 'eu-central-1' }];

/** Synthesizes with the CDK's own rules for templates, which no other suite does: an error of theirs fails the synthesis. */
function withTemplateRules<Result>(synthesizeOne: () => Result): Result {
  const { CDK_VALIDATION } = process.env;
  delete process.env.CDK_VALIDATION;
  try {
    return synthesizeOne();
  } finally {
    process.env.CDK_VALIDATION = CDK_VALIDATION;
  }
}

const smallest = withTemplateRules(() => synthesize({ tokens: SMALLEST }));
const full = withTemplateRules(() =>
  synthesize({ tokens: FULL_TOKENS, context: FULL_CONTEXT, target: TARGET }),
);

test('a template that breaks the rules of the CDK is not synthesized', () => {
  const { context } = JSON.parse(readFileSync('cdk.json', 'utf8'));
  const app = createTokenRefresherApp(TARGET, {
    outdir: temporaryDirectory(),
    context: { ...context, tokens: SMALLEST },
  });
  const schedule = app.node.findAll().find((one) => one instanceof CfnSchedule);

  schedule?.addPropertyOverride('NoSuchProperty', 1);

  expect(() => withTemplateRules(() => app.synth())).toThrow(
    'NoSuchProperty: Additional properties are not allowed',
  );
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
});

test('its outputs are names, and commands to paste', () => {
  const resolver = createResolver(smallest, LOCAL_PLACE);
  const outputs = Object.entries(smallest.template.Outputs ?? {});

  const values = Object.fromEntries(outputs.map(([key, { Value }]) => [key, resolver.resolve(Value)]));

  const invoke = (event: string) =>
    `echo '${event}' | aws lambda invoke --region eu-central-1 --function-name token-refresher-ci-genesys --payload fileb:///dev/stdin /dev/stdout`;
  expect(values).toEqual({
    GenesysDiagnose: invoke('{"diagnose":true}'),
    GenesysForceRefresh: invoke('{"force":true}'),
    GenesysGuarantee:
      'Each token read has at least 23 h 8 min left. If the token endpoint fails, jobs still read a live token for at least 23 h 9 min. If EventBridge Scheduler is a minute late, an outage may last up to 1 min 28 s less.',
    GenesysReadToken:
      'aws ssm get-parameter --region eu-central-1 --name /ci/genesys/access-token --with-decryption --query Parameter.Value --output text',
    GenesysStatusParameter: '/ci/genesys/token-status',
    GenesysStoreSecret: expect.stringMatching(
      /^aws secretsmanager put-secret-value --region eu-central-1 --secret-id \S*genesysresourcesSecret\S* --secret-string file:\/\/client.json$/,
    ),
    GenesysTokenParameter: '/ci/genesys/access-token',
  });
});

test('is bound to no account if nothing is looked up', () => {
  // A hash of an asset may hold twelve digits in a row.
  const template = JSON.stringify(smallest.template).replace(/[0-9a-f]{64}/g, '');

  expect(template).not.toMatch(/\d{12}/);
});

test('creates a secret without a value, and deletes it only if the first deployment fails', () => {
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

test('creates one subscription per e-mail address, however many tokens name it', () => {
  expect(ofType('AWS::SNS::Subscription', full)).toEqual([
    expect.objectContaining({
      Properties: expect.objectContaining({ Protocol: 'email', Endpoint: 'on-call@example.com' }),
    }),
  ]);
});

test('lets the alarms of this account publish to the topic, which requires TLS', () => {
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

test('uses an existing topic for the alarms', () => {
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

test('runs in the private subnets of a VPC, with egress for HTTPS and DNS only', () => {
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

describe('in a VPC', () => {
  const [[vpcKey, found] = ['', {}]] = Object.entries(VPC_CONTEXT);
  const [privateGroup] = (found as { subnetGroups: { subnets: object[] }[] }).subnetGroups;
  const group = (type: string, subnetId: string) => ({
    ...privateGroup,
    name: type,
    type,
    subnets: [{ ...privateGroup?.subnets[0], subnetId }],
  });
  const context = {
    [vpcKey]: {
      ...(found as object),
      subnetGroups: [
        privateGroup,
        group('Public', 'subnet-0123456789abcde0a'),
        group('Isolated', 'subnet-0123456789abcde0b'),
      ],
    },
  };
  const synthesizeIn = (settings: object) =>
    synthesize({ tokens: [{ ...FULL_TOKENS[2], ...settings }], context, target: TARGET });
  const networkOf = (stack: ReturnType<typeof synthesizeIn>) =>
    stack.template.Resources[stack.functions[0]?.logicalId ?? '']?.Properties?.VpcConfig;

  test('runs in the subnets that it is told, also in one whose way out is not seen', () => {
    const stack = synthesizeIn({ subnetIds: ['subnet-0123456789abcde0b', 'subnet-0123456789abcde00'] });

    expect(networkOf(stack)).toMatchObject({
      SubnetIds: ['subnet-0123456789abcde00', 'subnet-0123456789abcde0b'],
    });
  });

  test('has the security groups that it is told, and makes none', () => {
    const stack = synthesizeIn({ securityGroupIds: ['sg-01234567', 'sg-89abcdef'] });

    expect(networkOf(stack)).toMatchObject({ SecurityGroupIds: ['sg-01234567', 'sg-89abcdef'] });
    expect(ofType('AWS::EC2::SecurityGroup', stack)).toEqual([]);
  });

  test.each([
    ['subnet-0123456789abcde0a', 'is a public subnet, where Lambda gives the function no public address'],
    ['subnet-99999999', 'is not a subnet of vpc-0123456789abcdef0'],
  ])('says what is wrong with the subnet %s', (subnetId, problem) => {
    expect(() => synthesizeIn({ subnetIds: [subnetId] })).toThrow(
      `subnetIds of the token "generic": ${subnetId} ${problem}. Its private subnets: subnet-0123456789abcde00, subnet-0123456789abcde01, subnet-0123456789abcde0b.`,
    );
  });

  test('waits for the look-up before it says that a subnet is not there', () => {
    const tokens = [{ ...FULL_TOKENS[2], subnetIds: ['subnet-0123456789abcde00'] }];

    const app = createTokenRefresherApp(TARGET, { outdir: temporaryDirectory(), context: { tokens } });

    expect(app.synth().manifest.missing?.map(({ provider }) => provider)).toEqual(['vpc-provider']);
  });
});

describe('with tags', () => {
  const tagsOf = ({ Properties }: Resource) => Properties?.Tags;
  const tags = { team: 'contact-centre', stage: 'live' };
  const TAGS = [
    { Key: 'stage', Value: 'live' },
    { Key: 'team', Value: 'contact-centre' },
  ];

  test('tags what it makes for a token, and tells the function those of the parameters', () => {
    const stack = synthesize({ tokens: [{ ...SMALLEST[0], tags }] });

    for (const type of ['AWS::Lambda::Function', 'AWS::IAM::Role', 'AWS::Logs::LogGroup'])
      for (const resource of ofType(type, stack)) expect(tagsOf(resource)).toEqual(TAGS);

    expect(tagsOf(ofType('AWS::SecretsManager::Secret', stack)[0] as Resource)).toEqual(TAGS);
    expect(tagsOf(ofType('AWS::SSM::Parameter', stack)[0] as Resource)).toEqual(tags);
    expect(stack.functions[0]?.environment.PARAMETER_TAGS).toBe(JSON.stringify(tags));
    expect(JSON.stringify(stack.functions[0]?.policyDocuments)).toContain('"ssm:AddTagsToResource"');
  });

  test('tags what tokens share only where they agree', () => {
    const tokens = [
      { ...SMALLEST[0], tags },
      { name: 'cxone', provider: 'nice-cxone', tags: { ...tags, stage: 'test' } },
    ];

    const stack = synthesize({ tokens });

    const shared = stack.template.Resources.AWS679f53fac002430cb0da5b7982bd22872D164C4C as Resource;

    expect(tagsOf(shared)).toEqual([{ Key: 'team', Value: 'contact-centre' }]);
  });

  test('allows and tells the function nothing of tags where there are none', () => {
    expect(smallest.functions[0]?.environment).not.toHaveProperty('PARAMETER_TAGS');
    expect(JSON.stringify(smallest.functions[0]?.policyDocuments)).not.toContain('AddTags');
  });
});

test.each([
  [
    51,
    [
      'refreshInterval of 51 min is more than 5/6 of the lifetime of 1 h: /ci/genesys/access-token is replaced after 50 min',
    ],
  ],
  [50, []],
])('warns where a token cannot become %i minutes old', (refreshInterval, expected) => {
  const tokens = [
    { ...SMALLEST[0], expectedLifetime: 60, refreshInterval, alarmEmail: 'on-call@example.com' },
  ];
  const app = createTokenRefresherApp(TARGET, { outdir: temporaryDirectory(), context: { tokens } });

  const warnings = app.node
    .findAll()
    .flatMap(({ node }) => node.metadata.filter(({ type }) => type === 'aws:cdk:warning'))
    .map(({ data }) => String(data).split('. ')[0]);

  expect(warnings).toEqual(expected);
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
    AlarmDescription: {
      'Fn::Join': [
        '',
        [
          expect.stringMatching(
            /has less than 51 min left, or the function that refreshes it has stopped running\. Jobs that read the token once and use it for 45 min \(longestJob\) will soon outlive it\. To find the cause, run: echo '{"diagnose":true}' \| aws lambda invoke --region $/,
          ),
          { Ref: 'AWS::Region' },
          ' --function-name token-refresher-ci-cxone --payload fileb:///dev/stdin /dev/stdout',
        ],
      ],
    },
    Threshold: 3060,
    EvaluationPeriods: 3,
  });
});

test('cdk-nag has no finding that is not acknowledged', () => {
  const app = createTokenRefresherApp(TARGET, {
    outdir: temporaryDirectory(),
    context: { ...FULL_CONTEXT, tokens: FULL_TOKENS },
  });

  expect(new AwsSolutionsChecks(app).validateScope(app).violations).toEqual([]);
});

test('the stack can have another name', () => {
  expect(synthesize({ tokens: SMALLEST, context: { stackName: 'Tokens2' } }).stackName).toBe('Tokens2');
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

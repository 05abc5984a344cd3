import { readFileSync } from 'node:fs';
import type { App } from 'aws-cdk-lib';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { AwsSolutionsChecks } from 'cdk-nag';
import { MAX_TOKENS } from '../../infra/rules/settings.ts';
import { createTokenRefresherApp } from '../../infra/token-refresher-app.ts';
import type { Resource } from '../../local/cloud-assembly.ts';
import { synthesize } from '../../local/synthesized-function.ts';
import { temporaryDirectory } from '../../local/temporary-directory.ts';
import { FULL_CONTEXT, FULL_TOKENS, SMALLEST, TARGET, VPC_CONTEXT } from './full-configuration.ts';

const smallest = synthesize({ tokens: SMALLEST });
const full = synthesize({ tokens: FULL_TOKENS, context: FULL_CONTEXT, target: TARGET });

test('a template that breaks the rules of the CDK is not synthesized', () => {
  const app = appOf({ ...JSON.parse(readFileSync('cdk.json', 'utf8')).context, tokens: SMALLEST });
  const schedule = app.node.findAll().find((one) => one instanceof CfnSchedule);
  schedule?.addPropertyOverride('NoSuchProperty', 1);
  const { CDK_VALIDATION } = process.env;
  delete process.env.CDK_VALIDATION;

  try {
    expect(() => app.synth()).toThrow('NoSuchProperty: Additional properties are not allowed');
  } finally {
    process.env.CDK_VALIDATION = CDK_VALIDATION;
  }
});

test('cdk-nag has no finding that is not acknowledged', () => {
  const app = appOf({ ...FULL_CONTEXT, tokens: FULL_TOKENS });

  expect(new AwsSolutionsChecks(app).validateScope(app).violations).toEqual([]);
});

// Those of Genesys Cloud: the snapshot of token-refresher.test.ts.
test('the outputs and README have client.json to fill in, as each provider needs it', () => {
  const [cxone, generic] = ['Cxone', 'Generic'].map(
    (token) => full.template.Outputs?.[`${token}ClientJson`]?.Value,
  );

  expect(cxone).toBe(
    '{"client_id": "...", "client_secret": "...", "access_key_id": "...", "access_key_secret": "..."}',
  );
  expect(generic).toBe('{"consumerKey": "...", "consumerPrivateKey": "..."}');
  const readme = readFileSync('README.md', 'utf8');
  for (const shape of [smallest.template.Outputs?.GenesysClientJson?.Value, cxone])
    expect(readme).toContain(shape);
});

test('is bound to no account if nothing is looked up, and has no value of a secret', () => {
  // A hash of an asset may hold twelve digits in a row.
  const template = JSON.stringify(smallest.template).replace(/[0-9a-f]{64}/g, '');

  expect(template).not.toMatch(/\d{12}/);
  expect([template, JSON.stringify(full.template)].join()).not.toMatch(/resolve:|SecretString/);
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
      secretKeys: { client_id: 'consumerKey', private_key: 'consumerPrivateKey' },
    },
  ]);
  expect(full.functions[2]?.environment).toMatchObject({
    SECRET_ARN: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci/generic-client-AbCdEf',
    REFRESH_INTERVAL_SECONDS: '1200',
    ASSUMED_LIFETIME_SECONDS: '1800',
    LONGEST_JOB_SECONDS: '5400',
  });
  expect(full.template.Outputs?.GenericGuarantee?.Value).toContain(
    'A job that reads the token once and uses it for up to 1 h 30 min never outlives it',
  );
});

test('the alarms of an e-mail address have one topic with one subscription, others their own topic', () => {
  const actions = ofType('AWS::CloudWatch::Alarm', full)
    .filter(({ Properties }) => JSON.stringify(Properties).includes('/team/ci/generic/'))
    .flatMap(({ Properties }) => [Properties?.AlarmActions, Properties?.OKActions].flat());

  expect(ofType('AWS::SNS::Topic', full)).toHaveLength(1);
  expect(ofType('AWS::SNS::Subscription', full)).toHaveLength(1);
  expect(actions).toEqual(Array(4).fill('arn:aws:sns:eu-central-1:111122223333:on-call'));
});

test('sets the logs’ retention and key, and FIPS endpoints, as configured', () => {
  const logEncryptionKeyArn =
    'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555';
  const tokens = [{ ...SMALLEST[0], logRetention: 365, logEncryptionKeyArn, fipsEndpoints: true }];

  const stack = synthesize({ tokens });

  expect(ofType('AWS::Logs::LogGroup', stack).map(({ Properties }) => Properties)).toEqual(
    Array(2).fill({ RetentionInDays: 365, KmsKeyId: logEncryptionKeyArn }),
  );
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
  const subnetGroups = [
    privateGroup,
    group('Public', 'subnet-0123456789abcde0a'),
    group('Isolated', 'subnet-0123456789abcde0b'),
  ];
  const synthesizeIn = (settings: object, groups = subnetGroups) =>
    synthesize({
      tokens: [{ ...FULL_TOKENS[2], ...settings }],
      context: { [vpcKey]: { ...(found as object), subnetGroups: groups } },
      target: TARGET,
    });
  const networkOf = (stack: ReturnType<typeof synthesizeIn>) =>
    stack.template.Resources[stack.functions[0]?.logicalId ?? '']?.Properties?.VpcConfig;

  test('runs in the private subnets, with egress for HTTPS, DNS and the ports of its settings only', () => {
    const stack = synthesizeIn({ issuer: undefined, tokenUrl: 'https://id.example.com:8443/token' });

    const [securityGroup] = ofType('AWS::EC2::SecurityGroup', stack);
    expect(securityGroup?.Properties).toMatchObject({
      VpcId: 'vpc-0123456789abcdef0',
      SecurityGroupEgress: [
        { IpProtocol: 'tcp', FromPort: 443, ToPort: 443, CidrIp: '0.0.0.0/0' },
        { IpProtocol: 'tcp', FromPort: 8443, ToPort: 8443, CidrIp: '0.0.0.0/0' },
        { IpProtocol: 'tcp', FromPort: 53, ToPort: 53, CidrIp: '0.0.0.0/0' },
        { IpProtocol: 'udp', FromPort: 53, ToPort: 53, CidrIp: '0.0.0.0/0' },
      ],
    });
    expect(securityGroup?.Properties).not.toHaveProperty('SecurityGroupIngress');
    expect(networkOf(stack)).toMatchObject({
      SubnetIds: ['subnet-0123456789abcde00', 'subnet-0123456789abcde01'],
    });
  });

  test('runs in the subnets and security groups that are named, also where the CDK knows no egress', () => {
    const subnetIds = ['subnet-0123456789abcde0b', 'subnet-0123456789abcde00'];

    const stack = synthesizeIn({ subnetIds, securityGroupIds: ['sg-01234567', 'sg-89abcdef'] });

    expect(networkOf(stack)).toMatchObject({
      SubnetIds: subnetIds.toReversed(),
      SecurityGroupIds: ['sg-01234567', 'sg-89abcdef'],
    });
    expect(ofType('AWS::EC2::SecurityGroup', stack)).toEqual([]);
  });

  test.each([
    ['subnet-0123456789abcde0a', 'is a public subnet, where Lambda gives the function no public address'],
    ['subnet-99999999', 'is not a subnet of vpc-0123456789abcdef0'],
  ])('says what is wrong with the subnet %s', (subnetId, problem) => {
    expect(() => synthesizeIn({ subnetIds: [subnetId] })).toThrow(
      `subnetIds of the token "generic": ${subnetId} ${problem}. Its private subnets: subnet-0123456789abcde00, `,
    );
    expect(() => synthesizeIn({}, [])).toThrow('has no private subnet with egress');
  });

  test('waits for the look-up before it says that a subnet is not there', () => {
    const app = appOf({ tokens: [{ ...FULL_TOKENS[2], subnetIds: ['subnet-0123456789abcde00'] }] });

    expect(app.synth().manifest.missing?.map(({ provider }) => provider)).toEqual(['vpc-provider']);
  });
});

describe('with tags', () => {
  const tagsOf = ({ Properties }: Resource) => Properties?.Tags;
  const tags = { team: 'contact-centre', stage: 'live' };

  test('tags what it makes for a token, and tells the function those of the parameters', () => {
    const stack = synthesize({ tokens: [{ ...SMALLEST[0], tags }] });

    const types = ['Lambda::Function', 'IAM::Role', 'Logs::LogGroup', 'SecretsManager::Secret'];
    const tagged = types.flatMap((type) => ofType(`AWS::${type}`, stack)).map(tagsOf);
    const [stage, team] = [
      { Key: 'stage', Value: 'live' },
      { Key: 'team', Value: 'contact-centre' },
    ];
    expect(tagged).toEqual(tagged.map(() => [stage, team]));
    expect(ofType('AWS::SSM::Parameter', stack).map(tagsOf)).toEqual([tags]);
    expect(stack.functions[0]?.environment.PARAMETER_TAGS).toBe(JSON.stringify(tags));
    expect(JSON.stringify(stack.functions[0]?.policyDocuments)).toContain('"ssm:AddTagsToResource"');
  });

  test('tags what tokens share only where they agree', () => {
    const tokens = [
      { ...SMALLEST[0], tags },
      { name: 'cxone', provider: 'nice-cxone', tags: { ...tags, stage: 'test' } },
    ];

    const shared = synthesize({ tokens }).template.Resources.AWS679f53fac002430cb0da5b7982bd22872D164C4C;

    expect(shared && tagsOf(shared)).toEqual([{ Key: 'team', Value: 'contact-centre' }]);
  });
});

test.each([
  [
    { refreshInterval: 51 },
    [
      'The alarms of the token "genesys" notify nobody: set alarmEmail or alarmTopicArn',
      'refreshInterval of 51 min is more than 5/6 of the lifetime of 1 h: /ci/genesys/access-token is replaced after 50 min.',
    ],
  ],
  [{ refreshInterval: 50, alarmEmail: 'on-call@example.com' }, []],
])('with %j, warns about: %j', (settings, expected) => {
  const warnings = appOf({ tokens: [{ ...SMALLEST[0], expectedLifetime: 60, ...settings }] })
    .node.findAll()
    .flatMap(({ node }) => node.metadata.filter(({ type }) => type === 'aws:cdk:warning'))
    .map(({ data }) => data);

  expect(warnings).toEqual(expected.map((text) => expect.stringContaining(text)));
});

test('readers with refresh: false read, and may not invoke the function', () => {
  const readerOf = (account: string) => ({ role: `arn:aws:iam::${account}:role/ci`, refresh: false });
  const tokens = [
    { ...SMALLEST[0], readers: [readerOf(TARGET.account), readerOf('444455556666')] },
    { name: 'cxone', provider: 'nice-cxone', readers: [readerOf(TARGET.account).role] },
  ];

  const stack = synthesize({ tokens, target: TARGET });

  const role = Object.keys(stack.template.Resources).find((id) => /ReadOnlyRole[0-9A-F]{8}$/.test(id)) ?? '';
  const isRole = (name: unknown) => JSON.stringify(name) === '"ci"' || JSON.stringify(name).includes(role);
  const policies = ofType('AWS::IAM::Policy', stack).map(({ Properties }) => JSON.stringify(Properties));
  const ofReaders = policies.filter((text) => [JSON.parse(text).Roles].flat().some(isRole));
  expect(ofReaders).toHaveLength(2);
  for (const text of ofReaders) expect(text).toContain('parameter/ci/genesys/access-token');
  expect(
    ofReaders.map((text) => [...text.matchAll(/GetAtt":\["(\w+)Function/g)].map(([, id]) => id)).sort(),
  ).toEqual([[], ['cxone']]);
  expect(stack.template.Outputs?.GenesysReadOnlyRole).toBeDefined();
});

test('has a dashboard, and another name, only if they are configured', () => {
  const named = synthesize({ tokens: SMALLEST, context: { dashboard: 'true', stackName: 'Tokens2' } });

  const dashboards = [smallest, full, named].map((one) => ofType('AWS::CloudWatch::Dashboard', one).length);

  expect(dashboards).toEqual([0, 1, 1]);
  expect([smallest.stackName, named.stackName]).toEqual(['TokenRefresher', 'Tokens2']);
});

describe('merges what a role may read', () => {
  const KEY = 'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555';
  // Names as long as a function's name lets them be.
  const synthesizeFor = (roles: number) =>
    synthesize({
      tokens: Array.from({ length: MAX_TOKENS }, (_, index) => ({
        ...SMALLEST[0],
        prefix: '/team-12',
        name: `${index}-`.padEnd(40, 'x'),
        encryptionKeyArn: KEY,
        readers: Array.from(
          { length: roles },
          (_, role) => `arn:aws:iam::111122223333:role/team/build-${role}`,
        ),
      })),
    });

  test('so that 20 roles can read as many tokens with an own key as fit a stack', () => {
    const stack = synthesizeFor(20);

    const policies = ofType('AWS::IAM::Policy', stack).filter(({ Properties }) =>
      JSON.stringify(Properties?.Roles).includes('"build-0"'),
    );

    expect(policies).toHaveLength(2);
  });

  test('and says which limit of CloudFormation is passed, where one is', () => {
    expect(() => synthesizeFor(130)).toThrow(/The stack has 5\d\d resources; CloudFormation's limit is 500/);
  });
});

function appOf(context: object): App {
  return createTokenRefresherApp(TARGET, { outdir: temporaryDirectory(), context: { ...context } });
}

function ofType(type: string, { template }: Pick<typeof full, 'template'>): Resource[] {
  return Object.values(template.Resources).filter(({ Type }) => Type === type);
}

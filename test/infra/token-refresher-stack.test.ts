import { readFileSync } from 'node:fs';
import { MAX_TOKENS } from '../../infra/rules/settings.ts';
import { createTokenRefresherApp } from '../../infra/token-refresher-app.ts';
import type { Resource } from '../../local/cloud-assembly.ts';
import { policiesOfRole, synthesize } from '../../local/synthesized-function.ts';
import { createResolver } from '../../local/template-resolver.ts';
import { temporaryDirectory } from '../../local/temporary-directory.ts';
import { FULL_TOKENS, SMALLEST, TARGET, VPC_CONTEXT } from './full-configuration.ts';
import { stackOf } from './synthesized.ts';

// Synthesis fails on each finding of cdk-nag that is not acknowledged.
const smallest = stackOf(SMALLEST, {});
const full = stackOf();
const [, , GENERIC = {}] = FULL_TOKENS as [object, object, Record<string, unknown>];
const KEY_ARN = 'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555';

test('a template that breaks the CDK’s rules is not synthesized, though the tests do without them', () => {
  const { context } = JSON.parse(readFileSync('cdk.json', 'utf8'));

  expect(context['@aws-cdk/core:validateAgainstDefaultRules']).toBe(true);
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
  const [, cxone, generic] = full.functions.map(({ environment }) => environment);

  // Secrets Manager takes "…:secret:ci/cxone-client" for a complete ARN.
  expect(cxone?.SECRET_ARN).toBe('ci/cxone-client');
  expect(full.template.Outputs?.CxoneStoreSecret?.Value).toContain('--secret-id ci/cxone-client ');
  expect(JSON.stringify(ofType('AWS::Events::Rule'))).toContain('"name":["ci/cxone-client"]');
  expect(generic).toMatchObject({
    SECRET_ARN: GENERIC.secretArn,
    REFRESH_INTERVAL_SECONDS: '1200',
    ASSUMED_LIFETIME_SECONDS: '1800',
    LONGEST_JOB_SECONDS: '5400',
  });
  expect(full.template.Outputs?.GenericGuarantee?.Value).toContain(
    'A job that reads the token once and uses it for up to 1 h 30 min never outlives it',
  );
});

test('the alarms of an e-mail address have one topic with one subscription, others their own topic', () => {
  const actions = ofType('AWS::CloudWatch::Alarm')
    .filter(({ Properties }) => JSON.stringify(Properties).includes('/team/ci/generic/'))
    .flatMap(({ Properties }) => [Properties?.AlarmActions, Properties?.OKActions].flat());

  expect(ofType('AWS::SNS::Topic')).toHaveLength(1);
  expect(ofType('AWS::SNS::Subscription')).toHaveLength(1);
  expect(actions).toEqual(Array(4).fill(GENERIC.alarmTopicArn));
});

test('sets the logs, the tags, the concurrency and FIPS endpoints of both functions as configured, and the rotation', () => {
  const tags = { team: 'contact-centre', stage: 'live' };
  const Tags = [
    { Key: 'stage', Value: 'live' },
    { Key: 'team', Value: 'contact-centre' },
  ];
  const token = {
    ...{ ...SMALLEST[0], tags, logRetention: 365, logEncryptionKeyArn: KEY_ARN, reservedConcurrency: 0 },
    ...{ fipsEndpoints: true, secretArn: GENERIC.secretArn, secretEncryptionKeyArn: KEY_ARN },
    rotation: { adminSecretName: 'admin', everyDays: 7 },
  };

  // Without a target: the region of the others has no FIPS endpoints.
  const stack = synthesize({ tokens: [token] });

  const [fn, rotation] = [...stack.functions, ...stack.rotations];
  expect(ofType('AWS::Logs::LogGroup', stack).map(({ Properties }) => Properties)).toEqual(
    Array(3).fill({ RetentionInDays: 365, KmsKeyId: KEY_ARN, Tags }),
  );
  for (const type of ['Lambda::Function', 'IAM::Role']) {
    for (const one of ofType(`AWS::${type}`, stack)) expect(one.Properties).toMatchObject({ Tags });
  }
  for (const one of [fn, rotation]) {
    expect(one?.reservedConcurrency).toBeUndefined();
    expect(one?.environment.AWS_USE_FIPS_ENDPOINT).toBe('true');
  }
  expect(ofType('AWS::SSM::Parameter', stack)[0]?.Properties?.Tags).toEqual(tags);
  expect(fn?.environment.PARAMETER_TAGS).toBe(JSON.stringify(tags));
  expect(JSON.stringify(fn?.policyDocuments)).toContain('"ssm:AddTagsToResource"');
  expect(JSON.stringify(rotation?.policyDocuments)).toMatch(
    /"Action":\["kms:Decrypt","kms:GenerateDataKey"\].*"kms:EncryptionContext:SecretARN":"[^"]*client-AbCdEf"/,
  );
  expect(ofType('AWS::SecretsManager::RotationSchedule', stack)[0]?.Properties).toMatchObject({
    RotationRules: { AutomaticallyAfterDays: 7 },
  });
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
  const stackIn = (settings: object, groups = subnetGroups) =>
    stackOf([{ ...GENERIC, ...settings }], { [vpcKey]: { ...found, subnetGroups: groups } });
  const networkOf = (stack: typeof full) =>
    stack.template.Resources[stack.functions[0]?.logicalId ?? '']?.Properties?.VpcConfig;

  test('runs in the private subnets, with egress for HTTPS, DNS and the ports of its settings only', () => {
    const stack = stackIn({ issuer: undefined, tokenUrl: 'https://id.example.com:8443/token' });

    const [{ Properties = {} } = {}] = ofType('AWS::EC2::SecurityGroup', stack);
    const egress = Properties.SecurityGroupEgress as Record<string, unknown>[];
    expect(egress.map((one) => `${one.IpProtocol} ${one.FromPort}-${one.ToPort}`)).toEqual([
      ...['tcp 443-443', 'tcp 8443-8443', 'tcp 53-53', 'udp 53-53'],
    ]);
    expect(Properties).not.toHaveProperty('SecurityGroupIngress');
    expect(networkOf(stack)).toMatchObject({
      SubnetIds: ['subnet-0123456789abcde00', 'subnet-0123456789abcde01'],
    });
  });

  test('runs in the subnets and security groups that are named, also where the CDK knows no egress', () => {
    const subnetIds = ['subnet-0123456789abcde0b', 'subnet-0123456789abcde00'];
    const securityGroupIds = ['sg-01234567', 'sg-89abcdef'];

    const stack = stackIn({ subnetIds, securityGroupIds });

    expect(networkOf(stack)).toMatchObject({
      SubnetIds: subnetIds.toReversed(),
      SecurityGroupIds: securityGroupIds,
    });
    expect(ofType('AWS::EC2::SecurityGroup', stack)).toEqual([]);
  });

  test.each([
    ['subnet-0123456789abcde0a', 'is a public subnet, where Lambda gives the function no public address'],
    ['subnet-99999999', 'is not a subnet of vpc-0123456789abcdef0'],
  ])('says what is wrong with the subnet %s', (subnetId, problem) => {
    expect(() => stackIn({ subnetIds: [subnetId] })).toThrow(
      `subnetIds of the token "generic": ${subnetId} ${problem}. Its private subnets: subnet-0123456789abcde00, `,
    );
  });

  test('needs a private subnet, but waits for the look-up before it says that one is not there', () => {
    const app = appOf({ ...GENERIC, subnetIds: ['subnet-0123456789abcde00'] });

    expect(app.synth().manifest.missing?.map(({ provider }) => provider)).toEqual(['vpc-provider']);
    expect(() => stackIn({}, [])).toThrow('has no private subnet with egress');
  });
});

test('readers with refresh: false read, and may not invoke the function', () => {
  const [own, foreign] = [TARGET.account, '444455556666'].map((account) => `arn:aws:iam::${account}:role/ci`);
  const readOnly = [own, foreign].map((role) => ({ role, refresh: false }));
  const stack = stackOf([
    { ...SMALLEST[0], readers: readOnly, tags: { a: 'b', c: 'd' }, logRetention: 365 },
    { name: 'cxone', provider: 'nice-cxone', readers: [own], tags: { a: 'b', c: 'e' } },
  ]);
  const { Resources, Outputs } = stack.template;
  const idOf = (pattern: RegExp) => Object.keys(Resources).find((one) => pattern.test(one)) ?? '';

  const [ofOwn, ofForeign] = ['ci', createResolver(stack).ref(idOf(/ReadOnlyRole[0-9A-F]{8}$/))].map((role) =>
    JSON.stringify(policiesOfRole(stack, role)),
  );

  for (const policies of [ofOwn, ofForeign]) expect(policies).toContain('parameter/ci/genesys/access-token');
  expect(ofOwn?.match(/function:[\w-]+/g)).toEqual(['function:token-refresher-ci-cxone']);
  expect(ofForeign).not.toContain('lambda:');
  expect(Outputs?.GenesysReadOnlyRole).toBeDefined();
  // What tokens share has the tags that all of them have, and is kept as long as the longest of their logs.
  const shared = Resources[idOf(/^DeploymentCallsLogs/)];
  expect(shared?.Properties).toMatchObject({ RetentionInDays: 365, Tags: [{ Key: 'a', Value: 'b' }] });
});

test('has a dashboard, and another name, only if they are configured', () => {
  const named = stackOf(SMALLEST, { dashboard: 'true', stackName: 'Tokens2' });

  const dashboards = [smallest, full, named].map((one) => ofType('AWS::CloudWatch::Dashboard', one).length);

  expect(dashboards).toEqual([0, 1, 1]);
  expect([smallest.stackName, named.stackName]).toEqual(['TokenRefresher', 'Tokens2']);
});

test('merges what a role may read, so that roles can read as many tokens with an own key as fit a stack', () => {
  const roles = ['a', 'b', 'c'].map((name) => `arn:aws:iam::111122223333:role/team/build-${name}`);
  // Names as long as a function's name lets them be.
  const tokens = Array.from({ length: MAX_TOKENS }, (_, index) => ({
    ...SMALLEST[0],
    prefix: '/team-12',
    name: `${index}-`.padEnd(40, 'x'),
    encryptionKeyArn: KEY_ARN,
    readers: roles,
  }));

  const stack = stackOf(tokens, {});

  expect(policiesOfRole(stack, 'build-a')).toHaveLength(2);
  // 20 roles fit.
  expect(Object.keys(stack.template.Resources).length + 17 * 2).toBeLessThanOrEqual(500);
});

test('says which limit of AWS is exceeded', () => {
  const token = (count: number) => ({
    ...SMALLEST[0],
    readers: Array.from({ length: count }, (_, index) => ({
      oidcProvider: 'gitlab.com',
      subject: `project_path:octo/repository-${index}:ref_type:branch:ref:main`,
    })),
  });

  expect(() => stackOf([token(25)])).not.toThrow();
  expect(() => stackOf([token(33)])).toThrow(
    /The trust policy of the role TokenRefresher\/\S* gets about 2,\d{3} characters; IAM's limit is 2,048\. Name fewer/,
  );
});

function appOf(token: object) {
  const context = { tokens: [token] };
  return createTokenRefresherApp(TARGET, { outdir: temporaryDirectory(), context });
}

function ofType(type: string, { template }: Pick<typeof full, 'template'> = full): Resource[] {
  return Object.values(template.Resources).filter(({ Type }) => Type === type);
}

import { readConfiguration } from '../../../infra/configuration/app-configuration.ts';
import { defaultAudience } from '../../../infra/rules/oidc-subject.ts';
import { TARGET } from '../full-configuration.ts';

const genesys = { name: 'a', provider: 'genesys-cloud', region: 'eu-central-1' };
const GITHUB = 'token.actions.githubusercontent.com';
const AZURE = 'vstoken.dev.azure.com/61c028b9-510c-4f84-bfb2-f48d33b6b542';
const STS = 'sts.amazonaws.com';

const role = (account: string, name = 'ci') => `arn:aws:iam::${account}:role/${name}`;
const topic = (account: string) => `arn:aws:sns:eu-central-1:${account}:on-call`;

/** The first token of a configuration; without credentials the CDK CLI names a region of its own. */
const read = (tokens: unknown[], target: Parameters<typeof readConfiguration>[1] = TARGET) =>
  readConfiguration({ tokens }, target).tokens[0];
const readWithoutCredentials = (...tokens: object[]) =>
  read(
    tokens.map((settings, index) => ({ ...genesys, name: `a${index}`, ...settings })),
    { account: undefined, region: 'us-east-1' },
  );

test('reports all problems of all tokens in one error', () => {
  const tokens = [
    { ...genesys, region: 'moon', refreshInterval: 0 },
    { ...genesys, name: 'b', readers: ['me', 'arn:aws-cn:iam::111122223333:role/ci'] },
  ];

  expect(() => read(tokens)).toThrow(
    /has 4 problems:\n.*\[0\]\.refreshInterval: .*\n.*\[0\]\.region: .*\n.*\[1\]\.readers\[0\]: .*\n.*\[1\]\.readers\[1\]: /,
  );
});

test.each([
  [{ provider: 'genesys-cloud', region: 'mypurecloud.de' }],
  [{ provider: 'genesys-cloud', region: 'localhost:8443', allowUnlistedDomain: true }],
  [{ provider: 'nice-cxone-access-key', area: 'na1' }],
  [{ provider: 'nice-cxone-access-key', area: 'api.example.com' }],
  [{ provider: 'oauth2', tokenUrl: 'http://127.0.0.1:8080/token' }],
])('takes %j: a region, an area, a domain, plain http for loopback addresses', (settings) => {
  expect(read([{ name: 'a', ...settings }])?.provider).toEqual(settings);
});

test.each([
  ['jobs of 54 minutes with tokens of 60', { expectedLifetime: 60, longestJob: 54 }],
  ['3 minutes for tokens of 5', { expectedLifetime: 5, refreshInterval: 3 }],
  ['no concurrency, by false', { reservedConcurrency: false }],
])('accepts the limit: %s', (_, settings) => {
  expect(read([{ ...genesys, ...settings }])).toMatchObject(settings);
});

test.each([
  ['a repository with its ids', GITHUB, 'repo:octo-org@123456/ivr@456789:*', STS],
  ['all repositories of an owner', GITHUB, 'repo:octo-org/*', STS],
  ['the id of an owner', GITHUB, 'repository_owner_id:123456:*', STS],
  ['an enterprise with its own issuer', `${GITHUB}/octo`, 'repo:octo-org/*', STS],
  ['GitHub Enterprise Server', 'github.example.com/_services/token', 'repo:ivr/*', STS],
  ['GitLab', 'gitlab.com', 'project_path:octo/ivr:ref_type:branch:ref:main', STS],
  ['a GitLab of one’s own', 'gitlab.example.com', 'project_path:octo/*', STS],
  ['Azure DevOps', AZURE, 'sc://octo/contact centre/aws', 'api://AzureADTokenExchange'],
  ['another issuer', 'agent.buildkite.com', 'organization:octo:pipeline:ivr', STS],
])('takes %s as a reader, with its audience', (_, oidcProvider, subject, audience) => {
  const token = read([{ ...genesys, readers: [{ oidcProvider, subject }] }]);

  expect(token?.assuming.oidcSubjects).toEqual([{ oidcProvider, subject }]);
  expect(defaultAudience(oidcProvider, subject)).toBe(audience);
});

test('sorts readers by account, and those that may read only from the others', () => {
  const job = { oidcProvider: GITHUB, subject: 'repo:octo-org/ivr:ref:refs/heads/main' };
  const other = { ...job, subject: 'repo:octo-org/flows:environment:live' };
  const sso = role('444455556666', 'aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef');
  const readers = [
    ...[role('111122223333', 'a'), { role: role('111122223333', 'b'), refresh: false }],
    ...[{ role: sso }, { role: role('444455556666'), refresh: false }],
    ...[
      { ...job, refresh: false },
      { ...other, refresh: true },
    ],
  ];

  const token = read([{ ...genesys, readers }]);

  expect(token).toMatchObject({
    readers: [role('111122223333', 'a'), role('111122223333', 'b')],
    readOnly: [role('111122223333', 'b')],
    assuming: { roleArns: [sso], oidcSubjects: [other] },
    assumingReadOnly: { roleArns: [role('444455556666')], oidcSubjects: [job] },
  });
});

describe('without credentials', () => {
  const readers = [role('444455556666'), role('111122223333')];

  test('another ARN tells the account of the stack, and otherwise its readers do', () => {
    const told = readWithoutCredentials({ alarmTopicArn: topic('111122223333'), readers });
    const alone = readWithoutCredentials({ readers: readers.slice(0, 1) });

    expect(told?.readers).toEqual([role('111122223333')]);
    expect(alone?.readers).toEqual([role('444455556666')]);
  });

  test.each([
    [
      'tokens: the readers are of the accounts 444455556666 and 111122223333; which one is the stack’s is not known without credentials: give the CDK some (AWS_PROFILE)',
      [{ readers }],
    ],
    [
      `tokens[1].alarmTopicArn: "${topic('999900001111')}" lies in account 999900001111 (the other ARNs are in 111122223333)`,
      [{ alarmTopicArn: topic('111122223333') }, { alarmTopicArn: topic('999900001111') }],
    ],
    [
      'tokens[0].vpcId: "vpc-0123456789abcdef0" cannot be looked up without an account and a region; give the CDK credentials and a region',
      [{ vpcId: 'vpc-0123456789abcdef0' }],
    ],
  ])('refuses: %s', (message, tokens) => {
    expect(() => readWithoutCredentials(...tokens)).toThrow(message);
  });
});

import { parseTokens } from '../../../infra/configuration/tokens-configuration.ts';
import { TARGET } from '../full-configuration.ts';

const GITHUB = 'token.actions.githubusercontent.com';
const MAIN = 'repo:octo-org/ivr:ref:refs/heads/main';
const AZURE = 'vstoken.dev.azure.com/61c028b9-510c-4f84-bfb2-f48d33b6b542';
const UNKNOWN = { account: undefined, region: undefined };

const genesys = { name: 'a', provider: 'genesys-cloud', region: 'eu-central-1' };
const parse = (...readers: unknown[]) => parseTokens([{ ...genesys, readers }], TARGET)[0];
const role = (account: string, name = 'ci') => `arn:aws:iam::${account}:role/${name}`;

test.each([
  ['a branch', GITHUB, MAIN, 'sts.amazonaws.com'],
  ['a repository with its ids', GITHUB, 'repo:octo-org@123456/ivr@456789:*', 'sts.amazonaws.com'],
  ['all repositories of an owner', GITHUB, 'repo:octo-org/*', 'sts.amazonaws.com'],
  ['the id of an owner', GITHUB, 'repository_owner_id:123456:*', 'sts.amazonaws.com'],
  ['an enterprise with its own issuer', `${GITHUB}/octo`, 'repo:octo-org/*', 'sts.amazonaws.com'],
  ['GitHub Enterprise Server', 'github.example.com/_services/token', 'repo:ivr/*', 'sts.amazonaws.com'],
  ['GitLab', 'gitlab.com', 'project_path:octo/ivr:ref_type:branch:ref:main', 'sts.amazonaws.com'],
  ['a GitLab of one’s own', 'gitlab.example.com', 'project_path:octo/*', 'sts.amazonaws.com'],
  ['Azure DevOps', AZURE, 'sc://octo/contact centre/aws', 'api://AzureADTokenExchange'],
  ['another issuer', 'agent.buildkite.com', 'organization:octo:pipeline:ivr', 'sts.amazonaws.com'],
])('takes %s, with its audience', (_, oidcProvider, subject, audience) => {
  expect(parse({ oidcProvider, subject })?.assuming).toEqual({
    roleArns: [],
    oidcSubjects: [{ oidcProvider, subject, audience }],
  });
});

test('sorts roles of the stack’s account from those of others', () => {
  const sso = role('444455556666', 'aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef');

  const token = parse(role('111122223333'), role('444455556666'), sso);

  expect(token?.readers).toEqual([role('111122223333')]);
  expect(token?.assuming.roleArns).toEqual([role('444455556666'), sso]);
});

test('sorts those that may read only from the others, by an object of each kind', () => {
  const job = { oidcProvider: GITHUB, subject: MAIN };

  const token = parse(
    { role: role('111122223333', 'all') },
    { role: role('111122223333'), refresh: false },
    { role: role('444455556666'), refresh: false },
    { ...job, refresh: false },
    { ...job, subject: `${MAIN}2`, refresh: true },
  );

  const oidcSubjects = [{ ...job, audience: 'sts.amazonaws.com' }];
  expect(token).toMatchObject({
    readers: [role('111122223333', 'all'), role('111122223333')],
    readOnly: [role('111122223333')],
    assuming: { roleArns: [], oidcSubjects: [{ ...oidcSubjects[0], subject: `${MAIN}2` }] },
    assumingReadOnly: { roleArns: [role('444455556666')], oidcSubjects },
  });
});

describe('without credentials', () => {
  const KEY = 'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555';
  const readers = [role('444455556666'), role('111122223333')];

  test('a key tells the account of the stack', () => {
    const [token] = parseTokens([{ ...genesys, encryptionKeyArn: KEY, readers }], UNKNOWN);

    expect(token?.readers).toEqual([role('111122223333')]);
  });

  test('readers of one account are taken to be of the stack’s', () => {
    const [token] = parseTokens([{ ...genesys, readers: [role('444455556666')] }], UNKNOWN);

    expect(token?.readers).toEqual([role('444455556666')]);
  });

  test('readers of two accounts need some', () => {
    expect(() => parseTokens([{ ...genesys, readers }], UNKNOWN)).toThrow(
      'tokens: the readers are of the accounts 444455556666 and 111122223333; which one is the stack’s is not known without credentials: give the CDK some (AWS_PROFILE)',
    );
  });
});

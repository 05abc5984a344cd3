import { ConfigurationError } from '../../../infra/configuration/configuration-error.ts';
import { readOidcProviders } from '../../../infra/configuration/oidc-providers.ts';
import { parseTokens } from '../../../infra/configuration/tokens-configuration.ts';
import { TARGET } from '../full-configuration.ts';

const GITHUB = 'token.actions.githubusercontent.com';
const MAIN = 'repo:octo-org/ivr:ref:refs/heads/main';
const BITBUCKET = 'api.bitbucket.org/2.0/workspaces/octo/pipelines-config/identity/oidc';
const AZURE = 'vstoken.dev.azure.com/61c028b9-510c-4f84-bfb2-f48d33b6b542';
const UUID = '{9a8b7c6d-1234-4abc-8def-0123456789ab}';
/** Would be filled in by IAM. */
const VARIABLE = `$${'{aws:username}'}`;
const UNKNOWN = { account: undefined, region: undefined };

const genesys = { name: 'a', provider: 'genesys-cloud', region: 'eu-central-1' };
const parse = (...readers: unknown[]) => parseTokens([{ ...genesys, readers }], TARGET)[0];
const role = (account: string, name = 'ci') => `arn:aws:iam::${account}:role/${name}`;

const OWNER_OF_GITHUB =
  'does not say whose jobs it admits: a subject of GitHub begins with repo:<owner>/, and a wildcard may only follow that';

/** What is wrong, the reader, and what a person reads after the path `tokens[0].readers[0]`. */
const BAD: [string, unknown, string][] = [
  ['a number', 7, ': 7 is neither the ARN of a role nor an object with oidcProvider and subject'],
  ['nothing', null, ': null is neither the ARN of a role nor an object with oidcProvider and subject'],
  [
    'a list',
    [role('111122223333')],
    ': ["arn:aws:iam::111122223333:role/ci"] is neither the ARN of a role nor an object with oidcProvider and subject',
  ],
  [
    'a user',
    'arn:aws:iam::111122223333:user/ci',
    ': "arn:aws:iam::111122223333:user/ci" is not the ARN of an IAM role (arn:aws:iam::<account>:role/<name>)',
  ],
  [
    'an account',
    'arn:aws:iam::444455556666:root',
    ': "arn:aws:iam::444455556666:root" is not the ARN of an IAM role (arn:aws:iam::<account>:role/<name>)',
  ],
  [
    'all roles of another account',
    role('444455556666', '*'),
    ': "arn:aws:iam::444455556666:role/*" is not the ARN of an IAM role (arn:aws:iam::<account>:role/<name>)',
  ],
  [
    'a role of another partition',
    'arn:aws-cn:iam::444455556666:role/ci',
    ': "arn:aws-cn:iam::444455556666:role/ci" lies in partition aws-cn (the stack is in aws); IAM lets roles of its own partition in only; name one of those',
  ],
  [
    'a permission set of this account',
    role('111122223333', 'aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef'),
    ': "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaw… is a role that AWS manages, and IAM attaches no policy to it; name a role of your own, or give the permission set the permissions of a reader (docs/stack.md)',
  ],
  [
    'a service’s own role, of any account',
    role('444455556666', 'aws-service-role/x.amazonaws.com/X'),
    ': "arn:aws:iam::444455556666:role/aws-service-role/x.amazon… is a role that AWS manages, and IAM attaches no policy to it; name a role of your own, or give the permission set the permissions of a reader (docs/stack.md)',
  ],
  [
    'no provider',
    { subject: MAIN },
    '.oidcProvider: is missing; set it to the URL of an OIDC provider without https://, port, query and slash at the end (token.actions.githubusercontent.com)',
  ],
  ...[`https://${GITHUB}`, `${GITHUB}:443`, `${GITHUB}/`, `${GITHUB}?a`, 'github', GITHUB.toUpperCase()].map(
    (oidcProvider): [string, unknown, string] => [
      `provider ${oidcProvider}`,
      { oidcProvider, subject: MAIN },
      `.oidcProvider: "${oidcProvider}" is not the URL of an OIDC provider without https://, port, query and slash at the end (token.actions.githubusercontent.com)`,
    ],
  ),
  ['no subject', { oidcProvider: GITHUB }, '.subject: is missing; set it to the sub of the jobs’ tokens'],
  [
    'an empty subject',
    { oidcProvider: 'ci.example.com', subject: '' },
    '.subject: "" is not a subject: 1 to 255 printable characters up to "ÿ", without "${"',
  ],
  [
    'a policy variable',
    { oidcProvider: GITHUB, subject: `repo:octo-org/${VARIABLE}` },
    `.subject: "repo:octo-org/${VARIABLE}" is not a subject: 1 to 255 printable characters up to "ÿ", without "\${"`,
  ],
  ['everybody', { oidcProvider: GITHUB, subject: '*' }, `.subject: "*" ${OWNER_OF_GITHUB}`],
  ['every repository', { oidcProvider: GITHUB, subject: 'repo:*' }, `.subject: "repo:*" ${OWNER_OF_GITHUB}`],
  [
    'organization-evil',
    { oidcProvider: GITHUB, subject: 'repo:org*' },
    `.subject: "repo:org*" ${OWNER_OF_GITHUB}`,
  ],
  [
    'organization-evil, with a repository',
    { oidcProvider: GITHUB, subject: 'repo:org*/ivr:ref:refs/heads/main' },
    `.subject: "repo:org*/ivr:ref:refs/heads/main" ${OWNER_OF_GITHUB}`,
  ],
  [
    'an owner of as many letters',
    { oidcProvider: GITHUB, subject: 'repo:octo-or?/ivr:ref:refs/heads/main' },
    `.subject: "repo:octo-or?/ivr:ref:refs/heads/main" ${OWNER_OF_GITHUB}`,
  ],
  [
    'every owner that begins so',
    { oidcProvider: GITHUB, subject: 'repository_owner:octo*' },
    `.subject: "repository_owner:octo*" ${OWNER_OF_GITHUB}`,
  ],
  [
    'a claim that anybody can set',
    { oidcProvider: GITHUB, subject: 'environment:production' },
    '.subject: "environment:production" does not say whose jobs it admits: a subject of GitHub begins with repo:<owner>/',
  ],
  [
    'GitHub Enterprise Server, every repository',
    { oidcProvider: 'github.example.com/_services/token', subject: 'repo:*' },
    `.subject: "repo:*" ${OWNER_OF_GITHUB}`,
  ],
  [
    'GitHub Enterprise Cloud, every repository',
    { oidcProvider: 'token.actions.octo.ghe.com', subject: 'repo:*' },
    `.subject: "repo:*" ${OWNER_OF_GITHUB}`,
  ],
  ...['*', 'project_path:*', 'project_path:octo*', 'project_path:octo*/ivr:ref_type:branch:ref:main'].map(
    (subject): [string, unknown, string] => [
      `GitLab ${subject}`,
      { oidcProvider: 'gitlab.com', subject },
      `.subject: "${subject}" does not say whose jobs it admits: a subject of GitLab begins with project_path:<group>/, and a wildcard may only follow that`,
    ],
  ),
  [
    'a GitLab of one’s own, every group',
    { oidcProvider: 'gitlab.example.com', subject: 'project_path:*' },
    '.subject: "project_path:*" does not say whose jobs it admits: a subject of GitLab begins with project_path:<group>/, and a wildcard may only follow that',
  ],
  [
    'every repository of a Bitbucket workspace',
    { oidcProvider: BITBUCKET, subject: '*', audience: 'x' },
    '.subject: "*" does not say whose jobs it admits: a subject of Bitbucket begins with {<UUID of the repository>}:, and a wildcard may only follow that',
  ],
  [
    'a Bitbucket repository by its name',
    { oidcProvider: BITBUCKET, subject: 'ivr:*', audience: 'x' },
    '.subject: "ivr:*" does not say whose jobs it admits: a subject of Bitbucket begins with {<UUID of the repository>}:, and a wildcard may only follow that',
  ],
  [
    'a Bitbucket repository without its steps',
    { oidcProvider: BITBUCKET, subject: `${UUID}:`, audience: 'x' },
    `.subject: "${UUID}:" matches nothing: a subject of Bitbucket ends with the step's UUID, another one each time; end it with ":*"`,
  ],
  [
    'Bitbucket without its audience',
    { oidcProvider: BITBUCKET, subject: `${UUID}:*` },
    '.audience: is missing; Bitbucket shows it beside the identity provider: ari:cloud:bitbucket::workspace/<UUID>',
  ],
  [
    'every service connection of an Azure DevOps project',
    { oidcProvider: AZURE, subject: 'sc://octo/ivr/*' },
    '.subject: "sc://octo/ivr/*" does not say whose jobs it admits: a subject of Azure DevOps begins with sc://<organization>/<project>/<service connection>, and a wildcard may only follow that',
  ],
  [
    'service connections that begin alike',
    { oidcProvider: AZURE, subject: 'sc://octo/ivr/aws*' },
    '.subject: "sc://octo/ivr/aws*" has a wildcard; a subject of Azure DevOps is exactly sc://<organization>/<project>/<service connection>',
  ],
  [
    'a wildcard for another issuer',
    { oidcProvider: 'agent.buildkite.com', subject: 'organization:octo:pipeline:*' },
    '.subject: "organization:octo:pipeline:*" has a wildcard, which is for GitHub, GitLab and Bitbucket only; write out the subjects of agent.buildkite.com',
  ],
  ...['*', '', 'a b', 'sts.amazonaws.com?', VARIABLE].map((audience): [string, unknown, string] => [
    `audience "${audience}"`,
    { oidcProvider: GITHUB, subject: MAIN, audience },
    `.audience: "${audience}" is not an audience: 1 to 255 printable ASCII characters without spaces, wildcards and "\${"`,
  ]),
  [
    'a misspelt key',
    { oidcProvider: GITHUB, subject: MAIN, audiance: 'x' },
    '.audiance: is not a setting; did you mean "audience"?',
  ],
];

test.each(BAD)('says what is wrong with a reader: %s', (_, reader, message) => {
  expect(() => parse(reader)).toThrow(
    new ConfigurationError(`The configuration has a problem:\n  - tokens[0].readers[0]${message}`),
  );
});

test.each([
  ['a role', role('444455556666')],
  ['a subject', { oidcProvider: GITHUB, subject: MAIN }],
])('refuses %s that is listed twice', (_, reader) => {
  expect(() => parse(reader, reader)).toThrow(/tokens\[0\]\.readers\[1\]: .* is listed twice/);
});

test('refuses readers that are no list', () => {
  const tokens = [{ ...genesys, readers: role('111122223333') }];

  expect(() => parseTokens(tokens, TARGET)).toThrow(
    'tokens[0].readers: "arn:aws:iam::111122223333:role/ci" is not a list of role ARNs and objects with oidcProvider and subject',
  );
});

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

test('takes a Bitbucket repository with the workspace as the audience', () => {
  const reader = {
    oidcProvider: BITBUCKET,
    subject: `${UUID}:*`,
    audience: 'ari:cloud:bitbucket::workspace/680cb3e4-55d4-4f8b-9b8d-8f8d9ddbb4e1',
  };

  expect(parse(reader)?.assuming.oidcSubjects).toEqual([reader]);
});

test('sorts roles of the stack’s account from those of others', () => {
  const sso = role('444455556666', 'aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef');

  const token = parse(role('111122223333'), role('444455556666'), sso);

  expect(token?.readers).toEqual([role('111122223333')]);
  expect(token?.assuming.roleArns).toEqual([role('444455556666'), sso]);
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

describe('createOidcProviders', () => {
  const tokens = parseTokens(
    [
      { ...genesys, readers: [{ oidcProvider: GITHUB, subject: MAIN }] },
      {
        ...genesys,
        name: 'b',
        readers: [{ oidcProvider: GITHUB, subject: MAIN, audience: 'https://github.com/octo-org' }],
      },
      { ...genesys, name: 'c', readers: [{ oidcProvider: GITHUB, subject: 'repo:octo-org/*' }] },
    ],
    TARGET,
  );

  test.each([
    [undefined, []],
    [[GITHUB], [{ oidcProvider: GITHUB, audiences: ['https://github.com/octo-org', 'sts.amazonaws.com'] }]],
    [`["${GITHUB}"]`, [expect.objectContaining({ oidcProvider: GITHUB })]],
  ])('takes %j, with the audiences of all tokens', (value, expected) => {
    const problems: string[] = [];

    expect(readOidcProviders(value, tokens, problems)).toEqual(expected);
    expect(problems).toEqual([]);
  });

  test.each([
    [true, 'createOidcProviders: true is not a list like ["token.actions.githubusercontent.com"]'],
    [GITHUB, `createOidcProviders: "${GITHUB}" is not a list like ["token.actions.githubusercontent.com"]`],
    [
      [`https://${GITHUB}`],
      `createOidcProviders[0]: "https://${GITHUB}" is not the URL of an OIDC provider without https://, port, query and slash at the end (token.actions.githubusercontent.com)`,
    ],
    [['gitlab.com'], 'createOidcProviders[0]: "gitlab.com" is the oidcProvider of no reader; remove it'],
    [[GITHUB, GITHUB], `createOidcProviders[1]: "${GITHUB}" is listed twice`],
    [
      [7, 'gitlab.com'],
      'createOidcProviders[0]: 7 is not the URL of an OIDC provider without https://, port, query and slash at the end (token.actions.githubusercontent.com)\ncreateOidcProviders[1]: "gitlab.com" is the oidcProvider of no reader; remove it',
    ],
  ])('refuses %j', (value, message) => {
    const problems: string[] = [];
    readOidcProviders(value, tokens, problems);

    expect(problems.join('\n')).toBe(message);
  });
});

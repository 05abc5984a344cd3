import { readFileSync } from 'node:fs';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import fc from 'fast-check';
import { parseTokens } from '../../infra/configuration/tokens-configuration.ts';
import { ReaderRole, type ReaderRoleProps } from '../../infra/construct/reader-role.ts';
import { subjectProblem } from '../../infra/rules/oidc-subject.ts';
import { isAllowed } from '../../local/aws/iam.ts';
import type { PolicyDocument } from '../../local/aws/operation.ts';
import { LOCAL_PLACE, synthesize } from '../../local/synthesized-function.ts';
import { createResolver } from '../../local/template-resolver.ts';
import { FULL_CONTEXT, FULL_TOKENS, TARGET } from './full-configuration.ts';
import { KEY_POLICY } from './key-policy.ts';

const stack = synthesize({ tokens: FULL_TOKENS, context: FULL_CONTEXT, target: TARGET });
const resolver = createResolver(stack, LOCAL_PLACE);
const GITHUB = 'token.actions.githubusercontent.com';
const GITLAB = 'gitlab.com';
const AZURE = 'vstoken.dev.azure.com/61c028b9-510c-4f84-bfb2-f48d33b6b542';
const BITBUCKET = 'api.bitbucket.org/2.0/workspaces/octo/pipelines-config/identity/oidc';
const REPOSITORY = '{9a8b7c6d-1234-4abc-8def-0123456789ab}';
const STEP = '{11111111-2222-4333-8444-555555555555}';
const WORKSPACE = 'ari:cloud:bitbucket::workspace/680cb3e4-55d4-4f8b-9b8d-8f8d9ddbb4e1';
const STS = 'sts.amazonaws.com';
const EXCHANGE = 'api://AzureADTokenExchange';
const MAIN = 'repo:octo-org/ivr:ref:refs/heads/main';

/** A reader role of the template, nothing left to resolve. */
interface TemplateRole {
  readonly arn: string;
  readonly maxSessionSeconds: number;
  readonly trust: PolicyDocument;
  readonly policies: readonly PolicyDocument[];
}

const genesys = readerRole('genesys');
const generic = readerRole('generic');

describe('by OIDC, a role is taken', () => {
  test.each<[string, TemplateRole, string, string | undefined, string | undefined, boolean]>([
    ['the branch', genesys, GITHUB, STS, MAIN, true],
    ['what the wildcard covers', genesys, GITHUB, STS, 'repo:octo-org/flows-a:environment:live', true],
    ['GitLab', genesys, GITLAB, STS, 'project_path:octo/ivr:ref_type:branch:ref:main', true],
    ['Azure DevOps', generic, AZURE, EXCHANGE, 'sc://octo/contact centre/aws', true],
    ['a step of Bitbucket', generic, BITBUCKET, WORKSPACE, `${REPOSITORY}:${STEP}`, true],
    ['a deployment of Bitbucket', generic, BITBUCKET, WORKSPACE, `${REPOSITORY}:{2}:${STEP}`, true],
    ['another branch', genesys, GITHUB, STS, 'repo:octo-org/ivr:ref:refs/heads/evil', false],
    ['a branch that begins alike', genesys, GITHUB, STS, `${MAIN}2`, false],
    ['a tag of the same name', genesys, GITHUB, STS, 'repo:octo-org/ivr:ref:refs/tags/main', false],
    ['a pull request', genesys, GITHUB, STS, 'repo:octo-org/ivr:pull_request', false],
    ['another owner', genesys, GITHUB, STS, 'repo:octo-org-evil/ivr:ref:refs/heads/main', false],
    ['another owner, by the wildcard', genesys, GITHUB, STS, 'repo:evil/flows-a:environment:live', false],
    [
      'claims set at will',
      genesys,
      GITHUB,
      STS,
      'environment:repo%3Aocto-org/flows-a:environment:live',
      false,
    ],
    ['another environment', genesys, GITHUB, STS, 'repo:octo-org/flows-a:environment:test', false],
    ['another case', genesys, GITHUB, STS, 'repo:Octo-Org/ivr:ref:refs/heads/main', false],
    ['another audience', genesys, GITHUB, 'evil', MAIN, false],
    ['no audience', genesys, GITHUB, undefined, MAIN, false],
    ['no subject', genesys, GITHUB, STS, undefined, false],
    ['no claim at all', genesys, GITHUB, undefined, undefined, false],
    ['another issuer with the same claims', genesys, 'evil.example.com', STS, MAIN, false],
    ['another issuer of the role', genesys, GITLAB, STS, MAIN, false],
    [
      'another group of GitLab',
      genesys,
      GITLAB,
      STS,
      'project_path:octo-evil/ivr:ref_type:branch:ref:main',
      false,
    ],
    ['the job of another token', generic, GITHUB, STS, MAIN, false],
    ['another service connection', generic, AZURE, EXCHANGE, 'sc://octo/contact centre/aws2', false],
    [
      'another organization',
      generic,
      `${AZURE.slice(0, -1)}3`,
      EXCHANGE,
      'sc://octo/contact centre/aws',
      false,
    ],
    ['another repository', generic, BITBUCKET, WORKSPACE, `{0${REPOSITORY.slice(2)}:${STEP}`, false],
    ['another workspace', generic, BITBUCKET, `${WORKSPACE}1`, `${REPOSITORY}:${STEP}`, false],
  ])('by %s', (_, role, issuer, aud, sub, expected) => {
    expect(mayTakeByOidc(role.trust, issuer, aud, sub)).toBe(expected);
  });
});

describe('from another account, a role is taken', () => {
  test.each([
    ['the role that is named, path and all', 'arn:aws:iam::444455556666:role/ci/deploy', true],
    ['another role of the account', 'arn:aws:iam::444455556666:role/ci/admin', false],
    ['a role that begins alike', 'arn:aws:iam::444455556666:role/ci/deploy2', false],
    ['a role of that name without the path', 'arn:aws:iam::444455556666:role/deploy', false],
    ['a role of that name under another path', 'arn:aws:iam::444455556666:role/evil/ci/deploy', false],
    ['a role of that name in another account', 'arn:aws:iam::777788889999:role/ci/deploy', false],
    ['a role of that name in this account', 'arn:aws:iam::111122223333:role/ci/deploy', false],
    ['a user of that name', 'arn:aws:iam::444455556666:user/ci/deploy', false],
    ['the account’s root', 'arn:aws:iam::444455556666:root', false],
    ['a reader of this account', 'arn:aws:iam::111122223333:role/ci/build', false],
  ])('by %s', (_, principal, expected) => {
    expect(mayTake(genesys, principal)).toBe(expected);
  });

  test('by nobody whose own account does not allow it', () => {
    expect(mayTake(genesys, 'arn:aws:iam::444455556666:role/ci/deploy', [])).toBe(false);
  });
});

test('no policy names a foreign role as the principal: once it is deleted, IAM would refuse the next deployment', () => {
  const principals = [genesys, generic].flatMap(({ trust }) =>
    (trust.Statement as { Principal: object }[]).map(({ Principal }) => Principal),
  );

  expect(JSON.stringify(principals)).not.toMatch(/:role\/|\*/);
});

test('sessions last up to 12 hours', () => {
  expect([genesys, generic].map(({ maxSessionSeconds }) => maxSessionSeconds)).toEqual([43_200, 43_200]);
});

test('a reader role may do what a reader of this account may', () => {
  const statementsOf = (policies: readonly PolicyDocument[]) =>
    policies.flatMap(({ Statement }) => (Statement as object[]).map((one) => JSON.stringify(one))).sort();

  for (const [role, reader] of [
    [genesys, 'build'],
    [generic, 'generic-build'],
  ] as const) {
    expect(role.policies.length).toBeGreaterThan(0);
    expect(statementsOf(role.policies)).toEqual(statementsOf(policiesOf(reader)));
  }
});

test.each<[string, boolean, TemplateRole, string, string, string?]>([
  ['reads', true, generic, 'ssm:GetParameters', parameter('/team/ci/generic/access-token')],
  ['reads the status', true, generic, 'ssm:GetParameters', parameter('/team/ci/generic/token-status')],
  ['refreshes', true, generic, 'lambda:InvokeFunction', functionArn('token-refresher-team-ci-generic')],
  [
    'reads the history',
    false,
    generic,
    'ssm:GetParameterHistory',
    parameter('/team/ci/generic/access-token'),
  ],
  ['writes', false, generic, 'ssm:PutParameter', parameter('/team/ci/generic/access-token')],
  ['reads another token', false, generic, 'ssm:GetParameters', parameter('/ci/genesys/access-token')],
  [
    'refreshes another token',
    false,
    generic,
    'lambda:InvokeFunction',
    functionArn('token-refresher-ci-genesys'),
  ],
  ['decrypts', true, generic, 'kms:Decrypt', keyOf('generic'), '/team/ci/generic/access-token'],
  ['decrypts another token', false, generic, 'kms:Decrypt', keyOf('generic'), '/ci/cxone/access-token'],
  ['decrypts past its own', false, genesys, 'kms:Decrypt', keyOf('generic'), '/team/ci/generic/access-token'],
])('a reader role %s: %p', (_, expected, role, action, resource, encrypted) => {
  const allowed = isAllowed(role.policies, {
    action,
    resource,
    principalArn: `${role.arn.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/job`,
    ...(encrypted !== undefined && {
      context: {
        'kms:ViaService': 'ssm.eu-central-1.amazonaws.com',
        'kms:EncryptionContext:PARAMETER_ARN': parameter(encrypted),
      },
      resourcePolicy: KEY_POLICY,
    }),
  });

  expect(allowed).toBe(expected);
});

test('prints the ARN of each reader role', () => {
  const outputs = Object.entries(stack.template.Outputs ?? {}).filter(([key]) => key.endsWith('ReaderRole'));

  expect(outputs.map(([key, { Value }]) => [key, resolver.resolve(Value)])).toEqual([
    ['GenesysReaderRole', genesys.arn],
    ['GenericReaderRole', generic.arn],
  ]);
});

test('there is no reader role for readers of this account', () => {
  const tokens = [{ ...FULL_TOKENS[0], readers: ['arn:aws:iam::111122223333:role/ci/build'] }];

  const { template } = synthesize({ tokens, target: TARGET });

  expect(
    Object.keys({ ...template.Resources, ...template.Outputs }).filter((id) => /ReaderRole/.test(id)),
  ).toEqual([]);
});

test('whichever wildcards a subject has, it admits one owner only', () => {
  const part = fc.stringMatching(/^[a-z0-9-]{1,12}$/);
  const subject = fc.tuple(part, part, part).map(([owner, name, branch]) => ({
    owner,
    text: `repo:${owner}/${name}:ref:refs/heads/${branch}`,
  }));
  const cut = fc.record({ from: fc.nat(40), length: fc.nat(12), by: fc.constantFrom('*', '?', '**', '*/*') });

  fc.assert(
    fc.property(subject, fc.array(cut, { minLength: 1, maxLength: 3 }), ({ owner, text }, cuts) => {
      const pattern = cuts.reduce(
        (made, { from, length, by }) => made.slice(0, from) + by + made.slice(from + length),
        text,
      );
      fc.pre(subjectProblem(GITHUB, pattern) === undefined);

      expect(pattern.split(/[*?]/)[0]).toContain(`repo:${owner}/`);
    }),
    { numRuns: 2_000 },
  );
});

describe('ReaderRole refuses', () => {
  test.each<[string, ReaderRoleProps, string[]]>([
    [
      'each wrong reader, all at once',
      {
        roleArns: ['arn:aws:iam::444455556666:role/*'],
        oidcSubjects: [
          { oidcProvider: GITHUB, subject: 'repo:org*' },
          { oidcProvider: 'https://gitlab.com', subject: 'project_path:octo/ivr:ref:main', audience: '*' },
        ],
      },
      [
        'roleArns[0]: "arn:aws:iam::444455556666:role/*" is not the ARN of an IAM role (arn:aws:iam::<account>:role/<name>)',
        'oidcSubjects[0].subject: "repo:org*" does not say whose jobs it admits: a subject of GitHub begins with repo:<owner>/, and a wildcard may only follow that',
        'oidcSubjects[1].oidcProvider: "https://gitlab.com" is not the URL of an OIDC provider without https://, port, query and slash at the end (token.actions.githubusercontent.com)',
        'oidcSubjects[1].audience: "*" is not an audience',
      ],
    ],
    ['no reader', {}, ['roleArns: has no reader']],
    [
      'a reader without a subject, as JavaScript may pass it',
      { oidcSubjects: [{ oidcProvider: GITHUB }] as never },
      ['oidcSubjects[0].subject: is missing'],
    ],
  ])('%s', (_, props, problems) => {
    expect(() => new ReaderRole(new Stack(), 'Readers', props)).toThrow(`:\n  - ${problems.join('\n  - ')}`);
  });
});

describe('docs/readers.md', () => {
  // What a job shows there, as the CI system documents it, and what the next job shows.
  test.each([
    ['GitHub Actions', GITHUB, STS, MAIN, 'repo:octo-org/ivr:pull_request'],
    [
      'GitLab',
      GITLAB,
      STS,
      'project_path:octo/ivr:ref_type:branch:ref:main',
      'project_path:octo/ivr:ref_type:tag:ref:main',
    ],
    ['Azure DevOps', AZURE, EXCHANGE, 'sc://octo/contact centre/aws-genesys', 'sc://octo/contact centre/aws'],
    ['Bitbucket', BITBUCKET, WORKSPACE, `${REPOSITORY}:${STEP}`, `{0${REPOSITORY.slice(2)}:${STEP}`],
  ])('the configuration for %s lets its job in, and not the next one', (section, issuer, aud, sub, other) => {
    const trust = documentedTrust(section);

    expect(mayTakeByOidc(trust, issuer, aud, sub)).toBe(true);
    expect(mayTakeByOidc(trust, issuer, aud, other)).toBe(false);
  });

  test('the two policies for another account let its role in, together only', () => {
    const [, statement = '{}'] = blocksOf('Another AWS account');
    const identity = { Version: '2012-10-17', Statement: [JSON.parse(statement)] };
    const role = { arn: identity.Statement[0].Resource, trust: documentedTrust('Another AWS account') };

    expect(mayTake(role, 'arn:aws:iam::444455556666:role/ci/deploy', [identity])).toBe(true);
    expect(mayTake(role, 'arn:aws:iam::444455556666:role/ci/deploy', [])).toBe(false);
  });

  test('the table of subjects for GitHub has none that is refused', () => {
    const [, table = ''] = sectionOf('GitHub Actions').split('| jobs |');

    const subjects = [...table.matchAll(/\| `(repo:[^`]+)` \|/g)].map(([, subject = '']) => subject);

    expect(subjects.map((subject) => subjectProblem(GITHUB, subject))).toEqual(Array(4).fill(undefined));
  });
});

/** The role that the template makes for the other readers of a token. */
function readerRole(token: string): TemplateRole {
  const [logicalId, resource] =
    Object.entries(stack.template.Resources).find(
      ([id, { Type }]) => Type === 'AWS::IAM::Role' && id.startsWith(`${token}resourcesReaderRole`),
    ) ?? [];
  if (logicalId === undefined || resource === undefined) throw new Error(`No reader role for ${token}`);
  return {
    arn: resolver.attribute(logicalId, 'Arn'),
    maxSessionSeconds: Number(resource.Properties?.MaxSessionDuration),
    trust: resolver.resolve(resource.Properties?.AssumeRolePolicyDocument) as PolicyDocument,
    policies: policiesOf(resolver.ref(logicalId)),
  };
}

function policiesOf(roleName: string): PolicyDocument[] {
  return Object.values(stack.template.Resources)
    .filter(({ Type }) => Type === 'AWS::IAM::Policy')
    .map(
      ({ Properties }) => resolver.resolve(Properties) as { Roles: string[]; PolicyDocument: PolicyDocument },
    )
    .filter(({ Roles }) => Roles.includes(roleName))
    .map(({ PolicyDocument }) => PolicyDocument);
}

/** STS finds the account's provider by the token's issuer; the claims are condition keys of that provider. */
function mayTakeByOidc(trust: PolicyDocument, issuer: string, aud?: string, sub?: string): boolean {
  return isAllowed([], {
    action: 'sts:AssumeRoleWithWebIdentity',
    resource: 'arn:aws:iam::111122223333:role/reader',
    principalArn: `arn:aws:iam::111122223333:oidc-provider/${issuer}`,
    context: {
      ...(aud === undefined ? {} : { [`${issuer}:aud`]: aud }),
      ...(sub === undefined ? {} : { [`${issuer}:sub`]: sub }),
    },
    resourcePolicy: trust,
  });
}

/** The session's ARN has no path; `aws:PrincipalArn` is the role's, with it. */
function mayTake(
  role: Pick<TemplateRole, 'arn' | 'trust'>,
  principal: string,
  policies: PolicyDocument[] = [
    { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'sts:*', Resource: '*' }] },
  ],
): boolean {
  const [, account, name] = /^arn:aws:iam::(\d+):role\/(?:.*\/)?([^/]+)$/.exec(principal) ?? [];
  return isAllowed(policies, {
    action: 'sts:AssumeRole',
    resource: role.arn,
    principalArn: name === undefined ? principal : `arn:aws:sts::${account}:assumed-role/${name}/session`,
    context: { 'aws:PrincipalArn': principal },
    resourcePolicy: role.trust,
  });
}

function parameter(name: string): string {
  return `arn:aws:ssm:eu-central-1:111122223333:parameter${name}`;
}

function functionArn(name: string): string {
  return `arn:aws:lambda:eu-central-1:111122223333:function:${name}`;
}

function keyOf(token: string): string {
  return FULL_TOKENS.find(({ name }) => name === token)?.encryptionKeyArn ?? '';
}

/** Whom the configuration of a section of docs/readers.md makes the reader role trust. */
function documentedTrust(section: string): PolicyDocument {
  const [configuration = '{}'] = blocksOf(section);
  const [token] = parseTokens([JSON.parse(configuration)], TARGET);
  const own = new Stack(new App(), 'Stack', { env: TARGET });
  new ReaderRole(own, 'Readers', token?.assuming ?? {});
  const [role] = Object.values(Template.fromStack(own).findResources('AWS::IAM::Role'));
  return JSON.parse(JSON.stringify(role?.Properties.AssumeRolePolicyDocument), (_, value) => {
    if (value?.Ref === 'AWS::Partition') return 'aws';
    return value?.['Fn::Join'] ? value['Fn::Join'][1].join('') : value;
  });
}

function blocksOf(section: string): string[] {
  return [...sectionOf(section).matchAll(/```json\n(.*?)```/gs)].map(([, block = '']) => block);
}

function sectionOf(title: string): string {
  const sections = readFileSync('docs/readers.md', 'utf8').split(/^## /m);
  return sections.find((one) => one.startsWith(`${title}\n`)) ?? '';
}

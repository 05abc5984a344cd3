import { readFileSync } from 'node:fs';
import { Template } from 'aws-cdk-lib/assertions';
import fc from 'fast-check';
import { readConfiguration } from '../../infra/configuration/app-configuration.ts';
import { given } from '../../infra/construct/given.ts';
import { ReaderRole, type ReaderRoleProps } from '../../infra/construct/reader-role.ts';
import { subjectProblem } from '../../infra/rules/oidc-subject.ts';
import { administratorPolicy, isAllowed } from '../../local/aws/iam.ts';
import type { PolicyDocument } from '../../local/aws/operation.ts';
import { policiesOfRole } from '../../local/synthesized-function.ts';
import { createResolver } from '../../local/template-resolver.ts';
import { newStack } from './construct/own-refresher.ts';
import { TARGET } from './full-configuration.ts';
import { stackOf } from './synthesized.ts';

const stack = stackOf();
const resolver = createResolver(stack);
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

const genesys = readerRole('genesys');
const generic = readerRole('generic');

const PROJECT = 'project_path:octo/ivr:ref_type:branch:ref:main';
const CONNECTION = 'sc://octo/contact centre/aws';

test.each<[string, typeof genesys, string, string | undefined, string | undefined, boolean]>([
  // Otherwise the refusals below would prove nothing.
  ['a branch of GitHub', genesys, GITHUB, STS, MAIN, true],
  ['what the wildcard covers', genesys, GITHUB, STS, 'repo:octo-org/flows-a:environment:live', true],
  ['a branch of GitLab', genesys, GITLAB, STS, PROJECT, true],
  ['a service connection', generic, AZURE, EXCHANGE, CONNECTION, true],
  ['a step of Bitbucket', generic, BITBUCKET, WORKSPACE, `${REPOSITORY}:${STEP}`, true],
  ['a branch that begins alike', genesys, GITHUB, STS, `${MAIN}2`, false],
  ['another owner', genesys, GITHUB, STS, 'repo:octo-org-evil/ivr:ref:refs/heads/main', false],
  ['another owner, by the wildcard', genesys, GITHUB, STS, 'repo:evil/flows-a:environment:live', false],
  ['claims set at will', genesys, GITHUB, STS, 'environment:repo%3Aocto-org/flows-a:environment:live', false],
  ['another environment', genesys, GITHUB, STS, 'repo:octo-org/flows-a:environment:test', false],
  ['another case', genesys, GITHUB, STS, 'repo:Octo-Org/ivr:ref:refs/heads/main', false],
  ['another audience', genesys, GITHUB, 'evil', MAIN, false],
  ['another workspace', generic, BITBUCKET, `${WORKSPACE}1`, `${REPOSITORY}:${STEP}`, false],
  ['no audience', genesys, GITHUB, undefined, MAIN, false],
  ['no subject', genesys, GITHUB, STS, undefined, false],
  ['another issuer with the same claims', genesys, 'evil.example.com', STS, MAIN, false],
  ['another issuer of the role', genesys, GITLAB, STS, MAIN, false],
  ['the job of another token', generic, GITHUB, STS, MAIN, false],
])('by OIDC, a role lets in %s', (_, role, issuer, aud, sub, expected) => {
  expect(mayTakeByOidc(role.trust, issuer, aud, sub)).toBe(expected);
});

test.each([
  ['the role that is named, path and all', 'arn:aws:iam::444455556666:role/ci/deploy', true],
  ['a role that begins alike', 'arn:aws:iam::444455556666:role/ci/deploy2', false],
  ['a role of that name without the path', 'arn:aws:iam::444455556666:role/deploy', false],
  ['a role of that name in another account', 'arn:aws:iam::777788889999:role/ci/deploy', false],
  ['the account’s root', 'arn:aws:iam::444455556666:root', false],
])('from another account, a role is taken by %s: %p', (_, principal, expected) => {
  expect(mayTake(genesys, principal)).toBe(expected);
});

test('no policy names a foreign role as the principal: once it is deleted, IAM would refuse the next deployment', () => {
  const principals = [genesys, generic].flatMap(({ trust }) =>
    (trust.Statement as { Principal: object }[]).map(({ Principal }) => Principal),
  );

  expect(JSON.stringify(principals)).not.toMatch(/:role\/|\*/);
});

// The snapshot of token-refresher.test.ts has the permissions of a reader of this account, and no role for it.
test('a reader role is printed, may do what a reader of this account may, and lasts up to 12 hours', () => {
  const statementsOf = (policies: readonly PolicyDocument[]) =>
    policies.flatMap(({ Statement }) => (Statement as object[]).map((one) => JSON.stringify(one))).sort();

  expect(resolver.resolve(stack.template.Outputs?.GenericReaderRole?.Value)).toBe(generic.arn);
  expect(generic.policies.length).toBeGreaterThan(0);
  expect(statementsOf(generic.policies)).toEqual(statementsOf(policiesOfRole(stack, 'generic-build')));
  expect(generic.maxSessionSeconds).toBe(43_200);
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
    { numRuns: 500 },
  );
});

test.each<[ReaderRoleProps, string[]]>([
  [
    {
      roleArns: ['arn:aws:iam::444455556666:role/*'],
      oidcSubjects: [{ oidcProvider: GITHUB, subject: 'repo:org*' }],
    },
    [
      'roleArns[0]: "arn:aws:iam::444455556666:role/*" is not the ARN of an IAM role',
      'oidcSubjects[0].subject: "repo:org*" does not say whose jobs it admits',
    ],
  ],
  [{}, ['roleArns: has no reader']],
  [{ oidcSubjects: [{ oidcProvider: GITHUB }] as never }, ['oidcSubjects[0].subject: is missing']],
])('ReaderRole refuses wrong readers, all at once: %j', (props, problems) => {
  for (const problem of problems) {
    expect(() => new ReaderRole(newStack(), 'Readers', props)).toThrow(`\n  - ${problem}`);
  }
});

describe('docs/readers.md', () => {
  // What a job shows there, as the CI system documents it.
  test.each([
    ['GitHub Actions', GITHUB, STS, MAIN],
    ['GitLab', GITLAB, STS, PROJECT],
    ['Azure DevOps', AZURE, EXCHANGE, `${CONNECTION}-cx-as-code`],
    ['Bitbucket', BITBUCKET, WORKSPACE, `${REPOSITORY}:${STEP}`],
  ])('the configuration for %s lets its job in', (section, issuer, aud, sub) => {
    expect(mayTakeByOidc(documentedTrust(section), issuer, aud, sub)).toBe(true);
  });

  test('the two policies for another account let its role in', () => {
    const [, statement = '{}'] = blocksOf('Another AWS account');
    const identity = { Version: '2012-10-17', Statement: [JSON.parse(statement)] };
    const role = { arn: identity.Statement[0].Resource, trust: documentedTrust('Another AWS account') };

    expect(mayTake(role, 'arn:aws:iam::444455556666:role/ci/deploy', [identity])).toBe(true);
  });

  test('the table of subjects for GitHub has none that is refused', () => {
    const [, table = ''] = sectionOf('GitHub Actions').split('| jobs |');

    const subjects = [...table.matchAll(/\| `(repo:[^`]+)` \|/g)].map(([, subject = '']) => subject);

    expect(subjects.map((subject) => subjectProblem(GITHUB, subject))).toEqual(Array(4).fill(undefined));
  });
});

/** The role that the template makes for the other readers of a token, nothing left to resolve. */
function readerRole(token: string) {
  const [[logicalId, { Properties = {} }] = ['', { Properties: {} }]] = Object.entries(
    stack.template.Resources,
  ).filter(([id, { Type }]) => Type === 'AWS::IAM::Role' && id.startsWith(`${token}resourcesReaderRole`));
  return {
    arn: resolver.attribute(logicalId, 'Arn'),
    maxSessionSeconds: Properties.MaxSessionDuration,
    trust: resolver.resolve(Properties.AssumeRolePolicyDocument) as PolicyDocument,
    policies: policiesOfRole(stack, resolver.ref(logicalId)),
  };
}

/** STS finds the account's provider by the token's issuer; the claims are condition keys of that provider. */
function mayTakeByOidc(trust: PolicyDocument, issuer: string, aud?: string, sub?: string): boolean {
  return isAllowed([], {
    action: 'sts:AssumeRoleWithWebIdentity',
    resource: 'arn:aws:iam::111122223333:role/reader',
    principalArn: `arn:aws:iam::111122223333:oidc-provider/${issuer}`,
    context: given({ [`${issuer}:aud`]: aud, [`${issuer}:sub`]: sub }) as Record<string, string>,
    resourcePolicy: trust,
  });
}

/** The session's ARN has no path; `aws:PrincipalArn` is the role's, with it. */
function mayTake(
  role: Pick<typeof genesys, 'arn' | 'trust'>,
  principal: string,
  policies = [administratorPolicy],
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

/** Whom the configuration of a section of docs/readers.md makes the reader role trust. */
function documentedTrust(section: string): PolicyDocument {
  const [configuration = '{}'] = blocksOf(section);
  const [token] = readConfiguration({ tokens: [JSON.parse(configuration)] }, TARGET).tokens;
  const own = newStack(TARGET);
  new ReaderRole(own, 'Readers', token?.assuming ?? {});
  const template = Template.fromStack(own).toJSON() as typeof stack.template;
  const [role] = Object.values(template.Resources);
  const trust = role?.Properties?.AssumeRolePolicyDocument;
  return createResolver({ ...stack, template }).resolve(trust) as PolicyDocument;
}

function blocksOf(section: string): string[] {
  return [...sectionOf(section).matchAll(/```json\n(.*?)```/gs)].map(([, block = '']) => block);
}

function sectionOf(title: string): string {
  const sections = readFileSync('docs/readers.md', 'utf8').split(/^## /m);
  return sections.find((one) => one.startsWith(`${title}\n`)) ?? '';
}

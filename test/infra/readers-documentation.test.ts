import { readFileSync } from 'node:fs';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { parseTokens } from '../../infra/configuration/tokens-configuration.ts';
import { ReaderRole } from '../../infra/construct/reader-role.ts';
import { isAllowed } from '../../local/aws/iam.ts';
import type { PolicyDocument } from '../../local/aws/operation.ts';
import { TARGET } from './full-configuration.ts';

const PAGE = readFileSync('docs/readers.md', 'utf8');
const STEP = '{11111111-2222-4333-8444-555555555555}';

/** Sections of docs/readers.md, and what a job there shows: its issuer, audience and subject as the CI system documents them. */
const JOBS: readonly [string, string, { aud: string; sub: string }, string][] = [
  [
    'GitHub Actions',
    'token.actions.githubusercontent.com',
    { aud: 'sts.amazonaws.com', sub: 'repo:octo-org/ivr:ref:refs/heads/main' },
    'repo:octo-org/ivr:pull_request',
  ],
  [
    'GitLab',
    'gitlab.com',
    { aud: 'sts.amazonaws.com', sub: 'project_path:octo/ivr:ref_type:branch:ref:main' },
    'project_path:octo/ivr:ref_type:tag:ref:main',
  ],
  [
    'Azure DevOps',
    'vstoken.dev.azure.com/61c028b9-510c-4f84-bfb2-f48d33b6b542',
    { aud: 'api://AzureADTokenExchange', sub: 'sc://octo/contact centre/aws-genesys' },
    'sc://octo/contact centre/aws',
  ],
  [
    'Bitbucket',
    'api.bitbucket.org/2.0/workspaces/octo/pipelines-config/identity/oidc',
    {
      aud: 'ari:cloud:bitbucket::workspace/680cb3e4-55d4-4f8b-9b8d-8f8d9ddbb4e1',
      sub: `{9a8b7c6d-1234-4abc-8def-0123456789ab}:${STEP}`,
    },
    `{00000000-1234-4abc-8def-0123456789ab}:${STEP}`,
  ],
];

test.each(JOBS)(
  'the configuration for %s lets its job in, and not the next one',
  (section, issuer, claims, other) => {
    const trust = trustOf(section);
    const mayTake = (sub: string) =>
      isAllowed([], {
        action: 'sts:AssumeRoleWithWebIdentity',
        resource: 'arn:aws:iam::111122223333:role/reader',
        principalArn: `arn:aws:iam::111122223333:oidc-provider/${issuer}`,
        context: { [`${issuer}:aud`]: claims.aud, [`${issuer}:sub`]: sub },
        resourcePolicy: trust,
      });

    expect(mayTake(claims.sub)).toBe(true);
    expect(mayTake(other)).toBe(false);
  },
);

test('the two policies for another account let its role in, together only', () => {
  const [, statement = '{}'] = blocksOf('Another AWS account');
  const identity = { Version: '2012-10-17', Statement: [JSON.parse(statement)] };
  const { Resource } = identity.Statement[0];
  const mayTake = (policies: PolicyDocument[]) =>
    isAllowed(policies, {
      action: 'sts:AssumeRole',
      resource: Resource,
      principalArn: 'arn:aws:sts::444455556666:assumed-role/deploy/build',
      context: { 'aws:PrincipalArn': 'arn:aws:iam::444455556666:role/ci/deploy' },
      resourcePolicy: trustOf('Another AWS account'),
    });

  expect(mayTake([identity])).toBe(true);
  expect(mayTake([])).toBe(false);
});

test('the table of subjects for GitHub holds none that is refused', () => {
  const [, table = ''] = sectionOf('GitHub Actions').split('| jobs |');
  const subjects = [...table.matchAll(/\| `(repo:[^`]+)` \|/g)].map(([, subject]) => subject);

  expect(subjects).toHaveLength(4);
  for (const subject of subjects) {
    const readers = [{ oidcProvider: 'token.actions.githubusercontent.com', subject }];
    const tokens = [{ name: 'a', provider: 'nice-cxone', readers }];
    expect(parseTokens(tokens, TARGET)[0]?.assuming.oidcSubjects).toHaveLength(1);
  }
});

/** Whom the configuration of a section makes the reader role trust. */
function trustOf(section: string): PolicyDocument {
  const [configuration = '{}'] = blocksOf(section);
  const [token] = parseTokens([JSON.parse(configuration)], TARGET);
  const stack = new Stack(new App(), 'Stack', { env: TARGET });
  new ReaderRole(stack, 'Readers', token?.assuming ?? {});
  const [role] = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Role'));
  return JSON.parse(JSON.stringify(role?.Properties.AssumeRolePolicyDocument), (_, value) => {
    if (value?.Ref === 'AWS::Partition') return 'aws';
    return value?.['Fn::Join'] ? value['Fn::Join'][1].join('') : value;
  });
}

function blocksOf(section: string): string[] {
  return [...sectionOf(section).matchAll(/```json\n(.*?)```/gs)].map(([, block = '']) => block);
}

function sectionOf(title: string): string {
  const found = PAGE.split(/^## /m).find((one) => one.startsWith(`${title}\n`));
  if (found === undefined) throw new Error(`docs/readers.md has no section ${title}`);
  return found;
}

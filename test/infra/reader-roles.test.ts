import fc from 'fast-check';
import { subjectProblem } from '../../infra/construct/oidc-subject.ts';
import { isAllowed } from '../../local/aws/iam.ts';
import type { PolicyDocument } from '../../local/aws/operation.ts';
import { LOCAL_PLACE, synthesize } from '../../local/synthesized-function.ts';
import { createResolver } from '../../local/template-resolver.ts';
import { FULL_CONTEXT, FULL_TOKENS, TARGET } from './full-configuration.ts';
import { KEY_POLICY } from './key-policy.ts';

const stack = synthesize({ tokens: FULL_TOKENS, context: FULL_CONTEXT, target: TARGET });
const resolver = createResolver(stack, LOCAL_PLACE);
const GITHUB = 'token.actions.githubusercontent.com';
const AZURE = 'vstoken.dev.azure.com/61c028b9-510c-4f84-bfb2-f48d33b6b542';
const BITBUCKET = 'api.bitbucket.org/2.0/workspaces/octo/pipelines-config/identity/oidc';
const REPOSITORY = '{9a8b7c6d-1234-4abc-8def-0123456789ab}';
const STEP = '{11111111-2222-4333-8444-555555555555}';
const WORKSPACE = 'ari:cloud:bitbucket::workspace/680cb3e4-55d4-4f8b-9b8d-8f8d9ddbb4e1';
const STS = 'sts.amazonaws.com';
const EXCHANGE = 'api://AzureADTokenExchange';

/** A reader role of the template, nothing left to resolve. */
interface ReaderRole {
  readonly arn: string;
  readonly maxSessionSeconds: number;
  readonly trust: PolicyDocument;
  readonly policies: readonly PolicyDocument[];
}

const genesys = readerRole('genesys');
const generic = readerRole('generic');

describe('by OIDC, a role is taken by', () => {
  test.each<[string, ReaderRole, string, string, string]>([
    ['the branch', genesys, GITHUB, STS, 'repo:octo-org/ivr:ref:refs/heads/main'],
    ['what the wildcard covers', genesys, GITHUB, STS, 'repo:octo-org/flows-a:environment:live'],
    ['GitLab', genesys, 'gitlab.com', STS, 'project_path:octo/ivr:ref_type:branch:ref:main'],
    ['Azure DevOps', generic, AZURE, EXCHANGE, 'sc://octo/contact centre/aws'],
    ['a step of the Bitbucket repository', generic, BITBUCKET, WORKSPACE, `${REPOSITORY}:${STEP}`],
    [
      'a deployment of it',
      generic,
      BITBUCKET,
      WORKSPACE,
      `${REPOSITORY}:{22222222-2222-4333-8444-555555555555}:${STEP}`,
    ],
  ])('%s', (_, role, issuer, aud, sub) => {
    expect(mayTakeByOidc(role, issuer, aud, sub)).toBe(true);
  });

  test.each<[string, ReaderRole, string, string | undefined, string | undefined]>([
    ['another branch', genesys, GITHUB, STS, 'repo:octo-org/ivr:ref:refs/heads/evil'],
    ['a branch that begins alike', genesys, GITHUB, STS, 'repo:octo-org/ivr:ref:refs/heads/main2'],
    ['a tag of the same name', genesys, GITHUB, STS, 'repo:octo-org/ivr:ref:refs/tags/main'],
    ['a pull request', genesys, GITHUB, STS, 'repo:octo-org/ivr:pull_request'],
    ['another owner', genesys, GITHUB, STS, 'repo:octo-org-evil/ivr:ref:refs/heads/main'],
    ['another owner, by the wildcard', genesys, GITHUB, STS, 'repo:evil/flows-a:environment:live'],
    [
      'another owner who sets claims as he likes',
      genesys,
      GITHUB,
      STS,
      'environment:repo%3Aocto-org/flows-a:environment:live',
    ],
    ['another environment', genesys, GITHUB, STS, 'repo:octo-org/flows-a:environment:test'],
    ['another case', genesys, GITHUB, STS, 'repo:Octo-Org/ivr:ref:refs/heads/main'],
    ['another audience', genesys, GITHUB, 'evil', 'repo:octo-org/ivr:ref:refs/heads/main'],
    ['no audience', genesys, GITHUB, undefined, 'repo:octo-org/ivr:ref:refs/heads/main'],
    ['no subject', genesys, GITHUB, STS, undefined],
    ['no claim at all', genesys, GITHUB, undefined, undefined],
    [
      'another issuer with the same claims',
      genesys,
      'evil.example.com',
      STS,
      'repo:octo-org/ivr:ref:refs/heads/main',
    ],
    ['another issuer of the role', genesys, 'gitlab.com', STS, 'repo:octo-org/ivr:ref:refs/heads/main'],
    [
      'another group of GitLab',
      genesys,
      'gitlab.com',
      STS,
      'project_path:octo-evil/ivr:ref_type:branch:ref:main',
    ],
    ['the job of another token', generic, GITHUB, STS, 'repo:octo-org/ivr:ref:refs/heads/main'],
    ['another service connection', generic, AZURE, EXCHANGE, 'sc://octo/contact centre/aws2'],
    [
      'another organization of Azure DevOps',
      generic,
      'vstoken.dev.azure.com/00000000-510c-4f84-bfb2-f48d33b6b542',
      EXCHANGE,
      'sc://octo/contact centre/aws',
    ],
    [
      'another repository of the workspace',
      generic,
      BITBUCKET,
      WORKSPACE,
      `{00000000-1234-4abc-8def-0123456789ab}:${STEP}`,
    ],
    ['another workspace', generic, BITBUCKET, 'ari:cloud:bitbucket::workspace/x', `${REPOSITORY}:${STEP}`],
  ])('not by %s', (_, role, issuer, aud, sub) => {
    expect(mayTakeByOidc(role, issuer, aud, sub)).toBe(false);
  });
});

describe('from another account, a role is taken by', () => {
  test('the role that is named, path and all', () => {
    expect(mayTake(genesys, 'arn:aws:iam::444455556666:role/ci/deploy')).toBe(true);
  });

  test.each([
    ['another role of the account', 'arn:aws:iam::444455556666:role/ci/admin'],
    ['a role that begins alike', 'arn:aws:iam::444455556666:role/ci/deploy2'],
    ['a role of that name without the path', 'arn:aws:iam::444455556666:role/deploy'],
    ['a role of that name under another path', 'arn:aws:iam::444455556666:role/evil/ci/deploy'],
    ['a role of that name in another account', 'arn:aws:iam::777788889999:role/ci/deploy'],
    ['a role of that name in this account', 'arn:aws:iam::111122223333:role/ci/deploy'],
    ['a user of that name', 'arn:aws:iam::444455556666:user/ci/deploy'],
    ['the account’s root', 'arn:aws:iam::444455556666:root'],
    ['a reader of this account', 'arn:aws:iam::111122223333:role/ci/build'],
  ])('not by %s', (_, principal) => {
    expect(mayTake(genesys, principal)).toBe(false);
  });

  test('nobody whose own account does not allow it', () => {
    expect(mayTake(genesys, 'arn:aws:iam::444455556666:role/ci/deploy', [])).toBe(false);
  });
});

test('no policy names a foreign role as the principal: once it is deleted, IAM would refuse the next deployment', () => {
  const principals = [genesys, generic].flatMap(({ trust }) =>
    (trust.Statement as { Principal: object }[]).map(({ Principal }) => Principal),
  );

  expect(JSON.stringify(principals)).not.toContain(':role/');
  expect(JSON.stringify(principals)).not.toContain('*');
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

test('a reader role reads and refreshes its own token only, also where it is encrypted with an own key', () => {
  const own = ['access-token', 'token-status'].map((name) => parameter(`/team/ci/generic/${name}`));
  const key = FULL_TOKENS.find(({ name }) => name === 'generic')?.encryptionKeyArn ?? '';

  for (const resource of own) {
    expect(may(generic, 'ssm:GetParameters', resource)).toBe(true);
    expect(may(generic, 'ssm:GetParameterHistory', resource)).toBe(false);
    expect(may(generic, 'ssm:PutParameter', resource)).toBe(false);
  }
  expect(may(generic, 'lambda:InvokeFunction', functionArn('token-refresher-team-ci-generic'))).toBe(true);
  expect(may(generic, 'ssm:GetParameters', parameter('/ci/genesys/access-token'))).toBe(false);
  expect(may(generic, 'lambda:InvokeFunction', functionArn('token-refresher-ci-genesys'))).toBe(false);
  expect(mayDecrypt(generic, key, '/team/ci/generic/access-token')).toBe(true);
  expect(mayDecrypt(generic, key, '/ci/cxone/access-token')).toBe(false);
  expect(mayDecrypt(genesys, key, '/team/ci/generic/access-token')).toBe(false);
});

test('prints the ARN of each reader role', () => {
  const outputs = Object.entries(stack.template.Outputs ?? {}).filter(([key]) => key.endsWith('ReaderRole'));

  expect(outputs.map(([key, { Value }]) => [key, resolver.resolve(Value)])).toEqual([
    ['GenesysReaderRole', genesys.arn],
    ['GenericReaderRole', generic.arn],
  ]);
});

test('makes none of all that for readers of this account', () => {
  const tokens = [{ ...FULL_TOKENS[0], readers: ['arn:aws:iam::111122223333:role/ci/build'] }];

  const { template } = synthesize({ tokens, target: TARGET });

  const types = Object.entries(template.Resources).filter(([id]) => /ReaderRole|oidc/i.test(id));

  expect(types).toEqual([]);
  expect(Object.keys(template.Outputs ?? {})).not.toContain('GenesysReaderRole');
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

/** The role that the template makes for the other readers of a token. */
function readerRole(token: string): ReaderRole {
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
function mayTakeByOidc(role: ReaderRole, issuer: string, aud?: string, sub?: string): boolean {
  return isAllowed([], {
    action: 'sts:AssumeRoleWithWebIdentity',
    resource: role.arn,
    principalArn: `arn:aws:iam::111122223333:oidc-provider/${issuer}`,
    context: {
      ...(aud === undefined ? {} : { [`${issuer}:aud`]: aud }),
      ...(sub === undefined ? {} : { [`${issuer}:sub`]: sub }),
    },
    resourcePolicy: role.trust,
  });
}

/** The session's ARN has no path; `aws:PrincipalArn` is the role's, with it. */
function mayTake(role: ReaderRole, principal: string, policies = [anyRole()]): boolean {
  const [, account, name] = /^arn:aws:iam::(\d+):role\/(?:.*\/)?([^/]+)$/.exec(principal) ?? [];
  return isAllowed(policies, {
    action: 'sts:AssumeRole',
    resource: role.arn,
    principalArn: name === undefined ? principal : `arn:aws:sts::${account}:assumed-role/${name}/session`,
    context: { 'aws:PrincipalArn': principal },
    resourcePolicy: role.trust,
  });
}

function anyRole(): PolicyDocument {
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'sts:*', Resource: '*' }] };
}

function may(role: ReaderRole, action: string, resource: string): boolean {
  const principalArn = `${role.arn.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/job`;
  return isAllowed(role.policies, { action, resource, principalArn });
}

/** The key's own policy leaves permissions to IAM, as the one that AWS makes. */
function mayDecrypt(role: ReaderRole, key: string, parameterName: string): boolean {
  return isAllowed(role.policies, {
    action: 'kms:Decrypt',
    resource: key,
    principalArn: `${role.arn.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/job`,
    context: {
      'kms:ViaService': 'ssm.eu-central-1.amazonaws.com',
      'kms:EncryptionContext:PARAMETER_ARN': parameter(parameterName),
    },
    resourcePolicy: KEY_POLICY,
  });
}

function parameter(name: string): string {
  return `arn:aws:ssm:eu-central-1:111122223333:parameter${name}`;
}

function functionArn(name: string): string {
  return `arn:aws:lambda:eu-central-1:111122223333:function:${name}`;
}

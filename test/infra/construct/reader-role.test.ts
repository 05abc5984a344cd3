import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { ReaderRole, type ReaderRoleProps } from '../../../infra/construct/reader-role.ts';

const GITHUB = 'token.actions.githubusercontent.com';

/** An app without any of cdk.json's feature flags. */
function trustOf(props: ReaderRoleProps): unknown {
  const stack = new Stack(new App(), 'Own', { env: { account: '111122223333', region: 'eu-central-1' } });
  new ReaderRole(stack, 'Readers', props);
  const [role] = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Role'));
  return role?.Properties.AssumeRolePolicyDocument.Statement;
}

test('in an app of its own, trusts the accounts, and in them the roles that are named', () => {
  const [one, two, other] = ['444455556666:role/a', '444455556666:role/ci/b', '777788889999:role/a'].map(
    (rest) => `arn:aws:iam::${rest}`,
  ) as [string, string, string];

  expect(trustOf({ roleArns: [one, other, two] })).toEqual([
    {
      Effect: 'Allow',
      Action: 'sts:AssumeRole',
      Principal: {
        AWS: { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':iam::444455556666:root']] },
      },
      Condition: { ArnEquals: { 'aws:PrincipalArn': [one, two] } },
    },
    {
      Effect: 'Allow',
      Action: 'sts:AssumeRole',
      Principal: {
        AWS: { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':iam::777788889999:root']] },
      },
      Condition: { ArnEquals: { 'aws:PrincipalArn': [other] } },
    },
  ]);
});

test('compares a subject as it is, and as a pattern only where it has a wildcard', () => {
  const exact = 'repo:octo-org/ivr:ref:refs/heads/main';
  const pattern = 'repo:octo-org/flows-*:environment:live';

  const trust = trustOf({
    oidcSubjects: [exact, pattern].map((subject) => ({ oidcProvider: GITHUB, subject })),
  });

  expect(trust).toEqual(
    [
      { StringEquals: { [`${GITHUB}:aud`]: 'sts.amazonaws.com', [`${GITHUB}:sub`]: [exact] } },
      {
        StringEquals: { [`${GITHUB}:aud`]: 'sts.amazonaws.com' },
        StringLike: { [`${GITHUB}:sub`]: [pattern] },
      },
    ].map((Condition) => ({
      Effect: 'Allow',
      Action: 'sts:AssumeRoleWithWebIdentity',
      Principal: {
        Federated: {
          'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:iam::111122223333:oidc-provider/${GITHUB}`]],
        },
      },
      Condition,
    })),
  );
});

test('tells all problems of what code passes', () => {
  const props = {
    roleArns: ['arn:aws:iam::444455556666:role/*'],
    oidcSubjects: [
      { oidcProvider: GITHUB, subject: 'repo:org*' },
      {
        oidcProvider: 'https://gitlab.com',
        subject: 'project_path:octo/ivr:ref_type:branch:ref:main',
        audience: '*',
      },
    ],
  };

  expect(() => trustOf(props)).toThrow(
    [
      'ReaderRole "Readers": "arn:aws:iam::444455556666:role/*" is not the ARN of a role',
      '"repo:org*" does not say whose jobs it admits: a subject of GitHub begins with repo:<owner>/, and a wildcard may only follow that',
      '"https://gitlab.com" is not the URL of an OIDC provider without https://, port, query and slash at the end (token.actions.githubusercontent.com)',
      '"*" is not an audience',
    ].join('; '),
  );
});

test('has a reader', () => {
  expect(() => trustOf({})).toThrow('ReaderRole "Readers": has no reader');
});

test('a reader without a subject is refused, as JavaScript may pass it', () => {
  const oidcSubjects = [{ oidcProvider: GITHUB }] as never;

  expect(() => trustOf({ oidcSubjects })).toThrow('each needs oidcProvider and subject');
});

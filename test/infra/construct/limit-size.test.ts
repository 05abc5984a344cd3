import { App, Stack } from 'aws-cdk-lib';
import { Policy, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import { limitSize } from '../../../infra/construct/limit-size.ts';
import { ReaderRole } from '../../../infra/construct/reader-role.ts';

test('counts the characters of all inline policies that a stack gives a role', () => {
  const synthesized = (policies: number) => {
    const app = new App();
    const stack = new Stack(app, 'Own');
    const role = Role.fromRoleName(stack, 'Reader', 'build');
    for (let index = 0; index < policies; index += 1) {
      new Policy(stack, `Policy${index}`, { roles: [role], statements: [statementOf(index)] });
    }
    limitSize(stack);
    return () => app.synth();
  };

  expect(synthesized(9)).not.toThrow();
  expect(synthesized(11)).toThrow(
    /The role build gets about 1[01],\d{3} characters of inline policies; IAM's limit for a role is 10,240\. Let it read fewer tokens/,
  );
});

test('counts the characters of what a role trusts', () => {
  const synthesized = (count: number) => {
    const app = new App();
    const stack = new Stack(app, 'Own');
    const oidcSubjects = Array.from({ length: count }, (_, index) => ({
      oidcProvider: 'token.actions.githubusercontent.com',
      subject: `repo:octo-org/repository-${index}:ref:refs/heads/main`,
    }));
    new ReaderRole(stack, 'Readers', { oidcSubjects });
    limitSize(stack);
    return () => app.synth();
  };

  expect(synthesized(30)).not.toThrow();
  expect(synthesized(40)).toThrow(
    /The trust policy of the role Own\/Readers gets about 2,\d{3} characters; IAM's limit is 2,048\. Name fewer readers/,
  );
});

/** About a thousand characters. */
function statementOf(index: number): PolicyStatement {
  const resource = `arn:aws:ssm:eu-central-1:111122223333:parameter/${index}/`;
  return new PolicyStatement({ actions: ['ssm:GetParameter'], resources: [resource.padEnd(900, 'x')] });
}

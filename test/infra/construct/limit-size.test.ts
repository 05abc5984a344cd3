import { App, Stack } from 'aws-cdk-lib';
import { Policy, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import { limitSize } from '../../../infra/construct/limit-size.ts';

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

/** About a thousand characters. */
function statementOf(index: number): PolicyStatement {
  const resource = `arn:aws:ssm:eu-central-1:111122223333:parameter/${index}/`;
  return new PolicyStatement({ actions: ['ssm:GetParameter'], resources: [resource.padEnd(900, 'x')] });
}

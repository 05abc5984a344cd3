import { CfnResource, type Stack } from 'aws-cdk-lib';
import { Policy, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import { limitSize } from '../../../infra/construct/limit-size.ts';
import { newStack } from './own-refresher.ts';

/** Each makes something as often as it is told. */
const INLINE_POLICIES = (stack: Stack, count: number) => {
  const role = Role.fromRoleName(stack, 'Reader', 'build');
  for (let index = 0; index < count; index += 1) {
    // About a thousand characters, with references.
    const resources = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => {
      const resourceName = `${index}/${name}/`.padEnd(60, 'x');
      return stack.formatArn({ service: 'ssm', resource: 'parameter', resourceName });
    });
    const statement = new PolicyStatement({ actions: ['ssm:GetParameter'], resources });
    new Policy(stack, `Policy${index}`, { roles: [role], statements: [statement] });
  }
};
const RESOURCES = (stack: Stack, count: number) => {
  for (let index = 0; index < count; index += 1) new CfnResource(stack, `${index}`, { type: 'Custom::Any' });
};

// The trust policy: token-refresher-stack.test.ts.
test.each([
  [RESOURCES, [500, 501], /The stack has 501 resources; CloudFormation's limit is 500\. Name fewer readers/],
  [
    INLINE_POLICIES,
    [9, 11],
    /The role build gets about 1[01],\d{3} characters of inline policies; IAM's limit for a role is 10,240\. Let it read fewer tokens/,
  ],
] as const)('what exceeds a limit of AWS is counted: %O', (make, [few, many], message) => {
  const problemsOf = (count: number) => {
    const stack = newStack();
    make(stack, count);
    limitSize(stack);
    return stack.node.validate();
  };

  expect(problemsOf(few)).toEqual([]);
  expect(problemsOf(many)).toEqual([expect.stringMatching(message)]);
});

import { createHash } from 'node:crypto';
import { Stack } from 'aws-cdk-lib';
import { type IRole, Policy, type PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';

/**
 * Allows a role to use an encryption key. A change of the key denies access to nobody.
 *
 * The policy's logical id is computed from its content, so that another key makes another policy. CloudFormation creates
 * it in the update, and deletes the old one only when the whole update has succeeded. Make the resource that encrypts the
 * stored token again depend on it (`node.addDependency`): if that resource fails, the update is rolled back, and the role
 * still has the old policy, for the old key.
 */
export function createKeyPolicy(
  scope: Construct,
  id: string,
  props: { readonly role: IRole; readonly statement: PolicyStatement },
): Policy {
  const { role, statement } = props;
  const stack = Stack.of(scope);
  const content = JSON.stringify(stack.resolve([statement.toStatementJson(), role.roleArn]));
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 8);
  const policy = new Policy(scope, `${id}${hash}`, { statements: [statement] });
  // By the role: one that was imported as immutable takes no policy.
  role.attachInlinePolicy(policy);
  return policy;
}

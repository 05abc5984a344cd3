import { createHash } from 'node:crypto';
import { Stack } from 'aws-cdk-lib';
import { type CfnPolicy, type IIdentity, type IPrincipal, Policy } from 'aws-cdk-lib/aws-iam';
import { Construct, type IConstruct } from 'constructs';

const ID = 'TokenRefresher';

/** Whether it is a role, a user or a group that was imported: no stack of the app makes it. */
export function isImported(one: IPrincipal | IConstruct): one is IIdentity {
  return Construct.isConstruct(one) && one.node.defaultChild === undefined && 'attachInlinePolicy' in one;
}

/**
 * Finds or makes the one policy that an imported identity gets from the app. Undefined if it takes none.
 *
 * The CDK would make one too, but IAM knows no regions: an inline policy is known by its name alone. Two stacks of the same name in two
 * regions would overwrite each other's policy, and the deletion of one stack would delete the policy of both.
 */
export function policyOfImported(identity: IIdentity): Policy | undefined {
  const found = identity.node.tryFindChild(ID);
  if (found instanceof Policy) return found;
  const policy = new Policy(identity, ID, { policyName: policyNameFor(identity, ID) });
  identity.attachInlinePolicy(policy);
  if (isAttached(policy)) return policy;
  // It was imported as immutable.
  identity.node.tryRemoveChild(ID);
  return undefined;
}

/** The name of a policy `id` in `scope` that no stack with another name and none of another region gives to one of its own. */
export function policyNameFor(scope: Construct, id: string): string {
  const { stackName, region } = outermost(Stack.of(scope));
  const hash = createHash('sha256').update([stackName, scope.node.path, id].join('\n')).digest('hex');
  return `${stackName.slice(0, 60)}-${hash.slice(0, 8)}-${region}`;
}

/** The name of a nested stack is known at the deployment only. */
function outermost(stack: Stack): Stack {
  return stack.nestedStackParent === undefined ? stack : outermost(stack.nestedStackParent);
}

function isAttached(policy: Policy): boolean {
  const { roles, users, groups } = policy.node.defaultChild as CfnPolicy;
  return Stack.of(policy).resolve([roles, users, groups]).flat().length > 0;
}

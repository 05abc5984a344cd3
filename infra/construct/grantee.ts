import { createHash } from 'node:crypto';
import { Annotations, Stack, Token } from 'aws-cdk-lib';
import {
  type CfnPolicy,
  Grant,
  type IGrantable,
  type IIdentity,
  type IPrincipal,
  type IRole,
  Policy,
  type PolicyStatement,
  UnknownPrincipal,
} from 'aws-cdk-lib/aws-iam';
import { Construct, type IConstruct } from 'constructs';
import { isManagedByAws } from '../rules/managed-role.ts';
import { ConfigurationError } from './configuration-error.ts';

/** The policy that an imported identity gets. */
const ID = 'TokenRefresher';

const CURE =
  'Pass the role, user or group itself, or import it: Role.fromRoleArn(this, "Reader", roleArn). For jobs that come by OIDC or from another account, make a ReaderRole';

function problemOf(account: string, grantee: IGrantable): string | undefined {
  const principal: IPrincipal | undefined = Object(grantee).grantPrincipal;
  if (principal === undefined) return `a ${typeof grantee}, which is no role. ${CURE}.`;
  const { principalAccount } = principal;
  const isKnown = !Token.isUnresolved(principalAccount) && !Token.isUnresolved(account);
  if (principalAccount !== undefined && isKnown && principalAccount !== account) {
    return `a principal of account ${principalAccount}: the stack is in ${account}. Make a ReaderRole that names this principal's role, and give the permissions to the ReaderRole.`;
  }
  if (isRole(principal) && isManagedByAws(principal.roleArn)) {
    return `${principal.roleArn}: AWS manages this role, and IAM attaches no policy to it. Name a role of your own.`;
  }
  return undefined;
}

/**
 * Adds a statement to the policy of a grantee.
 *
 * @throws ConfigurationError if no policy can be attached to it: the CDK would give it nothing, without an error
 */
export function addStatement(scope: Construct, grantee: IGrantable, statement: PolicyStatement): Grant {
  const refuse = (problem: string): never => {
    throw new ConfigurationError(`${scope.node.path} cannot give permissions to ${problem}`);
  };
  const problem = problemOf(Stack.of(scope).account, grantee);
  if (problem !== undefined) refuse(problem);
  const principal = grantee.grantPrincipal;
  const { actions, resources, conditions } = statement;
  const policy = isImported(principal) ? policyOfImported(principal) : undefined;
  const taker = policy === undefined ? grantee : { grantPrincipal: withPolicy(principal, policy) };
  const grant = Grant.addToPrincipal({ grantee: taker, actions, resourceArns: resources, conditions });
  if (isRole(principal)) {
    if (!hasTakenPolicy(principal)) {
      Annotations.of(scope).addWarningV2(
        'token-refresher:role-takes-no-policy',
        `The role ${principal.node.path} takes no policies in this app (mutable: false, withoutPolicyUpdates() or customizeRoles), so it gets no permission here. Allow it elsewhere what a reader needs: ${actions.join(', ')}.`,
      );
    }
  } else if (!grant.success || principal instanceof UnknownPrincipal) {
    refuse(`this ${principal.constructor.name}: it has no policy of its own. ${CURE}.`);
  }
  return grant;
}

/** The same principal, whose statements go into this policy. */
function withPolicy(principal: IPrincipal, policy: Policy): IPrincipal {
  const addToPrincipalPolicy: IPrincipal['addToPrincipalPolicy'] = (statement) => {
    policy.addStatements(statement);
    return { statementAdded: true, policyDependable: policy };
  };
  return Object.create(principal, { addToPrincipalPolicy: { value: addToPrincipalPolicy } });
}

/** Whether a role keeps the statements that were added to it. One that is immutable in this app drops them. */
export function hasTakenPolicy(role: IRole): boolean {
  return role.node.findAll().some((one) => one instanceof Policy);
}

export function isRole(principal: IPrincipal): principal is IPrincipal & IRole {
  return 'roleArn' in principal && 'attachInlinePolicy' in principal;
}

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

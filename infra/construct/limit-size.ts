import { CfnResource, type Stack } from 'aws-cdk-lib';
import { CfnPolicy, CfnRole } from 'aws-cdk-lib/aws-iam';

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const ROLE_POLICY_CHARACTERS = 10_240;

/** IAM's default; an account can be given up to 8,192. */
const TRUST_POLICY_CHARACTERS = 2_048;

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html */
const STACK_RESOURCES = 500;

/** Makes synthesis fail if the stack exceeds AWS's limits for resources in a stack, inline policies or trust policy in a role. */
export function limitSize(stack: Stack): void {
  stack.node.addValidation({
    validate() {
      const resources = stack.node.findAll().filter((one) => CfnResource.isCfnResource(one));
      const problems = overfullRoles(
        stack,
        resources.filter((one) => one instanceof CfnPolicy),
      );
      problems.push(
        ...overlongTrust(
          stack,
          resources.filter((one) => one instanceof CfnRole),
        ),
      );
      if (resources.length > STACK_RESOURCES) {
        problems.push(
          `The stack has ${resources.length} resources; CloudFormation's limit is ${STACK_RESOURCES}. Name fewer readers, or spread the tokens over two stacks (-c stackName=… -c tokensFile=…).`,
        );
      }
      return problems;
    },
  });
}

function overfullRoles(stack: Stack, policies: readonly CfnPolicy[]): string[] {
  const characters = new Map<string, number>();
  for (const { policyDocument, roles = [] } of policies) {
    const length = lengthOf(stack.resolve(policyDocument));
    for (const role of stack.resolve(roles)) {
      const name = typeof role === 'string' ? role : JSON.stringify(role);
      characters.set(name, (characters.get(name) ?? 0) + length);
    }
  }
  return [...characters]
    .filter(([, length]) => length > ROLE_POLICY_CHARACTERS)
    .map(
      ([role, length]) =>
        `The role ${role} gets about ${length.toLocaleString('en-US')} characters of inline policies; IAM's limit for a role is ${ROLE_POLICY_CHARACTERS.toLocaleString('en-US')}. Let it read fewer tokens (readers), or give some of them another role.`,
    );
}

function overlongTrust(stack: Stack, roles: readonly CfnRole[]): string[] {
  return roles.flatMap(({ assumeRolePolicyDocument, node }) => {
    const length = lengthOf(stack.resolve(assumeRolePolicyDocument));
    if (length <= TRUST_POLICY_CHARACTERS) return [];
    return `The trust policy of the role ${node.scope?.node.path} gets about ${length.toLocaleString('en-US')} characters; IAM's limit is ${TRUST_POLICY_CHARACTERS.toLocaleString('en-US')}. Name fewer readers of other accounts and by OIDC, or one subject with a wildcard in place of several.`;
  });
}

/** Estimates the length of the deployed document: each reference counts as long as its usual value. */
function lengthOf(document: unknown): number {
  return JSON.stringify(document, (_, value) => (isObject(value) ? textOf(value) : value)).length;
}

function textOf(value: Record<string, unknown>): unknown {
  const join = value['Fn::Join'];
  if (Array.isArray(join)) {
    const [separator, parts] = join as [string, unknown[]];
    return parts.map((part) => (isObject(part) ? textOf(part) : part)).join(separator);
  }
  if (typeof value.Ref === 'string') return LENGTHS[value.Ref] ?? 'x'.repeat(64);
  // The ARN of a function or a key.
  return 'Fn::GetAtt' in value ? 'x'.repeat(110) : value;
}

const LENGTHS: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'eu-central-1',
  'AWS::AccountId': '111122223333',
  'AWS::URLSuffix': 'amazonaws.com',
};

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

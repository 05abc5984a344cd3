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
      const problems = [...overfullRoles(stack, resources), ...overlongTrust(stack, resources)];
      if (resources.length > STACK_RESOURCES) {
        problems.push(
          `The stack has ${resources.length} resources; CloudFormation's limit is ${STACK_RESOURCES}. Name fewer readers, or spread the tokens over two stacks (-c stackName=… -c tokensFile=…).`,
        );
      }
      return problems;
    },
  });
}

function overfullRoles(stack: Stack, resources: readonly CfnResource[]): string[] {
  const characters = new Map<string, number>();
  for (const { policyDocument, roles = [] } of resources.filter((one) => one instanceof CfnPolicy)) {
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

function overlongTrust(stack: Stack, resources: readonly CfnResource[]): string[] {
  return resources.flatMap((role) => {
    if (!(role instanceof CfnRole)) return [];
    const length = lengthOf(stack.resolve(role.assumeRolePolicyDocument));
    if (length <= TRUST_POLICY_CHARACTERS) return [];
    return `The trust policy of the role ${role.node.scope?.node.path} gets about ${length.toLocaleString('en-US')} characters; IAM's limit is ${TRUST_POLICY_CHARACTERS.toLocaleString('en-US')}. Name fewer readers of other accounts and by OIDC, or one subject with a wildcard in place of several.`;
  });
}

/** Estimates the length of the deployed document: each reference counts as long as its usual value. */
function lengthOf(document: unknown): number {
  return JSON.stringify(document)
    .replace(
      /\{"(Ref|Fn::GetAtt)":("AWS::(\w+)"|[^}]*)\}/g,
      (_, _name, _of, pseudo) => `"${VALUES[pseudo] ?? ARN}"`,
    )
    .replace(/\{"Fn::Join":\["",\[([^\]]*)\]\]\}/g, (_, parts) => parts.replaceAll('","', '')).length;
}

const VALUES: Readonly<Record<string, string>> = {
  Partition: 'aws',
  Region: 'eu-central-1',
  AccountId: '111122223333',
  URLSuffix: 'amazonaws.com',
};

/** Of a function, a secret or a key. */
const ARN = 'x'.repeat(110);

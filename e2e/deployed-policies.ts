import assert from 'node:assert/strict';
import { isAllowed } from '../local/aws/iam.ts';
import type { PolicyDocument } from '../local/aws/operation.ts';
import { createResolver } from '../local/template-resolver.ts';
import { readTemplate, stackResources } from './deployed-stack.ts';
import type { E2eHarness } from './e2e-harness.ts';

/** One call that a role has to make, or must not be able to make. */
export type Call = readonly [action: string, resource: string];

/** What is expected of a role. */
export interface RoleExpectation {
  /** Who alone may assume it. */
  readonly service: string;
  readonly needs: readonly Call[];
  readonly mustNot: readonly Call[];
  /** ARNs of secrets that the emulator's policies know by name only. */
  readonly secretArns: ReadonlyMap<string, string>;
}

/**
 * Reads a deployed role back and evaluates its policies as IAM does.
 *
 * @throws AssertionError with the calls that it cannot make although it has to, or can make although it must not
 */
export async function expectRole(
  harness: E2eHarness,
  roleArn: string,
  expected: RoleExpectation,
): Promise<void> {
  const name = nameOf(roleArn);
  const { Role } = await harness.aws.call<{
    Role: { AssumeRolePolicyDocument: { Statement: { Principal: { Service?: string } }[] } };
  }>('iam', 'get-role', '--role-name', name);
  const services = Role.AssumeRolePolicyDocument.Statement.map(({ Principal }) => Principal.Service);
  assert.deepEqual(services, [expected.service], `who may assume ${name}`);
  const policies = (await policiesOf(harness, roleArn)).map((policy) =>
    withArns(policy, expected.secretArns),
  );
  const may = ([action, resource]: Call): boolean =>
    isAllowed(policies, { action, resource, principalArn: roleArn });
  const list = (calls: readonly Call[]): string => calls.map((call) => call.join(' on ')).join('\n');
  assert.equal(list(expected.needs.filter((call) => !may(call))), '', `${name} lacks a grant`);
  assert.equal(list(expected.mustNot.filter(may)), '', `${name} may do what it must not`);
}

function withArns(policy: PolicyDocument, secretArns: ReadonlyMap<string, string>): PolicyDocument {
  let text = JSON.stringify(policy);
  for (const [name, arn] of secretArns) text = text.replaceAll(JSON.stringify(name), JSON.stringify(arn));
  return JSON.parse(text);
}

/** The documents of the role's policies. */
async function policiesOf(harness: E2eHarness, roleArn: string): Promise<PolicyDocument[]> {
  const { aws, target } = harness;
  const role = nameOf(roleArn);
  const { PolicyNames } = await aws.call<{ PolicyNames: string[] }>(
    ...['iam', 'list-role-policies', '--role-name', role],
  );
  const documents = await Promise.all(
    PolicyNames.map(async (name) => {
      const { PolicyDocument } = await aws.call<{ PolicyDocument: PolicyDocument }>(
        ...['iam', 'get-role-policy', '--role-name', role, '--policy-name', name],
      );
      return PolicyDocument;
    }),
  );
  return target.isEmulator ? [...documents, ...(await policiesInTemplate(harness, roleArn))] : documents;
}

/** On AWS an AWS::IAM::Policy is inside its roles, and read back like all others. */
async function policiesInTemplate(harness: E2eHarness, roleArn: string): Promise<PolicyDocument[]> {
  harness.steps.gap('IAM cannot read an AWS::IAM::Policy back; those are taken from the deployed template');
  const [resources, template] = await Promise.all([stackResources(harness), readTemplate(harness)]);
  const roleId = resources.find(
    ({ ResourceType, PhysicalResourceId }) =>
      ResourceType === 'AWS::IAM::Role' && PhysicalResourceId === nameOf(roleArn),
  )?.LogicalResourceId;
  const resolver = createResolver(
    { directory: '', stackName: harness.cdk.stackName, template },
    { region: harness.target.region, accountId: roleArn.split(':')[4] ?? '' },
  );
  return Object.values(template.Resources).flatMap(({ Type, Properties = {} }) => {
    if (Type !== 'AWS::IAM::Policy') return [];
    const roles = Properties.Roles as (string | { readonly Ref: string })[];
    const isAttached = roles.some(
      (one) => one === nameOf(roleArn) || (typeof one === 'object' && one.Ref === roleId),
    );
    return isAttached ? [resolver.resolve(Properties.PolicyDocument) as PolicyDocument] : [];
  });
}

function nameOf(roleArn: string): string {
  return roleArn.split('/').at(-1) ?? '';
}

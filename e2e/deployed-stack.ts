import type { Template } from '../local/cloud-assembly.ts';
import type { E2eHarness } from './e2e-harness.ts';

/** One resource as it was deployed. */
export interface StackResource {
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId: string;
  readonly ResourceType: string;
}

/** The stack's resources as they were deployed. */
export async function stackResources({ aws, cdk }: E2eHarness): Promise<StackResource[]> {
  const { StackResources } = await aws.call<{ StackResources: StackResource[] }>(
    ...['cloudformation', 'describe-stack-resources', '--stack-name', cdk.stackName],
  );
  return StackResources;
}

/** The deployed template. */
export async function readTemplate({ aws, cdk }: E2eHarness): Promise<Template> {
  const { TemplateBody } = await aws.call<{ TemplateBody: Template | string }>(
    ...['cloudformation', 'get-template', '--stack-name', cdk.stackName],
  );
  return typeof TemplateBody === 'string' ? JSON.parse(TemplateBody) : TemplateBody;
}

/** The stack's outputs by key. */
export async function outputsOf({ aws, cdk }: E2eHarness): Promise<Record<string, string>> {
  const { Stacks } = await aws.call<{
    Stacks: { Outputs: { OutputKey: string; OutputValue: string }[] }[];
  }>('cloudformation', 'describe-stacks', '--stack-name', cdk.stackName);
  return Object.fromEntries(
    (Stacks[0]?.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]),
  );
}

import type { Template } from '../local/cloud-assembly.ts';
import type { RunContext } from './context.ts';

/** One resource as it was deployed. */
export interface StackResource {
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId: string;
  readonly ResourceType: string;
}

/** The stack's resources as they were deployed. */
export async function stackResources({ aws, cdk }: RunContext): Promise<StackResource[]> {
  const { StackResources } = await aws.call<{ StackResources: StackResource[] }>(
    ...['cloudformation', 'describe-stack-resources', '--stack-name', cdk.stackName],
  );
  return StackResources;
}

/** The deployed template. */
export async function readTemplate({ aws, cdk }: RunContext): Promise<Template> {
  const { TemplateBody } = await aws.call<{ TemplateBody: Template | string }>(
    ...['cloudformation', 'get-template', '--stack-name', cdk.stackName],
  );
  return typeof TemplateBody === 'string' ? JSON.parse(TemplateBody) : TemplateBody;
}

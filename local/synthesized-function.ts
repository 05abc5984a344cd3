import { join } from 'node:path';
import type { TargetEnvironment } from '../infra/configuration/places.ts';
import type { PolicyDocument } from './aws/operation.ts';
import { type Assembly, type Resource, synthesizeAssembly } from './cloud-assembly.ts';
import { createResolver, type Resolver, type TemplatePlace } from './template-resolver.ts';

/** A refresher's function from the template, with all references resolved. */
export interface SynthesizedFunction {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly tokenName: string;
  readonly environment: Readonly<Record<string, string>>;
  /** The identity policies of its role. */
  readonly policyDocuments: readonly Record<string, unknown>[];
  /** `handler.handler`: file and export. */
  readonly handler: string;
  /** The bundle on disk. */
  readonly codeDirectory: string;
  readonly timeoutSeconds: number;
  readonly memoryMiB: number;
  /** Undefined: none reserved. */
  readonly reservedConcurrency: number | undefined;
  /** The heartbeat: `rate(1 minute)` and the event, as JSON. */
  readonly schedule: { readonly expression: string; readonly input: string };
}

/** The default region and account for resolved references. */
export const LOCAL_PLACE: TemplatePlace = { region: 'eu-central-1', accountId: '111122223333' };

/**
 * Synthesizes the app with these tokens, and reads the refreshers' functions out of it.
 *
 * @throws Error if the configuration has problems, or cdk-nag finds one
 */
export function synthesize(options: {
  /** As in cdk.json: objects, not yet checked. */
  readonly tokens: unknown;
  /** Context beside the tokens. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** Where to put the assembly. @default a temporary one, deleted when the process ends */
  readonly directory?: string;
  /** @default {@link LOCAL_PLACE} */
  readonly place?: TemplatePlace;
  /** Account and region to bind the stack to, if it looks something up. */
  readonly target?: TargetEnvironment;
}): Assembly & { readonly functions: readonly SynthesizedFunction[] } {
  const assembly = synthesizeAssembly(options);
  return { ...assembly, functions: readFunctions(assembly, options.place ?? LOCAL_PLACE) };
}

/**
 * Reads the refreshers' functions out of an assembly, in the order of the configuration.
 *
 * References are resolved as they would be in `place`; a secret that the stack creates gets the ARN that
 * `place.secretArn` names.
 */
export function readFunctions(assembly: Assembly, place: TemplatePlace): SynthesizedFunction[] {
  const resolver = createResolver(assembly, place);
  return Object.entries(assembly.template.Resources).flatMap(([logicalId, resource]) => {
    if (resource.Type !== 'AWS::Lambda::Function') return [];
    const properties = resolver.resolve(resource.Properties) as FunctionProperties;
    const environment = properties.Environment?.Variables;
    if (environment?.TOKEN_NAME === undefined) return [];
    return [
      {
        logicalId,
        name: resolver.ref(logicalId),
        arn: resolver.attribute(logicalId, 'Arn'),
        tokenName: environment.TOKEN_NAME,
        environment,
        policyDocuments: policiesOf(assembly, resolver, properties.Role),
        handler: properties.Handler,
        // The CDK names an asset's directory and its object in S3 by the same hash.
        codeDirectory: join(assembly.directory, `asset.${properties.Code.S3Key.replace(/\.zip$/, '')}`),
        timeoutSeconds: properties.Timeout,
        memoryMiB: properties.MemorySize,
        reservedConcurrency: properties.ReservedConcurrentExecutions,
        schedule: scheduleOf(assembly, resolver, resolver.attribute(logicalId, 'Arn')),
      },
    ];
  });
}

/** The policies that the stack attaches to a role: its own role, by logical id, or another one, by name. */
export function policiesOfRole(assembly: Assembly, place: TemplatePlace, role: string): PolicyDocument[] {
  const resolver = createResolver(assembly, place);
  return attachedPolicies(assembly, resolver, role);
}

function attachedPolicies(assembly: Assembly, resolver: Resolver, role: string): PolicyDocument[] {
  return Object.values(assembly.template.Resources)
    .filter(({ Type }) => Type === 'AWS::IAM::Policy')
    .map(
      ({ Properties }) => resolver.resolve(Properties) as { Roles: string[]; PolicyDocument: PolicyDocument },
    )
    .filter(({ Roles }) => Roles.includes(role))
    .map(({ PolicyDocument }) => PolicyDocument);
}

interface FunctionProperties {
  readonly Code: { readonly S3Key: string };
  readonly Environment?: { readonly Variables: Readonly<Record<string, string>> };
  readonly Handler: string;
  readonly MemorySize: number;
  readonly ReservedConcurrentExecutions?: number;
  readonly Role: string;
  readonly Timeout: number;
}

/** The documents inside the role, and those attached to it. */
function policiesOf(assembly: Assembly, resolver: Resolver, roleArn: string): PolicyDocument[] {
  const resources = Object.entries(assembly.template.Resources);
  const role = resources.find(
    ([id, { Type }]) => Type === 'AWS::IAM::Role' && resolver.attribute(id, 'Arn') === roleArn,
  );
  if (role === undefined) throw new Error(`The template has no role ${roleArn}.`);
  const own = resolver.resolve(role[1].Properties?.Policies ?? []) as {
    PolicyDocument: PolicyDocument;
  }[];
  const attached = attachedPolicies(assembly, resolver, resolver.ref(role[0]));
  return [...own.map(({ PolicyDocument }) => PolicyDocument), ...attached];
}

function scheduleOf(
  assembly: Assembly,
  resolver: Resolver,
  functionArn: string,
): SynthesizedFunction['schedule'] {
  const schedules: Resource[] = Object.values(assembly.template.Resources).filter(
    ({ Type }) => Type === 'AWS::Scheduler::Schedule',
  );
  for (const schedule of schedules) {
    const properties = resolver.resolve(schedule.Properties) as {
      ScheduleExpression: string;
      Target: { Arn: string; Input: string };
    };
    if (properties.Target.Arn === functionArn) {
      return { expression: properties.ScheduleExpression, input: properties.Target.Input };
    }
  }
  throw new Error(`Nothing invokes ${functionArn} on a schedule.`);
}

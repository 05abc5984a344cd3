import { join } from 'node:path';
import type { PolicyDocument } from './aws/operation.ts';
import { type Assembly, synthesizeAssembly } from './cloud-assembly.ts';
import { createResolver, type Resolver } from './template-resolver.ts';

/** A function of a token from the template, with all references resolved. */
export interface SynthesizedFunction {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly tokenName: string;
  readonly environment: Readonly<Record<string, string>>;
  /** The identity policies of its role. */
  readonly policyDocuments: readonly PolicyDocument[];
  /** The bundle on disk. */
  readonly codeDirectory: string;
  readonly timeoutSeconds: number;
  readonly memoryMiB: number;
  /** Undefined: none reserved. */
  readonly reservedConcurrency: number | undefined;
}

/**
 * Synthesizes the app, and reads the refreshers' functions out of it, in the order of the configuration.
 *
 * @throws Error if the configuration has problems, or cdk-nag finds one
 */
export function synthesize(options: Parameters<typeof synthesizeAssembly>[0]) {
  const assembly = synthesizeAssembly(options);
  const resolver = createResolver(assembly);
  const functions = functionsWith('TOKEN_NAME', assembly, resolver);
  /** Those that rotate a client secret. */
  const rotations = functionsWith('ROTATED_TOKEN', assembly, resolver);
  return { ...assembly, functions, rotations };
}

/** The functions with a variable that names their token. */
function functionsWith(
  variable: string,
  assembly: Assembly,
  resolver: Resolver,
): readonly SynthesizedFunction[] {
  return resourcesOf<FunctionProperties>(assembly, resolver, 'AWS::Lambda::Function').flatMap(
    ([logicalId, properties]) => {
      const environment = properties.Environment?.Variables;
      const tokenName = environment?.[variable];
      if (environment === undefined || tokenName === undefined) return [];
      return [
        {
          logicalId,
          name: resolver.ref(logicalId),
          arn: resolver.attribute(logicalId, 'Arn'),
          tokenName,
          environment,
          policyDocuments: policiesOf(assembly, resolver, properties.Role),
          // The CDK names an asset's directory and its object in S3 by the same hash.
          codeDirectory: join(assembly.directory, `asset.${properties.Code.S3Key.replace(/\.zip$/, '')}`),
          timeoutSeconds: properties.Timeout,
          memoryMiB: properties.MemorySize,
          reservedConcurrency: properties.ReservedConcurrentExecutions,
        },
      ];
    },
  );
}

/** The policies that the stack attaches to a role: its own role, by logical id, or another one, by name. */
export function policiesOfRole(assembly: Assembly, role: string): PolicyDocument[] {
  return attachedPolicies(assembly, createResolver(assembly), role);
}

function attachedPolicies(assembly: Assembly, resolver: Resolver, role: string): PolicyDocument[] {
  type Properties = { Roles: string[]; PolicyDocument: PolicyDocument };
  return resourcesOf<Properties>(assembly, resolver, 'AWS::IAM::Policy')
    .filter(([, { Roles }]) => Roles.includes(role))
    .map(([, { PolicyDocument }]) => PolicyDocument);
}

interface FunctionProperties {
  readonly Code: { readonly S3Key: string };
  readonly Environment?: { readonly Variables: Readonly<Record<string, string>> };
  readonly MemorySize: number;
  readonly ReservedConcurrentExecutions?: number;
  readonly Role: string;
  readonly Timeout: number;
}

/** The resources of a type by logical id, with their properties resolved. */
function resourcesOf<Properties>({ template }: Assembly, { resolve }: Resolver, type: string) {
  return Object.entries(template.Resources)
    .filter(([, { Type }]) => Type === type)
    .map(([id, { Properties = {} }]) => [id, resolve(Properties) as Properties] as const);
}

/** The documents inside the role, and those attached to it. */
function policiesOf(assembly: Assembly, resolver: Resolver, roleArn: string): PolicyDocument[] {
  type Properties = { Policies?: { PolicyDocument: PolicyDocument }[] };
  const role = resourcesOf<Properties>(assembly, resolver, 'AWS::IAM::Role').find(
    ([id]) => resolver.attribute(id, 'Arn') === roleArn,
  );
  if (role === undefined) throw new Error(`The template has no role ${roleArn}.`);
  const own = role[1].Policies ?? [];
  const attached = attachedPolicies(assembly, resolver, resolver.ref(role[0]));
  return [...own.map(({ PolicyDocument }) => PolicyDocument), ...attached];
}

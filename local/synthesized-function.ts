import { join } from 'node:path';
import type { PolicyDocument } from './aws/operation.ts';
import { type Assembly, synthesizeAssembly } from './cloud-assembly.ts';
import { createResolver } from './template-resolver.ts';

/** A function of a token from the template, with all references resolved. */
export type SynthesizedFunction = ReturnType<typeof functionsWith>[number];

/**
 * Synthesizes the app, and reads the refreshers' functions out of it, in the order of the configuration.
 *
 * @throws Error if the configuration has problems, or cdk-nag finds one
 */
export function synthesize(options: Parameters<typeof synthesizeAssembly>[0]) {
  const assembly = synthesizeAssembly(options);
  return {
    ...assembly,
    functions: functionsWith('TOKEN_NAME', assembly),
    /** Those that rotate a client secret. */
    rotations: functionsWith('ROTATED_TOKEN', assembly),
  };
}

/** The functions with a variable that names their token. */
function functionsWith(variable: string, assembly: Assembly) {
  const resolver = createResolver(assembly);
  return resourcesOf<FunctionProperties>(assembly, 'AWS::Lambda::Function').flatMap(([logicalId, fn]) => {
    const environment = fn.Environment?.Variables ?? {};
    const tokenName = environment[variable];
    if (tokenName === undefined) return [];
    return [
      {
        logicalId,
        name: resolver.ref(logicalId),
        arn: resolver.attribute(logicalId, 'Arn'),
        tokenName,
        environment,
        /** The identity policies of its role. */
        policyDocuments: policiesOfRole(assembly, fn.Role.split('/').at(-1) ?? ''),
        /** The bundle on disk. The CDK names an asset's directory and its object in S3 by the same hash. */
        codeDirectory: join(assembly.directory, `asset.${fn.Code.S3Key.replace(/\.zip$/, '')}`),
        timeoutSeconds: fn.Timeout,
        memoryMiB: fn.MemorySize,
        /** Undefined: none reserved. */
        reservedConcurrency: fn.ReservedConcurrentExecutions,
      },
    ];
  });
}

/** The policies of a role, by its name: those inside it, if it is one of the stack's, and those that the stack attaches to it. */
export function policiesOfRole(assembly: Assembly, name: string): PolicyDocument[] {
  type Inline = { readonly PolicyDocument: PolicyDocument };
  const { ref } = createResolver(assembly);
  const roles = resourcesOf<{ Policies?: Inline[] }>(assembly, 'AWS::IAM::Role');
  const own = roles.filter(([id]) => ref(id) === name).flatMap(([, { Policies = [] }]) => Policies);
  const policies = resourcesOf<Inline & { Roles: string[] }>(assembly, 'AWS::IAM::Policy');
  const attached = policies.map(([, policy]) => policy).filter(({ Roles }) => Roles.includes(name));
  return [...own, ...attached].map(({ PolicyDocument }) => PolicyDocument);
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
function resourcesOf<Properties>(assembly: Assembly, type: string) {
  const { resolve } = createResolver(assembly);
  return Object.entries(assembly.template.Resources)
    .filter(([, { Type }]) => Type === type)
    .map(([id, { Properties = {} }]) => [id, resolve(Properties) as Properties] as const);
}

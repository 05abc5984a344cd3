import { join } from 'node:path';
import { synthesizeAssembly } from '../local/cloud-assembly.ts';
import { FULL_CONTEXT, FULL_TOKENS, SMALLEST, TARGET } from '../test/infra/full-configuration.ts';

/** The files of two templates: of the smallest stack, and of one that uses every setting. */
export function synthesizeTemplates(): string[] {
  return [
    synthesizeAssembly({ tokens: SMALLEST }),
    synthesizeAssembly({ tokens: FULL_TOKENS, context: FULL_CONTEXT, target: TARGET }),
  ].map(({ directory, stackName }) => join(directory, `${stackName}.template.json`));
}

import { join } from 'node:path';
import { synthesizeAssembly } from '../local/cloud-assembly.ts';
import { FULL_CONTEXT, FULL_TOKENS, SMALLEST, TARGET } from '../test/infra/full-configuration.ts';

/**
 * The files of two templates: of the smallest stack, and of one that uses every setting, with its ARNs and its VPC in a region of
 * a partition. The regions of the providers stay.
 */
export function synthesizeTemplates(partition = 'aws', region = TARGET.region): string[] {
  const ours = new RegExp(`(arn:[\\w-]+:\\w+:|region=|"availabilityZone":")${TARGET.region}`, 'g');
  const there = <T>(value: T): T =>
    JSON.parse(
      JSON.stringify(value).replaceAll('arn:aws:', `arn:${partition}:`).replace(ours, `$1${region}`),
    );
  const target = { ...TARGET, region };
  return [
    synthesizeAssembly({ tokens: SMALLEST }),
    synthesizeAssembly({ tokens: there(FULL_TOKENS), context: there(FULL_CONTEXT), target }),
  ].map(({ directory, stackName }) => join(directory, `${stackName}.template.json`));
}

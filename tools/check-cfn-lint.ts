import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { installPythonTools } from './e2e/server-process.ts';
import { synthesizeTemplates } from './templates.ts';

// Lints the smallest stack, and one that uses every setting, with cfn-lint (PyPI). With the argument `partitions`: in a region of each.

// W3005: the CDK names dependencies that a reference implies already.
const IGNORED = ['W3005'];

/** The patterns of policies in cfn-lint do not know this partition. */
const IGNORED_IN_EUSC = ['E3530'];

const REGIONS = [
  ['aws', 'eu-central-1'],
  ['aws', 'us-east-1'],
  ['aws-cn', 'cn-north-1'],
  ['aws-us-gov', 'us-gov-west-1'],
  ['aws-eusc', 'eusc-de-east-1'],
] as const;

const cfnLint = join(installPythonTools('cfn-lint'), 'cfn-lint');
for (const [partition, region] of process.argv[2] === 'partitions' ? REGIONS : REGIONS.slice(0, 1)) {
  const templates = synthesizeTemplates(partition, region);
  const ignored = partition === 'aws-eusc' ? [...IGNORED, ...IGNORED_IN_EUSC] : IGNORED;
  execFileSync(cfnLint, [...templates, '--regions', region, '--ignore-checks', ...ignored], {
    stdio: 'inherit',
  });
  console.log(`cfn-lint: ${templates.length} templates clean in ${region} (${partition})`);
}

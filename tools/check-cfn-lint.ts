import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { synthesizeAssembly } from '../local/cloud-assembly.ts';
import { FULL_CONTEXT, FULL_TOKENS, SMALLEST, TARGET } from '../test/infra/full-configuration.ts';

// Lints the template of a stack that uses every setting, and that of the smallest one, with cfn-lint (PyPI), which
// it installs into a virtual environment of its own at the first run. Needs Python 3.
const CFN_LINT = '1.58.0';

// W3005: the CDK names dependencies that a reference implies already.
const IGNORED = ['W3005'];

const environment = fileURLToPath(new URL(`../.venv/cfn-lint-${CFN_LINT}`, import.meta.url));
const run = (command: string, ...args: string[]): void => {
  execFileSync(command, args, { stdio: 'inherit' });
};
if (!existsSync(join(environment, 'bin/cfn-lint'))) {
  const install = fileURLToPath(new URL('../.ci/install-python-packages.sh', import.meta.url));
  run(install, environment, `cfn-lint==${CFN_LINT}`);
}

const templates = [
  synthesizeAssembly({ tokens: SMALLEST }),
  synthesizeAssembly({
    tokens: FULL_TOKENS,
    context: FULL_CONTEXT,
    target: TARGET,
  }),
].map(({ directory, stackName }) => join(directory, `${stackName}.template.json`));

const regions = ['eu-central-1', 'us-east-1'];
const lint = [...templates, '--regions', ...regions, '--ignore-checks', ...IGNORED];
run(join(environment, 'bin/cfn-lint'), ...lint);
console.log(`cfn-lint ${CFN_LINT}: ${templates.length} templates clean`);

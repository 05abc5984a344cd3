import { execFileSync } from 'node:child_process';
import { pythonProgram, synthesizeTemplates } from './templates.ts';

// Lints the template of a stack that uses every setting, and that of the smallest one, with cfn-lint (PyPI).
const CFN_LINT = '1.58.0';

// W3005: the CDK names dependencies that a reference implies already.
const IGNORED = ['W3005'];

const templates = synthesizeTemplates();
const args = [...templates, '--regions', 'eu-central-1', 'us-east-1', '--ignore-checks', ...IGNORED];
execFileSync(pythonProgram('cfn-lint', CFN_LINT), args, { stdio: 'inherit' });
console.log(`cfn-lint ${CFN_LINT}: ${templates.length} templates clean`);

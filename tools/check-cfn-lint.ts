import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { installPythonTools } from './e2e/server-process.ts';
import { synthesizeTemplates } from './templates.ts';

// Lints the template of a stack that uses every setting, and that of the smallest one, with cfn-lint (PyPI).

// W3005: the CDK names dependencies that a reference implies already.
const IGNORED = ['W3005'];

const templates = synthesizeTemplates();
const args = [...templates, '--regions', 'eu-central-1', 'us-east-1', '--ignore-checks', ...IGNORED];
execFileSync(join(installPythonTools('cfn-lint'), 'cfn-lint'), args, { stdio: 'inherit' });
console.log(`cfn-lint: ${templates.length} templates clean`);

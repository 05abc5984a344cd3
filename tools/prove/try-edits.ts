import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Edit, type EditedCopy, makeEditedCopy, readEditable } from './edited-copy.ts';

/** An edit, and the commands that must notice it: Jest's suites, or one program of the explorer. */
export interface Row {
  readonly name: string;
  readonly edit: Edit;
  readonly suites: readonly string[];
}

/** Whether a row was noticed, and by which tests. The file of a run holds these, so that two runs can be compared. */
export interface Verdict {
  readonly name: string;
  readonly noticed: boolean;
  readonly by: readonly string[];
}

/** The part of Jest's `--json` that is read. */
interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly status: string;
      readonly title: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

const COPIES = 2;
const TEST_TIME_LIMIT_MS = 60_000;
const TIME_LIMIT_MS = 300_000;

/**
 * Makes each edit in a copy of the tree, runs its tests there, prints the verdict and undoes the edit. Writes the verdicts to
 * `.prove/<kind>.json`.
 *
 * @throws Error if an edit cannot be made, or a suite fails without any edit
 */
export async function tryEdits(kind: string, rows: readonly Row[]): Promise<readonly Verdict[]> {
  for (const { edit } of rows) readEditable(edit);
  const suites = [...new Set(rows.flatMap((row) => row.suites))].filter(isSuite);
  const copies = Array.from({ length: Math.min(COPIES, rows.length) }, makeEditedCopy);
  const verdicts: Verdict[] = [];
  try {
    if (copies[0] !== undefined && suites.length > 0) {
      const failing = await failedTests(copies[0], suites);
      if (failing.length > 0) throw new Error(`Without any edit these tests fail: ${failing.join('; ')}`);
    }
    const waiting = rows.entries();
    await Promise.all(
      copies.map(async (copy) => {
        for (const [index, { name, edit, suites }] of waiting) {
          const startedAt = performance.now();
          const by = await copy.edited(edit, () => failedTests(copy, suites));
          verdicts[index] = { name, noticed: by.length > 0, by };
          const seconds = Math.round((performance.now() - startedAt) / 1000);
          const verdict = by.length > 0 ? `noticed by ${by.length}, "${by[0]}"` : 'NOT NOTICED';
          console.log(`${name}: ${verdict} (${seconds} s)`);
        }
      }),
    );
  } finally {
    for (const copy of copies) copy.remove();
  }
  mkdirSync('.prove', { recursive: true });
  writeFileSync(`.prove/${kind}.json`, `${JSON.stringify(verdicts, null, 2)}\n`);
  return verdicts;
}

function isSuite(file: string): boolean {
  return file.endsWith('.test.ts');
}

/** The titles of the tests that fail; for the explorer, the rule that does not hold. */
async function failedTests(copy: EditedCopy, suites: readonly string[]): Promise<readonly string[]> {
  const [program = ''] = suites;
  if (isSuite(program)) return failedSuiteTests(copy, suites);
  const output = await run(copy, [program, '--quick', '--stop-at-first']);
  const problem = /^violation: (.*)/m.exec(output)?.[1];
  return problem === undefined ? [] : [problem];
}

/**
 * The titles of the tests that failed other than by a time limit, which a slow machine also reaches. Empty if the suites could
 * not run or every test failed: that proves nothing.
 */
async function failedSuiteTests(copy: EditedCopy, suites: readonly string[]): Promise<readonly string[]> {
  // The tests of token-endpoint run the built file, as jobs do.
  if (suites.some((suite) => suite.includes('/token-endpoint/')))
    await run(copy, ['tools/packaging/update.ts', 'token-endpoint']);
  const file = join(copy.directory, 'report.json');
  rmSync(file, { force: true });
  const jest = ['node_modules/jest/bin/jest.js', '--maxWorkers=1', '--forceExit', '--json'];
  const output = await run(copy, [...jest, `--outputFile=${file}`, ...suites]);
  if (!existsSync(file)) {
    console.log(`${suites.join(', ')} did not end:\n${output}`);
    return [];
  }
  const report: Report = JSON.parse(readFileSync(file, 'utf8'));
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  if (!tests.some(({ status }) => status === 'passed')) return [];
  return tests
    .filter(({ status, failureMessages }) => status === 'failed' && !failureMessages.some(isTimeLimit))
    .map(({ title }) => title);
}

function isTimeLimit(message: string): boolean {
  return message.includes('It did not end within');
}

/** Runs a program of Node.js in the copy and returns its output, whatever its exit status is. */
function run({ directory }: EditedCopy, args: readonly string[]): Promise<string> {
  const options = {
    cwd: directory,
    env: { ...process.env, TEST_TIME_LIMIT_MS: String(TEST_TIME_LIMIT_MS) },
    timeout: TIME_LIMIT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: 64 * 1024 * 1024,
  } as const;
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (_error, stdout, stderr) => resolve(`${stdout}${stderr}`));
  });
}

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeEditedCopy } from './edited-copy.ts';
import { THREATS } from './threats.ts';

/*
 * Removes each guard of docs/threat-model.md from a copy of the tree, and checks that its test fails there, other than by a
 * time limit, which a slow machine also reaches. Numbers after the command select threats.
 */
const TEST_TIME_LIMIT_MS = 20_000;
const GUARD_TIME_LIMIT_MS = 180_000;

/** What Jest writes with `--json`. */
interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly status: string;
      readonly title: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

const wanted = process.argv.slice(2).map(Number);
const copy = makeEditedCopy();
const reports = mkdtempSync(join(tmpdir(), 'token-refresher-guards-'));
let unnoticed = 0;
try {
  for (const [index, { guard, edit, test }] of THREATS.entries()) {
    if (wanted.length > 0 && !wanted.includes(index + 1)) continue;
    const startedAt = performance.now();
    const report = join(reports, `${index + 1}.json`);
    const jest = [
      `TEST_TIME_LIMIT_MS=${TEST_TIME_LIMIT_MS} exec "${process.execPath}" node_modules/jest/bin/jest.js`,
      `--maxWorkers=1 --forceExit --json --outputFile="${report}" ${test}`,
    ].join(' ');
    // The tests of token-endpoint run the built file, as jobs do.
    const build = edit.file.startsWith('ci/token-endpoint/')
      ? `"${process.execPath}" ci/build-token-endpoint.ts && `
      : '';
    copy.run(edit, ['sh', '-c', build + jest], { timeoutMs: GUARD_TIME_LIMIT_MS });
    const failed = failedTests(report);
    if (failed.length === 0) unnoticed += 1;
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    const verdict = failed.length > 0 ? `noticed by ${failed.length} tests` : 'NOT NOTICED';
    console.log(`${index + 1}. ${verdict} (${seconds} s): without "${guard}", in ${test}`);
    if (failed[0] !== undefined) console.log(`   ${failed[0]}`);
  }
} finally {
  copy.remove();
  rmSync(reports, { recursive: true, force: true });
}
process.exitCode = unnoticed === 0 ? 0 : 1;

/**
 * The titles of the tests that failed other than by a time limit. Empty if the suite could not run or every test failed:
 * that proves nothing.
 */
function failedTests(file: string): string[] {
  if (!existsSync(file)) return [];
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

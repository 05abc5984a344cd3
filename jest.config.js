import './infra/node-version.js';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';

const WORKER_DATA = 'test/support/worker-data.ts';
process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --import=${new URL(WORKER_DATA, import.meta.url)}`;

// Node.js keeps what it compiles, for the programs that tests start and for the next run: the AWS CDK takes a second to compile.
process.env.NODE_COMPILE_CACHE ??= new URL('node_modules/.cache/compiled', import.meta.url).pathname;

// The CDK's own rules for templates take 4 s of each process. `npm run synth` checks by them.
process.env.CDK_VALIDATION = 'false';

// All temporary files of a run are in one directory, which goes with it: suites need not remove what they made.
const TMPDIR = mkdtempSync(join(tmpdir(), 'jest-'));
process.env.TMPDIR = TMPDIR;
process.on('exit', () => rmSync(TMPDIR, { recursive: true, force: true, maxRetries: 3 }));

/** Suites run in Node.js itself, several in one process: they load the same modules as the app, and share them. */
export default {
  runner: ['jest-light-runner', { runtime: 'child_process' }],
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  setupFiles: [`<rootDir>/${WORKER_DATA}`],
  setupFilesAfterEnv: ['<rootDir>/test/support/time-limits.ts'],
  testSequencer: '<rootDir>/test/support/slow-suites-first.js',
  modulePathIgnorePatterns: ['<rootDir>/cdk.out', '<rootDir>/\\.e2e'],
  // Each worker loads the AWS CDK and the SDKs: five seconds. Few suites wait for something else than the processor. One alone
  // would be Jest's own process.
  maxWorkers: Math.max(2, availableParallelism()),
  reporters: ['default', '<rootDir>/test/support/plain-summary.js'],
};

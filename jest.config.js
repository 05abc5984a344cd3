import './infra/node-version.js';
import { availableParallelism } from 'node:os';

const WORKER_DATA = 'test/support/worker-data.ts';
process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --import=${new URL(WORKER_DATA, import.meta.url)}`;

// Node.js keeps what it compiles, for the programs that tests start and for the next run: the AWS CDK takes a second to compile.
process.env.NODE_COMPILE_CACHE ??= new URL('node_modules/.cache/compiled', import.meta.url).pathname;

/** Suites run in Node.js itself, several in one process: they load the same modules as the app, and share them. */
export default {
  runner: ['jest-light-runner', { runtime: 'child_process' }],
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  setupFiles: [`<rootDir>/${WORKER_DATA}`, '<rootDir>/test/support/without-template-rules.ts'],
  setupFilesAfterEnv: ['<rootDir>/test/support/time-limits.ts'],
  testSequencer: '<rootDir>/test/support/slow-suites-first.js',
  modulePathIgnorePatterns: ['<rootDir>/cdk.out', '<rootDir>/\\.e2e'],
  // Twice the cores: many suites wait, for processes and time limits.
  maxWorkers: 2 * availableParallelism(),
  reporters: ['default', '<rootDir>/test/support/plain-summary.js'],
};

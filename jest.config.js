// Runs under `node --experimental-vm-modules` (see the npm script): the tests load the same ES modules as Node.
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
  // Bundles the functions once for all suites.
  globalSetup: '<rootDir>/test/support/bundle-once.js',
  moduleNameMapper: { '^#function-directory$': '<rootDir>/test/support/function-directory.ts' },
  modulePathIgnorePatterns: ['<rootDir>/cdk.out', '<rootDir>/\\.e2e'],
  // Every core: left alone, Jest takes one worker on two cores.
  maxWorkers: '100%',
  testTimeout: 120_000,
  // Of the tests of one suite that are marked as concurrent: one of five waits, or two.
  maxConcurrency: 5,
  reporters: ['default', '<rootDir>/test/support/plain-summary.js'],
};

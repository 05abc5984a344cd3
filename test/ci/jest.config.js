import base from '../../jest.config.js';

/** The suites that read with the AWS CLI. Words behind `npm run test:ci --` select suites by name. */
export default {
  ...base,
  rootDir: '../..',
  testMatch: ['**/test/ci/**/*.cli-test.ts'],
  globalSetup: '<rootDir>/test/ci/support/load-aws-clis.js',
};

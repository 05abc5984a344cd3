import base from '../../jest.config.js';

/** The suites that read with the AWS CLI: those that npm's scripts name with --testMatch. */
export default {
  ...base,
  rootDir: '../..',
  globalSetup: '<rootDir>/test/ci/support/load-aws-clis.js',
};

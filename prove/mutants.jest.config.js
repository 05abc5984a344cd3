import config from '../jest.config.js';

const { globalSetup: _, ...rest } = config;

/** As in `npm test`, without bundles: the suites of `mutants.ts` run none. */
export default { ...rest, rootDir: '..' };

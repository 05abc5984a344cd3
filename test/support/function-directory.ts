import { join } from 'node:path';

/** Where the bundles of this test run are: takes the place of `#function-directory` (jest.config.js). */
export function functionDirectory(name: 'refresher' | 'deployment'): string {
  return join(process.env.TEST_FUNCTION_DIRECTORY ?? '', name);
}

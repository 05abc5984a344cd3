import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, bundleDeployment } from '../../infra/bundle/bundle.ts';

/**
 * Jest's global set-up: bundles both functions once for all suites, each of which would make them anew in its own module
 * registry. `function-directory.ts` tells where they are.
 */
export default function bundleOnce() {
  const directory = mkdtempSync(join(tmpdir(), 'token-refresher-functions-'));
  bundle(join(directory, 'refresher'));
  bundleDeployment(join(directory, 'deployment'));
  process.env.TEST_FUNCTION_DIRECTORY = directory;
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, bundleDeployment } from '../../infra/bundle/bundle.ts';

/**
 * Jest's global set-up: bundles both functions once for all suites, each of which would make them anew in its own module
 * registry. `function-directory.ts` tells where they are.
 *
 * The CDK's own rules for templates take 4 s of each suite that synthesizes. `token-refresher-stack.test.ts` switches
 * them on again.
 */
export default function bundleOnce() {
  const directory = mkdtempSync(join(tmpdir(), 'token-refresher-functions-'));
  bundle(join(directory, 'refresher'));
  bundleDeployment(join(directory, 'deployment'));
  process.env.TEST_FUNCTION_DIRECTORY = directory;
  process.env.CDK_VALIDATION = 'false';
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
}

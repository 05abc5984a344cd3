import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildModule } from './build-module.ts';
import { describeApi } from './describe-api.ts';

const ROOT = join(import.meta.dirname, '..');

/**
 * Builds what the npm package holds into `outdir`: `dist` (the module, its declarations, the functions), the reference
 * `docs/api.md`, and two contracts' signatures in `test/contracts`. `outdir` lies in the project, where the declarations
 * find the AWS CDK.
 *
 * @throws Error where the types do not check
 */
export function build(outdir: string): void {
  buildModule(outdir);
  const buildDirectory = join(outdir, 'build');
  rmSync(buildDirectory, { recursive: true, force: true });
  mkdirSync(buildDirectory, { recursive: true });
  describeApi({ outdir, distDirectory: join(outdir, 'dist'), buildDirectory });
}

if (import.meta.main) build(resolve(process.argv[2] ?? ROOT));

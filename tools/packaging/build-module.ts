import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { bundle, bundleDeployment } from '../../infra/bundle/bundle.ts';

const ROOT = join(import.meta.dirname, '../..');

/**
 * Builds `dist` without the declarations: the module and the functions.
 *
 * The module is one CommonJS file: every Node.js version, Jest as `cdk init` sets it up, and TypeScript load it by
 * `import` and by `require`. The AWS CDK stays outside: the app brings its own.
 */
export function buildModule(outdir: string): void {
  const distDirectory = join(outdir, 'dist');
  rmSync(distDirectory, { recursive: true, force: true });
  buildSync({
    entryPoints: { index: join(ROOT, 'infra/index.ts') },
    outdir: distDirectory,
    absWorkingDir: ROOT,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    // The same sources with the prebuilt function: see `imports` in package.json.
    conditions: ['prebuilt'],
    define: { 'import.meta.dirname': '__dirname' },
    external: ['aws-cdk-lib', 'constructs'],
    logLevel: 'error',
  });
  // The package's other files are ES modules.
  writeFileSync(join(distDirectory, 'package.json'), '{ "type": "commonjs" }\n');
  bundleDeployment(join(distDirectory, 'functions/deployment'));
  bundle(join(distDirectory, 'functions/refresher'));
}

if (import.meta.main) buildModule(resolve(process.argv[2] ?? ROOT));

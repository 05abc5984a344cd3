import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { bundle, bundleDeployment } from '../infra/bundle/bundle.ts';
import { describeApi } from './describe-api.ts';

const ROOT = join(import.meta.dirname, '..');

/**
 * Builds what the npm package holds into `outdir`: `dist` (the module, its declarations, the function), the reference
 * `docs/api.md`, and two contracts' signatures in `test/contracts`. `outdir` lies in the project, where the declarations
 * find the AWS CDK.
 *
 * The module is one CommonJS file: every Node.js version, Jest as `cdk init` sets it up, and TypeScript load it by
 * `import` and by `require`. The AWS CDK stays outside: the app brings its own.
 *
 * @throws Error where the types do not check
 */
export function build(outdir: string): void {
  const [distDirectory, buildDirectory] = [join(outdir, 'dist'), join(outdir, 'build')];
  for (const directory of [distDirectory, buildDirectory]) {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
  }
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
  const metafile = bundle(join(distDirectory, 'functions/refresher'));
  writeFileSync(join(buildDirectory, 'function-metafile.json'), JSON.stringify(metafile));
  describeApi({ outdir, distDirectory, buildDirectory });
}

if (import.meta.main) build(resolve(process.argv[2] ?? ROOT));

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildSync, type Metafile } from 'esbuild';
import { bundle } from '../../infra/bundle/bundle.ts';

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
  const { metafile } = buildSync({
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
    metafile: true,
    logLevel: 'error',
  });
  // The package's other files are ES modules.
  writeFileSync(join(distDirectory, 'package.json'), '{ "type": "commonjs" }\n');
  const functions = (['refresher', 'rotation', 'deployment'] as const).map((name) =>
    bundle(name, join(distDirectory, 'functions', name)),
  );
  writeFileSync(join(distDirectory, 'THIRD-PARTY-NOTICES.txt'), notices([metafile, ...functions]));
}

/** The licences of the packages whose code is in `dist`, which ask that their texts go with it. */
function notices(metafiles: readonly Metafile[]): string {
  const files = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  const packages = new Set(
    files.flatMap((file) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []),
  );
  return [...packages]
    .sort()
    .map((directory) => {
      const { name, version, license } = JSON.parse(
        readFileSync(join(ROOT, directory, 'package.json'), 'utf8'),
      );
      const texts = readdirSync(join(ROOT, directory)).filter((file) => /^(licen[cs]e|notice)/i.test(file));
      const read = texts.map((file) => readFileSync(join(ROOT, directory, file), 'utf8').trim());
      return [`${name} ${version}: ${license}`, ...read].join('\n\n');
    })
    .join(`\n\n${'-'.repeat(80)}\n\n`)
    .concat('\n');
}

if (import.meta.main) buildModule(resolve(process.argv[2] ?? ROOT));

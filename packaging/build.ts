import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { buildSync } from 'esbuild';
import { bundle, bundleDeployment } from '../infra/bundle/bundle.ts';
import { apiReference } from './api-reference.ts';

const ROOT = join(import.meta.dirname, '..');

/**
 * Builds what the npm package holds into `outdir`: `dist` (the module, its declarations, the function), the reference
 * `docs/api.md`, and the API's signatures in `test/contracts`. `outdir` lies in the project, where the declarations
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
  describeApi(outdir, distDirectory, buildDirectory);
}

/** Writes the declarations, rolled up into one file, the reference, and the signatures. */
function describeApi(outdir: string, distDirectory: string, buildDirectory: string): void {
  const typesDirectory = join(buildDirectory, 'types');
  execFileSync(
    process.execPath,
    [typeScriptCompiler(), '--project', 'tsconfig.build.json', '--outDir', typesDirectory],
    { cwd: ROOT, stdio: 'inherit' },
  );
  const apiJsonFile = join(buildDirectory, 'api.json');
  const contractsDirectory = join(outdir, 'test/contracts');
  mkdirSync(contractsDirectory, { recursive: true });
  const { succeeded } = Extractor.invoke(
    ExtractorConfig.prepare({
      packageJsonFullPath: join(ROOT, 'package.json'),
      configObjectFullPath: undefined,
      configObject: {
        projectFolder: ROOT,
        mainEntryPointFilePath: join(typesDirectory, 'infra/index.d.ts'),
        compiler: { tsconfigFilePath: join(ROOT, 'tsconfig.build.json') },
        newlineKind: 'lf',
        apiReport: {
          enabled: true,
          reportFileName: 'construct',
          reportFolder: contractsDirectory,
          reportTempFolder: buildDirectory,
        },
        docModel: { enabled: true, apiJsonFilePath: apiJsonFile },
        dtsRollup: { enabled: true, untrimmedFilePath: join(distDirectory, 'index.d.ts') },
        tsdocMetadata: { enabled: false },
        messages: {
          // Types that are only reached through an exported one are declared, not exported; no release tags are used.
          extractorMessageReporting: {
            'ae-forgotten-export': { logLevel: ExtractorLogLevel.None },
            'ae-missing-release-tag': { logLevel: ExtractorLogLevel.None },
          },
        },
      },
    }),
    { localBuild: true, messageCallback: (message) => Object.assign(message, { handled: true }) },
  );
  if (!succeeded) throw new Error('API Extractor could not describe the package.');
  mkdirSync(join(outdir, 'docs'), { recursive: true });
  writeFileSync(join(outdir, 'docs/api.md'), apiReference(apiJsonFile));
}

/** TypeScript 7's compiler is a native program behind a small script. */
function typeScriptCompiler(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
}

if (import.meta.main) build(resolve(process.argv[2] ?? ROOT));

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { buildSync, type Metafile } from 'esbuild';
import { bundle } from '../../infra/bundle/bundle.ts';
import { secretsTable, settingsTable } from './provider-tables.ts';

const ROOT = join(import.meta.dirname, '../..');

const DIST = join(ROOT, 'dist');

/**
 * Builds what the npm package holds: `dist` (the module, its declarations, the functions), and the reference `docs/api.md`.
 *
 * @throws Error where the types do not check
 */
export function build(): void {
  buildModule();
  const types = join(ROOT, 'build/types');
  rmSync(types, { recursive: true, force: true });
  const compiler = [join(ROOT, 'node_modules/typescript/bin/tsc'), '--project', 'tsconfig.build.json'];
  execFileSync(process.execPath, compiler, { cwd: ROOT, stdio: 'inherit' });
  const [ofConstruct, ofFunction] = [join(DIST, 'index.d.ts'), join(ROOT, 'build/function.d.ts')];
  rollUp([
    configurationOf(join(types, 'infra/index.d.ts'), ofConstruct),
    configurationOf(join(types, 'tools/packaging/function-contract.d.ts'), ofFunction),
  ]);
  const reference = apiReference(readFileSync(ofConstruct, 'utf8'), readFileSync(ofFunction, 'utf8'));
  writeFileSync(join(ROOT, 'docs/api.md'), reference);
}

/**
 * Builds `dist` without the declarations: the module and the functions.
 *
 * The module is one CommonJS file: every Node.js version, Jest as `cdk init` sets it up, and TypeScript load it by
 * `import` and by `require`. The AWS CDK stays outside: the app brings its own.
 */
function buildModule(): void {
  rmSync(DIST, { recursive: true, force: true });
  const { metafile } = buildSync({
    entryPoints: { index: join(ROOT, 'infra/index.ts') },
    outdir: DIST,
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
  writeFileSync(join(DIST, 'package.json'), '{ "type": "commonjs" }\n');
  const functions = (['refresher', 'rotation', 'deployment'] as const).map((name) =>
    bundle(name, join(DIST, 'functions', name)),
  );
  writeFileSync(join(DIST, 'THIRD-PARTY-NOTICES.txt'), notices([metafile, ...functions]));
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

/** The declarations as a page. */
function apiReference(ofConstruct: string, ofFunction: string): string {
  const exported = (declarations: string) =>
    declarations
      .replace(/^import .*\n/gm, '')
      .replace(/^[\s\S]*@packageDocumentation\n \*\//, '')
      .replace(/export \{ \}\s*$/, '')
      .trim();
  return `# API reference

The declarations of \`token-refresher\` with their documentation, as an editor shows them. \`npm run update\` writes this page.

\`\`\`ts
${exported(ofConstruct)}
\`\`\`

## The function

The answers to an invocation, the codes of failures, and the document in the parameter \`token-status\`.

\`\`\`ts
${exported(ofFunction)}
\`\`\`

## Providers

\`provider\` is \`{ provider: '<name>', <its settings> }\`.

${settingsTable()}

${secretsTable()}
`;
}

function configurationOf(mainEntryPointFilePath: string, untrimmedFilePath: string): ExtractorConfig {
  return ExtractorConfig.prepare({
    packageJsonFullPath: join(ROOT, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: ROOT,
      mainEntryPointFilePath,
      compiler: { tsconfigFilePath: join(ROOT, 'tsconfig.build.json') },
      newlineKind: 'lf',
      tsdocMetadata: { enabled: false },
      dtsRollup: { enabled: true, untrimmedFilePath },
      messages: {
        // Types that are only reached through an exported one are declared, not exported; no release tags are used.
        extractorMessageReporting: {
          'ae-forgotten-export': { logLevel: ExtractorLogLevel.None },
          'ae-missing-release-tag': { logLevel: ExtractorLogLevel.None },
        },
      },
    },
  });
}

/** Both from one program: most of the time goes into the declarations of the AWS CDK. */
function rollUp(configurations: readonly [ExtractorConfig, ExtractorConfig]): void {
  const additionalEntryPoints = configurations.map(({ mainEntryPointFilePath }) => mainEntryPointFilePath);
  const compilerState = CompilerState.create(configurations[0], { additionalEntryPoints });
  const messageCallback = (message: object) => Object.assign(message, { handled: true });
  for (const configuration of configurations) {
    const { succeeded } = Extractor.invoke(configuration, { compilerState, messageCallback });
    if (!succeeded) throw new Error(`API Extractor: ${configuration.mainEntryPointFilePath} failed.`);
  }
}

if (import.meta.main) build();

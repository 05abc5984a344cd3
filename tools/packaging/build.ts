import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  CompilerState,
  Extractor,
  ExtractorConfig,
  ExtractorLogLevel,
  type IConfigFile,
} from '@microsoft/api-extractor';
import { buildModule } from './build-module.ts';
import { secretsTable, settingsTable } from './provider-tables.ts';

const ROOT = join(import.meta.dirname, '../..');

/**
 * Builds what the npm package holds into `outdir`: `dist` (the module, its declarations, the functions), the reference
 * `docs/api.md`, and two contracts' signatures in `test/contracts`. `outdir` lies in the project, where the declarations
 * find the AWS CDK.
 *
 * @throws Error where the types do not check
 */
export function build(outdir: string): void {
  buildModule(outdir);
  const [buildDirectory, contracts] = [join(outdir, 'build'), join(outdir, 'test/contracts')];
  const types = join(buildDirectory, 'types');
  rmSync(buildDirectory, { recursive: true, force: true });
  for (const directory of [types, contracts, join(outdir, 'docs')]) mkdirSync(directory, { recursive: true });
  const compiler = [join(ROOT, 'node_modules/typescript/bin/tsc'), '--project', 'tsconfig.build.json'];
  execFileSync(process.execPath, [...compiler, '--outDir', types], { cwd: ROOT, stdio: 'inherit' });
  const apiDeclarations = join(outdir, 'dist/index.d.ts');
  extract([
    configurationOf(join(types, 'infra/index.d.ts'), {
      apiReport: reportOf('construct'),
      dtsRollup: { enabled: true, untrimmedFilePath: apiDeclarations },
    }),
    configurationOf(join(types, 'tools/packaging/function-contract.d.ts'), {
      apiReport: reportOf('function'),
    }),
  ]);
  writeFileSync(join(outdir, 'docs/api.md'), apiReference(readFileSync(apiDeclarations, 'utf8')));

  /** The signatures go to `<contract>.api.md`. */
  function reportOf(reportFileName: string) {
    return { enabled: true, reportFileName, reportFolder: contracts, reportTempFolder: buildDirectory };
  }
}

/** The package's declarations as a page. */
function apiReference(declarations: string): string {
  const exported = declarations
    .replace(/^import .*\n/gm, '')
    .replace(/^[\s\S]*@packageDocumentation\n \*\/\s+/, '');
  return `# API reference

The declarations of \`token-refresher\` with their documentation, as an editor shows them. \`npm run update\` writes this page.

\`\`\`ts
${exported.replace(/\n+export \{ \}\n+$/, '')}
\`\`\`

## Providers

\`provider\` is \`{ provider: '<name>', <its settings> }\`.

${settingsTable()}

${secretsTable()}
`;
}

function configurationOf(declarations: string, outputs: Partial<IConfigFile>): ExtractorConfig {
  return ExtractorConfig.prepare({
    packageJsonFullPath: join(ROOT, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: ROOT,
      mainEntryPointFilePath: declarations,
      compiler: { tsconfigFilePath: join(ROOT, 'tsconfig.build.json') },
      newlineKind: 'lf',
      tsdocMetadata: { enabled: false },
      messages: {
        // Types that are only reached through an exported one are declared, not exported; no release tags are used.
        extractorMessageReporting: {
          'ae-forgotten-export': { logLevel: ExtractorLogLevel.None },
          'ae-missing-release-tag': { logLevel: ExtractorLogLevel.None },
        },
      },
      ...outputs,
    },
  });
}

/** Both contracts from one program: most of the time goes into the declarations of the AWS CDK. */
function extract(configurations: readonly [ExtractorConfig, ...ExtractorConfig[]]): void {
  const additionalEntryPoints = configurations.map(({ mainEntryPointFilePath }) => mainEntryPointFilePath);
  const compilerState = CompilerState.create(configurations[0], { additionalEntryPoints });
  for (const configuration of configurations) {
    const { succeeded } = Extractor.invoke(configuration, {
      localBuild: true,
      compilerState,
      messageCallback: (message) => Object.assign(message, { handled: true }),
    });
    if (!succeeded)
      throw new Error(`API Extractor could not describe ${configuration.mainEntryPointFilePath}.`);
  }
}

if (import.meta.main) build(resolve(process.argv[2] ?? ROOT));

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Extractor, ExtractorConfig, ExtractorLogLevel, type IConfigFile } from '@microsoft/api-extractor';
import { buildModule } from './build-module.ts';

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
  extract(join(types, 'infra/index.d.ts'), {
    apiReport: reportOf('construct'),
    dtsRollup: { enabled: true, untrimmedFilePath: apiDeclarations },
  });
  extract(join(types, 'tools/packaging/function-contract.d.ts'), { apiReport: reportOf('function') });
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
`;
}

function extract(declarations: string, outputs: Partial<IConfigFile>): void {
  const { succeeded } = Extractor.invoke(
    ExtractorConfig.prepare({
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
    }),
    { localBuild: true, messageCallback: (message) => Object.assign(message, { handled: true }) },
  );
  if (!succeeded) throw new Error(`API Extractor could not describe ${declarations}.`);
}

if (import.meta.main) build(resolve(process.argv[2] ?? ROOT));

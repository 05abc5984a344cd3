import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { apiReference } from './api-reference.ts';

const ROOT = join(import.meta.dirname, '..');

interface Directories {
  /** The project, or a directory that a test compares with it. */
  readonly outdir: string;
  readonly distDirectory: string;
  /** What the build alone needs. */
  readonly buildDirectory: string;
}

/**
 * Writes the module's declarations, rolled up into one file, the reference `docs/api.md`, and two contracts as signatures
 * in `test/contracts`: the construct's, and the function's.
 *
 * @throws Error where the types do not check
 */
export function describeApi({ outdir, distDirectory, buildDirectory }: Directories): void {
  const typesDirectory = join(buildDirectory, 'types');
  execFileSync(
    process.execPath,
    [typeScriptCompiler(), '--project', 'tsconfig.build.json', '--outDir', typesDirectory],
    { cwd: ROOT, stdio: 'inherit' },
  );
  const contractsDirectory = join(outdir, 'test/contracts');
  mkdirSync(contractsDirectory, { recursive: true });
  const apiJsonFile = join(buildDirectory, 'api.json');
  extract({
    declarations: join(typesDirectory, 'infra/index.d.ts'),
    contract: 'construct',
    contractsDirectory,
    buildDirectory,
    apiJsonFile,
    rolledUpFile: join(distDirectory, 'index.d.ts'),
  });
  extract({
    declarations: join(typesDirectory, 'packaging/function-contract.d.ts'),
    contract: 'function',
    contractsDirectory,
    buildDirectory,
  });
  mkdirSync(join(outdir, 'docs'), { recursive: true });
  writeFileSync(join(outdir, 'docs/api.md'), apiReference(apiJsonFile));
}

interface ExtractOptions {
  readonly declarations: string;
  /** Its signatures are written to `<contract>.api.md`. */
  readonly contract: string;
  readonly contractsDirectory: string;
  readonly buildDirectory: string;
  /** Where the description goes from which the reference is made. @default nowhere */
  readonly apiJsonFile?: string;
  /** Where the declarations go, rolled up into one file. @default nowhere */
  readonly rolledUpFile?: string;
}

function extract(options: ExtractOptions): void {
  const { apiJsonFile, rolledUpFile } = options;
  const { succeeded } = Extractor.invoke(
    ExtractorConfig.prepare({
      packageJsonFullPath: join(ROOT, 'package.json'),
      configObjectFullPath: undefined,
      configObject: {
        projectFolder: ROOT,
        mainEntryPointFilePath: options.declarations,
        compiler: { tsconfigFilePath: join(ROOT, 'tsconfig.build.json') },
        newlineKind: 'lf',
        apiReport: {
          enabled: true,
          reportFileName: options.contract,
          reportFolder: options.contractsDirectory,
          reportTempFolder: options.buildDirectory,
        },
        docModel:
          apiJsonFile === undefined ? { enabled: false } : { enabled: true, apiJsonFilePath: apiJsonFile },
        dtsRollup:
          rolledUpFile === undefined
            ? { enabled: false }
            : { enabled: true, untrimmedFilePath: rolledUpFile },
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
  if (!succeeded) throw new Error(`API Extractor could not describe the ${options.contract}.`);
}

/** TypeScript 7's compiler is a native program behind a small script. */
function typeScriptCompiler(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
}

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { buildSync, type Metafile } from 'esbuild';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

/** The function's `Handler`: the export `handler` of the bundle's entry point, `handler.mjs`. */
export const HANDLER = 'handler.handler';

/** Text of the stub that esbuild leaves in a chunk where CommonJS code calls `require` for a Node.js module. */
const REQUIRE_STUB = 'Dynamic require of';
const CREATE_REQUIRE =
  "import{createRequire}from'node:module';const require=createRequire(import.meta.url);\n";

/**
 * Bundles `lambda/handler.ts` into `outdir`: ES modules, the lazy parts as chunks of their own, names by
 * content. The same sources always give the same bytes. The AWS SDK is bundled, so that a new version in
 * Lambda's runtime changes nothing.
 *
 * @returns esbuild's metafile: what went into which chunk, with sizes.
 */
export function bundle(outdir: string): Metafile {
  const { outputFiles, metafile } = buildSync({
    entryPoints: { handler: join(ROOT, 'lambda/handler.ts') },
    outdir,
    // Paths in chunk names' hashes are taken from here, so that they do not depend on where synth was started.
    absWorkingDir: ROOT,
    bundle: true,
    splitting: true,
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    chunkNames: '[name]-[hash]',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    minify: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'error',
    write: false,
  });
  mkdirSync(outdir, { recursive: true });
  for (const { path, text } of outputFiles) {
    writeFileSync(path, text.includes(REQUIRE_STUB) ? CREATE_REQUIRE + text : text);
  }
  return metafile;
}

/**
 * The function's code as an asset that is named by the bundle's content: unchanged sources deploy nothing. CDK
 * bundles once per app, and not at all where no stack is synthesized (`cdk list`, `cdk destroy`).
 */
export function functionCode(): Code {
  return Code.fromAsset(join(ROOT, 'lambda'), {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Never pulled: local bundling always succeeds, or throws.
      image: DockerImage.fromRegistry('none'),
      local: {
        tryBundle(outputDir) {
          bundle(outputDir);
          return true;
        },
      },
    },
  });
}

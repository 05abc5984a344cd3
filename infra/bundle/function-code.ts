import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { buildSync, type Metafile } from 'esbuild';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** The function's `Handler`: the export `handler` of the bundle's entry point, `handler.mjs`. */
export const HANDLER = 'handler.handler';

/** undici is CommonJS and calls `require` for Node.js's modules; ES modules have none. */
const REQUIRE =
  "import { createRequire as createNodeRequire } from 'node:module'; const require = createNodeRequire(import.meta.url);";

/**
 * Bundles `lambda/handler.ts` into `outdir`: ES modules; what the handler imports dynamically is a chunk of its own,
 * which an idle beat does not load. The same sources always give the same bytes. The AWS SDK is bundled, so that a new
 * version in Lambda's runtime changes nothing. There is no source map: Node.js would read it at the first error.
 *
 * @returns esbuild's metafile: what went into which chunk, with sizes.
 */
export function bundle(outdir: string): Metafile {
  const { metafile } = buildSync({
    entryPoints: { handler: join(ROOT, 'lambda/handler.ts') },
    outdir,
    // Chunk names are hashes of paths too: relative to here, whatever directory synth was started in.
    absWorkingDir: ROOT,
    bundle: true,
    splitting: true,
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    chunkNames: '[name]-[hash]',
    platform: 'node',
    target: 'node24',
    // The ES modules of the SDK can be shaken, its CommonJS ones cannot.
    mainFields: ['module', 'main'],
    banner: { js: REQUIRE },
    minify: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'error',
  });
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

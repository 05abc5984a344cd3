import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { buildSync, type Metafile } from 'esbuild';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** The functions' `Handler`: the export `handler` of the bundle's entry point, `handler.mjs` or `handler.js`. */
export const HANDLER = 'handler.handler';

/** undici is CommonJS and calls `require` for Node.js's modules; ES modules have none. */
const REQUIRE =
  "import { createRequire as createNodeRequire } from 'node:module'; const require = createNodeRequire(import.meta.url);";

/** What every bundle of this project has in common. The same sources always give the same bytes. */
const SHARED = {
  // Chunk names are hashes of paths too: relative to here, whatever directory synth was started in.
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node24',
  minify: true,
  legalComments: 'none',
  logLevel: 'error',
} as const;

/**
 * Bundles `lambda/handler.ts` into `outdir`: ES modules; what the handler imports dynamically is a chunk of its own,
 * which an idle beat does not load. The AWS SDK is bundled, so that a new version in Lambda's runtime changes
 * nothing. There is no source map: Node.js would read it at the first error.
 *
 * @returns esbuild's metafile: what went into which chunk, with sizes.
 */
export function bundle(outdir: string): Metafile {
  const { metafile } = buildSync({
    ...SHARED,
    entryPoints: { handler: join(ROOT, 'lambda/handler.ts') },
    outdir,
    splitting: true,
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    chunkNames: '[name]-[hash]',
    // The ES modules of the SDK can be shaken, its CommonJS ones cannot.
    mainFields: ['module', 'main'],
    banner: { js: REQUIRE },
    metafile: true,
  });
  return metafile;
}

/**
 * Bundles `lambda/deployment/handler.ts` into `outdir`: one small CommonJS file, which takes the AWS SDK of Lambda's
 * runtime. It runs during deployments only.
 */
function bundleDeployment(outdir: string): void {
  buildSync({
    ...SHARED,
    entryPoints: { handler: join(ROOT, 'lambda/deployment/handler.ts') },
    outdir,
    format: 'cjs',
    external: ['@aws-sdk/*'],
  });
}

/** The code of a refresher's function. */
export function functionCode(): Code {
  return codeFrom('lambda', bundle);
}

/** The code of the function that runs a stack's custom resources. */
export function deploymentCode(): Code {
  return codeFrom('lambda/deployment', bundleDeployment);
}

/**
 * An asset that is named by the bundle's content: unchanged sources deploy nothing. CDK bundles once per app, and not at
 * all where no stack is synthesized (`cdk list`, `cdk destroy`).
 */
function codeFrom(directory: string, build: (outdir: string) => void): Code {
  return Code.fromAsset(join(ROOT, directory), {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Never pulled: local bundling always succeeds, or throws.
      image: DockerImage.fromRegistry('none'),
      local: {
        tryBundle(outputDir) {
          build(outputDir);
          return true;
        },
      },
    },
  });
}

import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { Metafile } from 'esbuild';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** The function's `Handler`: the export `handler` of the bundle's entry point, `handler.mjs`. */
export const HANDLER = 'handler.handler';

/** A metafile is some hundred kilobytes of JSON. */
const MAX_METAFILE_BYTES = 64 * 1024 * 1024;

/**
 * Bundles the function's code into `outdir`, see {@link file://./bundle-function.ts}. In a process of its own: CDK asks
 * for a bundle synchronously, and esbuild runs plugins only asynchronously.
 *
 * @returns esbuild's metafile: what went into which chunk, with sizes.
 */
export function bundle(outdir: string): Metafile {
  const script = join(ROOT, 'infra/bundle/bundle-function.ts');
  return JSON.parse(
    execFileSync(process.execPath, [script, outdir], {
      encoding: 'utf8',
      maxBuffer: MAX_METAFILE_BYTES,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env.PATH },
    }),
  );
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

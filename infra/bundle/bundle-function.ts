import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { lateImportsInPlace, noStreamsOfEvents, oneLazyChunk } from './bundle-chunk-plugins.ts';
import { headersWithoutFetch, undiciAgentOnly } from './bundle-http-plugins.ts';
import { builtinModulesOnDemand } from './bundle-plugins.ts';
import {
  calledOperationsOnly,
  credentialsFromEnvironmentOnly,
  reachedPartsOnly,
} from './bundle-sdk-plugins.ts';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

/**
 * Bundles `lambda/handler.ts` into `outdir`: ES modules, the lazy parts as chunks of their own, names by content. The
 * same sources always give the same bytes. The AWS SDK is bundled, so that a new version in Lambda's runtime changes
 * nothing. No source map: it would be read at the first error, and the names in it are of no use to the reader of a log.
 *
 * @returns esbuild's metafile: what went into which chunk, with sizes.
 */
export async function bundleFunction(outdir: string): Promise<Metafile> {
  const { metafile } = await build({
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
    // The ES modules of the SDK can be shaken, its CommonJS ones cannot.
    mainFields: ['module', 'main'],
    plugins: [
      undiciAgentOnly,
      builtinModulesOnDemand,
      lateImportsInPlace,
      calledOperationsOnly,
      reachedPartsOnly,
      noStreamsOfEvents,
      credentialsFromEnvironmentOnly,
      headersWithoutFetch,
      oneLazyChunk,
    ],
    // How undici itself leaves out its experimental second parser, 150 KB, in the copy that Node.js bundles.
    define: { esbuildDetection: '1' },
    minify: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'error',
  });
  return metafile;
}

if (import.meta.main) {
  const metafile = await bundleFunction(process.argv[2] ?? '');
  process.stdout.write(JSON.stringify(metafile));
}

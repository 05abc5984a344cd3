import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/**
 * Lets all that only a mint or a diagnosis needs become one chunk. As two, they and the entry point would share code in
 * every combination, each a file of its own, and an idle beat would open six files instead of two.
 */
export const oneLazyChunk: Plugin = {
  name: 'one-lazy-chunk',
  setup(build) {
    build.onResolve({ filter: /^\.\/mint\/(create-minter|diagnose)\.ts$/ }, ({ kind, resolveDir }) =>
      kind === 'dynamic-import'
        ? { path: 'create-minter', namespace: 'lazy-parts', pluginData: resolveDir }
        : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'lazy-parts' }, ({ pluginData }) => ({
      contents: `export * from './mint/create-minter.ts'; export * from './mint/diagnose.ts';`,
      resolveDir: pluginData,
    }));
  },
};

const LATE_IMPORTERS =
  /[\\/]node_modules[\\/](@smithy[\\/]node-http-handler|@aws[\\/]lambda-invoke-store)[\\/]dist-es[\\/].*\.js$/;

/** The SDK's dynamic imports of Node.js modules, in the place itself: each would be a chunk, and a file to open. */
export const lateImportsInPlace: Plugin = {
  name: 'late-imports-in-place',
  setup(build) {
    build.onLoad({ filter: LATE_IMPORTERS }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll(
        /import\((["'])(node:\w+)\1\)/g,
        `Promise.resolve(process.getBuiltinModule('$2'))`,
      ),
    }));
  },
};

/**
 * Leaves out what the SDK would load for streams of events and for a browser's name. No operation that is called streams
 * events, and Lambda is no browser; kept, they would share code with the rest in files of their own.
 */
export const noStreamsOfEvents: Plugin = {
  name: 'no-streams-of-events',
  setup(build) {
    build.onResolve({ filter: /^(@smithy\/core\/event-streams|bowser)$/ }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path, namespace: 'left-out' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path }) => ({
      contents: `throw new Error('${path} is not in this bundle.');`,
    }));
  },
};

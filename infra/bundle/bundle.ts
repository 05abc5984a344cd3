import { join } from 'node:path';
import { type BuildOptions, buildSync, type Metafile } from 'esbuild';

const ROOT = join(import.meta.dirname, '../..');

/** undici is CommonJS and calls `require` for Node.js's modules; ES modules have none. */
const REQUIRE =
  "import { createRequire as createNodeRequire } from 'node:module'; const require = createNodeRequire(import.meta.url);";

/**
 * What the SDK imports, dynamically, to find credentials elsewhere than in the environment. The function's clients are
 * given theirs (`lambda/aws-client.ts`), so that none of it is ever loaded; in the bundle it would split what is loaded
 * into more files, each of which costs a cold start a millisecond.
 */
const UNUSED_CREDENTIAL_PROVIDERS = [
  '@aws-sdk/credential-provider-http',
  '@aws-sdk/credential-provider-ini',
  '@aws-sdk/credential-provider-process',
  '@aws-sdk/credential-provider-sso',
  '@aws-sdk/credential-provider-web-identity',
  '@smithy/credential-provider-imds',
];

/**
 * An ES module with the AWS SDK in it, so that a new version in Lambda's runtime changes nothing. There is no source map:
 * Node.js would read it at the first error.
 */
const MODULE: BuildOptions = {
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  // The ES modules of the SDK can be shaken, its CommonJS ones cannot.
  mainFields: ['module', 'main'],
  external: UNUSED_CREDENTIAL_PROVIDERS,
  banner: { js: REQUIRE },
};

/** The functions of a stack. */
const FUNCTIONS = {
  // What the handler imports dynamically is a chunk of its own, which an idle beat does not load.
  refresher: { entry: 'lambda/handler.ts', ...MODULE, splitting: true, chunkNames: '[name]-[hash]' },
  rotation: { entry: 'lambda/rotation/handler.ts', ...MODULE },
  // One small file, which takes the AWS SDK of Lambda's runtime: it runs during deployments only.
  deployment: { entry: 'lambda/deployment/handler.ts', format: 'cjs', external: ['@aws-sdk/*'] },
} satisfies Record<string, BuildOptions & { entry: string }>;

/** The refresher of a token, the function that rotates its secret, or the one that runs a stack's custom resources. */
export type FunctionName = keyof typeof FUNCTIONS;

/**
 * Bundles a function into `outdir`. The same sources always give the same bytes.
 *
 * @returns esbuild's metafile: the inputs of each chunk, with sizes.
 */
export function bundle(name: FunctionName, outdir: string): Metafile {
  const { entry, ...options } = FUNCTIONS[name];
  const { metafile } = buildSync({
    ...options,
    entryPoints: { handler: entry },
    outdir,
    // Chunk names are hashes of paths too: relative to here, whatever directory synth was started in.
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    target: 'node24',
    minify: true,
    legalComments: 'none',
    logLevel: 'error',
    metafile: true,
  });
  return metafile;
}

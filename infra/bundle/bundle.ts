import { join } from 'node:path';
import { buildSync, type Metafile } from 'esbuild';

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
    external: UNUSED_CREDENTIAL_PROVIDERS,
    banner: { js: REQUIRE },
    metafile: true,
  });
  return metafile;
}

/**
 * Bundles `lambda/rotation/handler.ts` into `outdir`: one ES module, with the AWS SDK.
 *
 * @returns esbuild's metafile
 */
export function bundleRotation(outdir: string): Metafile {
  const { metafile } = buildSync({
    ...SHARED,
    entryPoints: { handler: join(ROOT, 'lambda/rotation/handler.ts') },
    outdir,
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    mainFields: ['module', 'main'],
    external: UNUSED_CREDENTIAL_PROVIDERS,
    banner: { js: REQUIRE },
    metafile: true,
  });
  return metafile;
}

/**
 * Bundles `lambda/deployment/handler.ts` into `outdir`: one small CommonJS file, which takes the AWS SDK of Lambda's
 * runtime. It runs during deployments only.
 */
export function bundleDeployment(outdir: string): void {
  buildSync({
    ...SHARED,
    entryPoints: { handler: join(ROOT, 'lambda/deployment/handler.ts') },
    outdir,
    format: 'cjs',
    external: ['@aws-sdk/*'],
  });
}

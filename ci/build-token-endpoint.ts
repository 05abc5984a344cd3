import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/*
 * `npm run update` writes ci/token-endpoint.mjs, which a job copies beside ci/access-token. The file is
 * committed, so that copying it needs neither npm nor a build, and a review of a change sees what jobs will run. A test
 * holds that it is what this makes.
 */

/** Builds the one file, for people to read too: not minified. */
export async function buildTokenEndpoint(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('token-endpoint/main.ts', import.meta.url))],
    absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    charset: 'utf8',
    banner: {
      js: '#!/usr/bin/env node\n// Built from ci/token-endpoint/ by `npm run update`: change it there.',
    },
    write: false,
  });
  return (outputFiles[0] as { text: string }).text;
}

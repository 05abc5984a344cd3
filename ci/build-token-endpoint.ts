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
    // An older Node.js must parse the file to say that it is too old: ci/token-endpoint/start.ts.
    target: 'node12.17',
    supported: { 'dynamic-import': true },
    format: 'esm',
    charset: 'utf8',
    banner: {
      js: `#!/usr/bin/env node
// Built from ci/token-endpoint/ by \`npm run update\`: change it there.
import { createRequire } from "module";
const require = createRequire(import.meta.url);`,
    },
    write: false,
  });
  return requireInOrder((outputFiles[0] as { text: string }).text);
}

/** Makes imports of Node.js's modules calls: an older Node.js would refuse the file, before its first statement, for a name. */
function requireInOrder(code: string): string {
  return code.replace(
    /^import \{([^}]*)\} from ("(?:node:)?[a-z_/]+");$/gm,
    (whole, names: string, module: string) =>
      module === '"module"' ? whole : `const {${names.replaceAll(' as ', ': ')}} = require(${module});`,
  );
}

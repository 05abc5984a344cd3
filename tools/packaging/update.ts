/*
 * `npm run update`: writes every generated file anew. The test that finds one of them out of date names this command. Look at
 * the diff before you commit it: the files of test/contracts are what a version promises. A word after the command selects files.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildTokenEndpoint } from '../../ci/build-token-endpoint.ts';
import { tokensJsonSchema } from '../../infra/rules/settings.ts';
import { threatTable } from '../prove/threats.ts';
import { settingsTable } from './provider-tables.ts';

const ROOT = join(import.meta.dirname, '../..');

const GENERATED: Readonly<Record<string, () => unknown>> = {
  'ci/token-endpoint.mjs': async () => {
    const file = join(ROOT, 'ci/token-endpoint.mjs');
    writeFileSync(file, await buildTokenEndpoint());
    chmodSync(file, 0o755);
  },
  'tokens.schema.json': () =>
    writeFileSync(join(ROOT, 'tokens.schema.json'), `${JSON.stringify(tokensJsonSchema(), null, 2)}\n`),
  'docs/threat-model.md': () => writeTable('docs/threat-model.md', '', threatTable()),
  'docs/stack.md': () => writeTable('docs/stack.md', '### Providers\n\n', settingsTable()),
  // Loaded here: API Extractor takes a second, for which nothing else should wait.
  'dist, docs/api.md': async () => (await import('./build.ts')).build(),
  'test/contracts/*.json': () => {
    record('**/contract.test.ts');
  },
  'test/infra/construct/__snapshots__': () => {
    record('**/token-refresher.test.ts');
  },
};

for (const [files, write] of Object.entries(GENERATED)) {
  if (!files.includes(process.argv[2] ?? '')) continue;
  console.log(files);
  await write();
}

/** Writes the first table after a text of a page. */
function writeTable(page: string, after: string, table: string): void {
  const file = join(ROOT, page);
  const text = readFileSync(file, 'utf8');
  const at = text.indexOf(after) + after.length;
  writeFileSync(file, text.slice(0, at) + text.slice(at).replace(/^\| .*\|$(\n^\|.*\|$)*/m, () => table));
}

/** The suites that compare a contract or a snapshot write it. */
function record(suites: string): void {
  execFileSync(process.execPath, ['node_modules/jest/bin/jest.js', '-u', '--testMatch', suites], {
    cwd: ROOT,
    env: { ...process.env, UPDATE_CONTRACTS: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

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
import { build } from './build.ts';

const ROOT = join(import.meta.dirname, '../..');

const GENERATED: Readonly<Record<string, () => unknown>> = {
  'ci/token-endpoint.mjs': async () => {
    const file = join(ROOT, 'ci/token-endpoint.mjs');
    writeFileSync(file, await buildTokenEndpoint());
    chmodSync(file, 0o755);
  },
  'tokens.schema.json': () =>
    writeFileSync(join(ROOT, 'tokens.schema.json'), `${JSON.stringify(tokensJsonSchema(), null, 2)}\n`),
  'docs/threat-model.md': () => {
    const file = join(ROOT, 'docs/threat-model.md');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace(/^\| .*\|$(\n^\|.*\|$)*/m, () => threatTable()),
    );
  },
  'dist, docs/api.md, the signatures in test/contracts': () => build(ROOT),
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

/** The suites that compare a contract or a snapshot write it. */
function record(suites: string): void {
  execFileSync(process.execPath, ['node_modules/jest/bin/jest.js', '-u', '--testMatch', suites], {
    cwd: ROOT,
    env: { ...process.env, UPDATE_CONTRACTS: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

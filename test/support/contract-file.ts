import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const DIRECTORY = join(import.meta.dirname, '../contracts');

/**
 * Expects that a file of test/contracts holds this text: what a version promises. `npm run update` writes the file anew;
 * CONTRIBUTING.md says when that is right.
 */
export function expectContract(name: string, text: string): void {
  const file = join(DIRECTORY, name);
  if (process.env.UPDATE_CONTRACTS === '1') writeFileSync(file, text);
  const promised = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const hint = `Run \`npm run update\` and look at what it changed in test/contracts/${name}.`;
  expect({ hint, text }).toEqual({ hint, text: promised });
}

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const DIRECTORY = join(import.meta.dirname, '../contracts');

/**
 * Expects that a file of test/contracts holds this text: what a version promises. With `UPDATE_CONTRACTS=1` the file is
 * written anew; CONTRIBUTING.md says when that is right.
 */
export function expectContract(name: string, text: string): void {
  const file = join(DIRECTORY, name);
  if (process.env.UPDATE_CONTRACTS === '1') writeFileSync(file, text);
  const promised = existsSync(file) ? readFileSync(file, 'utf8') : '';
  expect({ file: `test/contracts/${name}`, text }).toEqual({
    file: `test/contracts/${name}`,
    text: promised,
  });
}

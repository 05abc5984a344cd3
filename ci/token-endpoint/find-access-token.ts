import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/**
 * Finds `access-token`: beside this program (as it was called, then without symbolic links), then in PATH.
 *
 * @param program path of this program, as it was called
 * @returns its path; undefined if there is none
 */
export function findAccessToken(program: string, path: string | undefined): string | undefined {
  const directories = [dirname(program), dirname(realpathSync(program)), ...(path ?? '').split(delimiter)];
  return directories
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, 'access-token'))
    .find((file) => existsSync(file));
}

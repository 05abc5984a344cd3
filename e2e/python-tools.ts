import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { succeed } from './command.ts';

/** Repository, and where this run may put files. */
export const ROOT = resolve(import.meta.dirname, '..');
export const WORK_DIRECTORY = join(ROOT, '.e2e');

/**
 * Installs the Python programs of `requirements-<name>.txt` into `.venv/<name>`, once.
 *
 * @returns the directory of their commands
 * @throws Error where there is no Python 3.10 or later, or the installation fails
 */
export async function installPythonTools(name: string, signal: AbortSignal): Promise<string> {
  const directory = join(ROOT, '.venv', name);
  const requirements = join(import.meta.dirname, `requirements-${name}.txt`);
  const marker = join(directory, 'installed');
  // The commands name their interpreter by its path: a directory that was moved is installed again.
  const wanted = `${directory}\n${readFileSync(requirements, 'utf8')}`;
  mkdirSync(WORK_DIRECTORY, { recursive: true });
  if (!existsSync(marker) || readFileSync(marker, 'utf8') !== wanted) {
    const install = join(ROOT, '.ci/install-python-packages.sh');
    await succeed(install, [directory, '-r', requirements], { env: process.env, signal });
    // Written last: an installation that was interrupted is done again.
    writeFileSync(marker, wanted);
  }
  return join(directory, 'bin');
}

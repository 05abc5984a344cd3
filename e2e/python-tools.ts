import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type CommandOptions, succeed } from './command.ts';

const INSTALL = resolve(import.meta.dirname, '../.ci/install-python-packages.sh');

/**
 * Installs Python programs into a virtual environment of their own, once.
 *
 * @param packages arguments for `pip install`; pinned
 * @returns the directory of their commands
 * @throws Error where there is no Python 3.10 or later, or the installation fails
 */
export async function installPythonTools(
  options: { readonly directory: string; readonly packages: readonly string[] } & CommandOptions,
): Promise<string> {
  const { directory, packages } = options;
  const bin = join(directory, 'bin');
  const marker = join(directory, 'installed');
  // The commands name their interpreter by its path: a directory that was moved is installed again.
  const contents = packages.map((word) => (existsSync(word) ? readFileSync(word, 'utf8') : word));
  const wanted = [directory, ...contents].join('\n');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return bin;
  await succeed(INSTALL, [directory, ...packages], options);
  // Written last: an installation that was interrupted is done again.
  writeFileSync(marker, wanted);
  return bin;
}

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandOptions, run, succeed } from './command.ts';

/**
 * Installs Python programs into a virtual environment of their own, once.
 *
 * @param packages arguments for `pip install`; pinned
 * @returns the directory of their commands
 * @throws Error where there is no Python 3.10 or later, or pip fails
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
  rmSync(directory, { recursive: true, force: true });
  await succeed(await findPython(options), ['-m', 'venv', directory], options);
  await succeed(
    join(bin, 'pip'),
    ['install', '--quiet', '--disable-pip-version-check', ...packages],
    options,
  );
  // Written last: an installation that was interrupted is done again.
  writeFileSync(marker, wanted);
  return bin;
}

const CANDIDATES = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10'];

async function findPython(options: CommandOptions): Promise<string> {
  const check = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))';
  for (const candidate of CANDIDATES) {
    const status = await run(candidate, ['-c', check], options).then(
      (finished) => finished.status,
      () => null,
    );
    if (status === 0) return candidate;
  }
  throw new Error('There is no Python 3.10 or later with venv: install python3 and python3-venv.');
}

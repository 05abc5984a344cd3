import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

/**
 * Builds the module and the functions in two whole copies of the project, packages included, below `build`, whose paths
 * differ in length. Returns the SHA-256 of all that each built.
 */
export function hashesOfTwoBuilds(): string[] {
  return ['a', 'another/much-longer/path'].map((name) => {
    const top = join(ROOT, 'build/reproducible');
    const copy = join(top, name);
    rmSync(top, { recursive: true, force: true });
    copyProject(copy);
    execFileSync(process.execPath, ['packaging/build-module.ts', copy], { cwd: copy, stdio: 'pipe' });
    const hash = hashOf(join(copy, 'dist'));
    rmSync(top, { recursive: true, force: true });
    return hash;
  });
}

function copyProject(copy: string): void {
  const files = execFileSync('git', ['ls-files', '-z', '-c', '-o', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  mkdirSync(copy, { recursive: true });
  for (const file of files.split('\0').filter(Boolean)) cpSync(join(ROOT, file), join(copy, file));
  // The same files under another path: a copy of each would take minutes.
  execFileSync('cp', ['-RPl', join(ROOT, 'node_modules'), copy]);
}

/** The hash of the names and the contents of all files. */
function hashOf(directory: string): string {
  const hash = createHash('sha256');
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(join(directory, file)));
  return hash.digest('hex');
}

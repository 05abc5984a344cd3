import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../../local/temporary-directory.ts';

const ROOT = join(import.meta.dirname, '../..');

/** One edit of one file: a text that the file contains once, and its replacement. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Reads the file of an edit, in the tree or in a copy.
 *
 * @returns its text as it is, and with the edit
 * @throws Error if the edit cannot be made: the file does not have its text exactly once
 */
export function editedText({ file, from, to }: Edit, directory = ROOT) {
  const before = readFileSync(join(directory, file), 'utf8');
  const count = before.split(from).length - 1;
  if (count !== 1) throw new Error(`${file} contains "${from}" ${count} times; it must contain it once.`);
  return { before, after: before.replace(from, () => to) };
}

/** Copies what git knows of into a directory that is removed when the process ends, with the packages linked. */
export function copyTree(): string {
  const directory = temporaryDirectory();
  const words = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = execFileSync('git', words, { cwd: ROOT, encoding: 'utf8' });
  for (const file of files.split('\0').filter(Boolean)) cpSync(join(ROOT, file), join(directory, file));
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  return directory;
}

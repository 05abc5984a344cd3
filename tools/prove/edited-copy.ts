import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** One edit of one file: a text that the file contains once, and its replacement. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A copy of the tree, in which files can be edited and commands run. */
export interface EditedCopy {
  readonly directory: string;
  /** Makes an edit, or none, calls `use`, and then undoes the edit. */
  edited<T>(edit: Edit | undefined, use: () => Promise<T>): Promise<T>;
  remove(): void;
}

/**
 * Reads a file of the tree, or of a copy, that is to be edited.
 *
 * @throws Error if the edit cannot be made: the file does not have its text exactly once
 */
export function readEditable({ file, from }: Edit, directory = ROOT): string {
  const original = readFileSync(join(directory, file), 'utf8');
  const count = original.split(from).length - 1;
  if (count !== 1) throw new Error(`${file} contains "${from}" ${count} times; it must contain it once.`);
  return original;
}

/** Copies what git knows of, with the packages linked. */
export function makeEditedCopy(): EditedCopy {
  const directory = mkdtempSync(join(tmpdir(), 'token-refresher-prove-'));
  const files = execFileSync('git', ['ls-files', '-z', '-c', '-o', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  for (const file of files.split('\0').filter(Boolean)) {
    cpSync(join(ROOT, file), join(directory, file), { errorOnExist: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));

  async function edited<T>(edit: Edit | undefined, use: () => Promise<T>): Promise<T> {
    if (edit === undefined) return use();
    const original = readEditable(edit, directory);
    const path = join(directory, edit.file);
    writeFileSync(
      path,
      original.replace(edit.from, () => edit.to),
    );
    try {
      return await use();
    } finally {
      writeFileSync(path, original);
    }
  }

  return { directory, edited, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** One edit of one file: a text that the file contains once, and its replacement. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** The result of a command. */
interface Ran {
  readonly failed: boolean;
  /** Whether it was killed at its time limit. It has then failed too. */
  readonly hung: boolean;
  readonly output: string;
}

/** A copy of the tree, in which files can be edited and commands run. */
export interface EditedCopy {
  /** Runs a command with one edit, or none, and then undoes the edit. Kills the command after `timeoutMs`. */
  run(
    edit: Edit | undefined,
    command: readonly string[],
    options?: { readonly timeoutMs: number | undefined },
  ): Ran;
  /** @throws Error if the edit cannot be made: the file does not have its text exactly once */
  check(edit: Edit): void;
  remove(): void;
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

  function readOriginal({ file, from }: Edit): string {
    const original = readFileSync(join(directory, file), 'utf8');
    const count = original.split(from).length - 1;
    if (count !== 1) throw new Error(`${file} contains "${from}" ${count} times; it must contain it once.`);
    return original;
  }

  function edited<T>(edit: Edit, run: () => T): T {
    const { file, from, to } = edit;
    const original = readOriginal(edit);
    const path = join(directory, file);
    writeFileSync(
      path,
      original.replace(from, () => to),
    );
    try {
      return run();
    } finally {
      writeFileSync(path, original);
    }
  }

  function run([program = '', ...rest]: readonly string[], timeoutMs: number | undefined): Ran {
    const { status, stdout, stderr, error } = spawnSync(program, rest, {
      cwd: directory,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    const hung = error !== undefined && 'code' in error && error.code === 'ETIMEDOUT';
    return { failed: status !== 0, hung, output: `${stdout}${stderr}` };
  }

  return {
    run: (edit, command, { timeoutMs } = { timeoutMs: undefined }) =>
      edit === undefined ? run(command, timeoutMs) : edited(edit, () => run(command, timeoutMs)),
    check: readOriginal,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

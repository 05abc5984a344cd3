import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** The result of a process. */
export type Ended = Awaited<ReturnType<typeof run>>;

export interface RunOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly input?: string;
  /** Called once the process runs. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** Runs a command to its end, with exactly this environment. */
export async function run([file = '', ...args]: readonly string[], options: RunOptions = {}) {
  const child = spawn(file, args, { env: options.env as NodeJS.ProcessEnv, cwd: options.cwd, stdio: 'pipe' });
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  options.onStart?.(child);
  const [stdout, stderr, ended] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  const [status, signal] = ended as [number | null, NodeJS.Signals | null];
  return { status, signal, stdout, stderr };
}

/** Finds the files below a directory that contain a text. */
export function filesContaining(directory: string, text: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path, 'latin1').includes(text));
}

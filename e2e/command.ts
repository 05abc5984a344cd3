import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** A program's exit status and output. */
export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** The whole environment of the program. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** The program's standard input: for secrets, which must not be in arguments. */
  readonly input?: string;
  /** Ends the program. */
  readonly signal: AbortSignal;
  /** @default 300 */
  readonly timeoutSeconds?: number;
}

/** Runs a program to its end. */
export async function run(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<Finished> {
  const { env, cwd, input, timeoutSeconds = 300 } = options;
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
  const signal = AbortSignal.any([options.signal, timeout]);
  const child = spawn(command, args, { env, cwd, signal, stdio: ['pipe', 'pipe', 'pipe'] });
  // A program may end without reading its input.
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', (error) =>
      reject(timeout.aborted ? new Error(`${command} ${args[0]} did not end in ${timeoutSeconds} s`) : error),
    );
    child.on('close', resolve);
  });
  const [status, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { status, stdout, stderr };
}

/**
 * Runs a program that must succeed, and returns its standard output.
 *
 * @throws Error with the last lines that it wrote
 */
export async function succeed(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<string> {
  const { status, stdout, stderr } = await run(command, args, options);
  if (status === 0) return stdout;
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
  throw new Error(`${command} ${args[0]} ended with ${status}:\n${lines.slice(-25).join('\n')}`);
}

import { execFile } from 'node:child_process';

/** A program's exit status and output. */
export interface Finished {
  readonly status: number;
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

/**
 * Runs a program to its end.
 *
 * @throws Error if it cannot be started, or is ended by `signal` or its time limit
 */
export function run(command: string, args: readonly string[], options: CommandOptions): Promise<Finished> {
  const { input = '', timeoutSeconds = 300, ...others } = options;
  const limits = { timeout: timeoutSeconds * 1000, maxBuffer: 2 ** 28 };
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { ...others, ...limits }, (error, stdout, stderr) => {
      if (child.exitCode !== null) resolve({ status: child.exitCode, stdout, stderr });
      else reject(new Error(`${command} ${args[0]} was ended: ${error?.message}`));
    });
    // A program may end without reading its input.
    child.stdin?.on('error', () => {}).end(input);
  });
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

import { type Ended, run as runProcess } from '../../test/ci/support/process.ts';

/** A deployment takes seconds on an emulator, and some minutes on AWS. */
const TIME_LIMIT_MS = 1_200_000;

/** The programs of a run, with the environment of its target, and `env`. */
export interface Commands {
  /** Runs a program to its end. `input` is for secrets, which must not be in arguments. @throws Error if it is ended */
  run(
    command: readonly string[],
    options?: { readonly cwd?: string; readonly input?: string; readonly env?: NodeJS.ProcessEnv },
  ): Promise<Ended>;
  /** Runs a program that must succeed, and returns its standard output. @throws Error with its last lines */
  succeed: (...call: Parameters<Commands['run']>) => Promise<string>;
}

/** @param signal ends the program that runs, and refuses the next ones */
export function createCommands(env: NodeJS.ProcessEnv, signal: AbortSignal): Commands {
  const run: Commands['run'] = async (command, options) => {
    signal.throwIfAborted();
    const end = AbortSignal.any([signal, AbortSignal.timeout(TIME_LIMIT_MS)]);
    const ended = await runProcess(command, {
      ...options,
      env: { ...env, ...options?.env },
      onStart: (child) => end.addEventListener('abort', () => child.kill()),
    });
    if (ended.status === null) throw new Error(`${command.join(' ')} was ended by ${ended.signal}`);
    return ended;
  };
  return {
    run,
    async succeed(command, options) {
      const { status, stdout, stderr } = await run(command, options);
      if (status === 0) return stdout;
      const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
      throw new Error(
        `${command.slice(0, 2).join(' ')} ended with ${status}:\n${lines.slice(-25).join('\n')}`,
      );
    },
  };
}

import { type Ended, type RunOptions, run as runProcess } from '../../test/ci/support/process.ts';

/** A deployment takes seconds on an emulator, and some minutes on AWS. */
const TIME_LIMIT_MS = 1_200_000;

/** The programs of a run, with the environment of its target, and `env`. */
export interface Commands {
  /** Runs a program to its end. `input` is for secrets, which must not be in arguments. */
  run(command: readonly string[], options?: Omit<RunOptions, 'onStart'>): Promise<Ended>;
  /** Runs a program that must succeed, and returns its standard output. @throws Error with its last lines */
  succeed: (...call: Parameters<Commands['run']>) => Promise<string>;
}

/** @param signal ends the program that runs, and refuses the next ones */
export function createCommands(env: NodeJS.ProcessEnv, signal: AbortSignal): Commands {
  const run: Commands['run'] = (command, options) => {
    signal.throwIfAborted();
    const end = AbortSignal.any([signal, AbortSignal.timeout(TIME_LIMIT_MS)]);
    return runProcess(command, {
      ...options,
      env: { ...env, ...options?.env },
      onStart: (child) => end.addEventListener('abort', () => child.kill()),
    });
  };
  return {
    run,
    async succeed(command, options) {
      const { status, signal: by, stdout, stderr } = await run(command, options);
      if (status === 0) return stdout;
      const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
      const end = `${command.slice(0, 2).join(' ')} ended with ${status ?? by}`;
      throw new Error(`${end}:\n${lines.slice(-25).join('\n')}`);
    },
  };
}

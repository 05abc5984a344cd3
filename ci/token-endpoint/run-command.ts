import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { endGroup, signalGroup } from './process-group.ts';
import type { Watchdog } from './watchdog.ts';

/** How COMMAND ended. */
export type CommandEnd = { readonly status: number } | { readonly signal: NodeJS.Signals };

/** Signals to this process that are passed on to COMMAND. */
const FORWARDED: readonly NodeJS.Signals[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
  'SIGCONT',
];
/** timeout(1) sends its signal to the process and then to its group: COMMAND must get it once. */
const SAME_SIGNAL_MS = 200;

/**
 * Runs COMMAND in its own process group, with our stdin, stdout and stderr, and passes signals on to the group. When
 * COMMAND has ended, ends the remaining processes of the group.
 *
 * @throws Error with the code ENOENT or EACCES if COMMAND cannot be run
 */
export function runCommand(
  [file, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
  watchdog: Watchdog,
): Promise<CommandEnd> {
  return new Promise((resolve, reject) => {
    const passOn = new Map<NodeJS.Signals, () => void>();
    for (const signal of FORWARDED) {
      let lastAt = Number.NEGATIVE_INFINITY;
      passOn.set(signal, () => {
        if (child.pid !== undefined && performance.now() - lastAt > SAME_SIGNAL_MS)
          signalGroup(child.pid, signal);
        lastAt = performance.now();
      });
    }
    // Before COMMAND starts: a signal may arrive at once.
    for (const [signal, listener] of passOn) process.on(signal, listener);
    const child = spawn(file, args, { env, stdio: 'inherit', detached: true });
    const { pid } = child;
    if (pid !== undefined) watchdog.watch(pid);
    const stopPassingOn = (): void => {
      for (const [signal, listener] of passOn) process.off(signal, listener);
    };
    child.once('error', (error) => {
      stopPassingOn();
      reject(error);
    });
    child.once('exit', async (status, signal) => {
      if (pid !== undefined) await endGroup(pid);
      stopPassingOn();
      resolve(signal === null ? { status: status ?? 1 } : { signal });
    });
  });
}

/** Ends this process as COMMAND ended: with its status, or by its signal. */
export function endLike(end: CommandEnd): void {
  if ('status' in end) {
    process.exitCode = end.status;
    return;
  }
  // The exit status that a shell would report, for a signal that does not end this process.
  process.exitCode = 128 + constants.signals[end.signal];
  // SIGUSR1 would make Node.js listen for a debugger.
  if (end.signal !== 'SIGUSR1') process.kill(process.pid, end.signal);
}

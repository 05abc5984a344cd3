import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';

/** Kills COMMAND's process group as soon as this process has ended, whatever ended it. */
export interface Watchdog {
  watch(group: number): void;
  /** Ends the watchdog; the group has ended before. */
  stop(): Promise<void>;
}

// Its input ends with this process: no other process has the other end.
const SCRIPT = 'read -r group && { read -r _; kill -KILL "-$group"; }';
const PAUSE_MS = 1000;

/**
 * Starts a shell in a session of its own, so that it gets no signal of the job's. A watchdog that ends is replaced.
 *
 * @param listener descriptor of the job's server. The shell holds it: nobody can take the port before COMMAND has ended.
 */
export function startWatchdog(listener?: number): Watchdog {
  let group: number | undefined;
  let isOver = false;

  const start = () => {
    const shell = spawn('sh', ['-c', SCRIPT], {
      detached: true,
      // Nothing with which a shell begins otherwise, such as exported functions.
      env: { PATH: process.env.PATH },
      stdio: ['pipe', 'ignore', 'ignore', listener ?? 'ignore'],
    });
    const again = (): void => {
      if (!isOver) setTimeout(() => (current = start()), PAUSE_MS).unref();
    };
    shell.once('error', again).once('exit', again).unref();
    // Undefined if there were no descriptors left.
    const input = shell.stdin as Socket | undefined;
    input?.on('error', () => undefined).unref();
    const watch = (): void => {
      if (group !== undefined) input?.write(`${group}\n`);
    };
    watch();
    return { shell, watch };
  };
  let current = start();

  return {
    watch(leader) {
      group = leader;
      current.watch();
    },
    async stop() {
      isOver = true;
      const { shell } = current;
      shell.ref();
      if (shell.kill('SIGKILL')) await once(shell, 'exit');
    },
  };
}

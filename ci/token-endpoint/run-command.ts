import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** How COMMAND ended. */
export type CommandEnd = { readonly status: number } | { readonly signal: NodeJS.Signals };

/** Signals to this process that are passed on to COMMAND. */
const FORWARDED = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
  'SIGCONT',
] as const;
/** timeout(1) sends its signal to the process and then to its group: COMMAND must get it once. */
const SAME_SIGNAL_MS = 200;
/** How long the processes that COMMAND left have after SIGTERM, and how long the system has after SIGKILL. */
const GRACE_MS = 10_000;
const AFTER_KILL_MS = 2000;
const LOOK_EVERY_MS = 50;

/**
 * Runs COMMAND in its own process group, with our stdin, stdout and stderr, and passes signals on to the group. When
 * COMMAND has ended, ends the remaining processes of the group.
 *
 * @param listener descriptor of the job's server
 * @throws Error with the code ENOENT or EACCES if COMMAND cannot be run
 */
export async function runCommand(
  [file, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
  listener?: number,
): Promise<CommandEnd> {
  const watchdog = startWatchdog(listener);
  const lastAt = new Map<NodeJS.Signals, number>();
  const passOn = (signal: NodeJS.Signals): void => {
    const at = performance.now();
    const isAnother = at - (lastAt.get(signal) ?? Number.NEGATIVE_INFINITY) > SAME_SIGNAL_MS;
    if (child.pid !== undefined && isAnother) signalGroup(child.pid, signal);
    lastAt.set(signal, at);
  };
  // Before COMMAND starts: a signal may arrive at once.
  for (const signal of FORWARDED) process.on(signal, passOn);
  const child = spawn(file, args, { env, stdio: 'inherit', detached: true });
  try {
    if (child.pid !== undefined) watchdog.watch(child.pid);
    const [status, signal] = await once(child, 'exit');
    await endGroup(child.pid as number);
    return signal === null ? { status } : { signal };
  } finally {
    for (const signal of FORWARDED) process.off(signal, passOn);
    await watchdog.stop();
  }
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

// Its input ends with this process: no other process has the other end.
const WATCHDOG = 'read -r group && { read -r _; kill -KILL "-$group"; }';

/**
 * Starts a shell that kills COMMAND's process group as soon as this process has ended, whatever ended it. It is in a session
 * of its own, so that it gets no signal of the job's, and holds the listener: nobody can take the port before COMMAND has ended.
 */
function startWatchdog(listener: number | undefined) {
  const shell = spawn('sh', ['-c', WATCHDOG], {
    detached: true,
    // Nothing with which a shell begins otherwise, such as exported functions.
    env: { PATH: process.env.PATH },
    stdio: ['pipe', 'ignore', 'ignore', listener ?? 'ignore'],
  });
  shell.once('error', () => undefined).unref();
  // Undefined if there were no descriptors left.
  const input = shell.stdin as Socket | undefined;
  input?.on('error', () => undefined).unref();
  return {
    watch: (group: number) => input?.write(`${group}\n`),
    async stop(): Promise<void> {
      shell.ref();
      if (shell.kill('SIGKILL')) await once(shell, 'exit');
    },
  };
}

/** Ends the processes of a group: by SIGTERM, and after ten seconds by SIGKILL. */
async function endGroup(group: number): Promise<void> {
  signalGroup(group, 'SIGTERM');
  signalGroup(group, 'SIGCONT');
  await untilDead(group, GRACE_MS);
  signalGroup(group, 'SIGKILL');
  await untilDead(group, AFTER_KILL_MS);
}

/** Sends a signal to the group; tells whether there was a process to send it to. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}

async function untilDead(group: number, withinMs: number): Promise<void> {
  const until = performance.now() + withinMs;
  while (isAlive(group) && performance.now() < until) await sleep(LOOK_EVERY_MS);
}

/**
 * Tells whether a process of the group still runs. Where no parent collects dead processes (PID 1 of many containers), they
 * stay in the group for ever and can be sent signals.
 */
function isAlive(group: number): boolean {
  if (!signalGroup(group, 0)) return false;
  try {
    return readdirSync('/proc').some((pid) => runsIn(group, pid));
  } catch {
    // No Linux.
    return true;
  }
}

/** @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function runsIn(group: number, pid: string): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The fields behind the name, which may contain anything.
    const [state = '', , itsGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(itsGroup) === group && !'ZX'.includes(state);
  } catch {
    // It ended after it was listed, or is no process.
    return false;
  }
}

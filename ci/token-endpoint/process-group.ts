import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const GRACE_MS = 10_000;
const AFTER_KILL_MS = 2000;
const LOOK_EVERY_MS = 50;

/** Ends the processes of a group: by SIGTERM, and after ten seconds by SIGKILL. */
export async function endGroup(group: number): Promise<void> {
  if (!isAlive(group)) return;
  signalGroup(group, 'SIGTERM');
  signalGroup(group, 'SIGCONT');
  if (await isGone(group, GRACE_MS)) return;
  signalGroup(group, 'SIGKILL');
  await isGone(group, AFTER_KILL_MS);
}

/** Sends a signal to the group; tells whether there was a process to send it to. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}

async function isGone(group: number, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (isAlive(group)) {
    if (performance.now() > until) return false;
    await sleep(LOOK_EVERY_MS);
  }
  return true;
}

/**
 * Tells whether a process of the group still runs. Where no parent collects dead processes (PID 1 of many containers), they
 * stay in the group for ever and can be sent signals.
 */
function isAlive(group: number): boolean {
  if (!signalGroup(group, 0)) return false;
  let processes: string[];
  try {
    processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    // No Linux.
    return true;
  }
  return processes.some((pid) => isMember(pid, group));
}

/** @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function isMember(pid: string, group: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The fields behind the name, which may contain anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state = '', , itsGroup] = fields;
    // A dead first thread may leave others that run.
    const threads = Number(fields[17]);
    return Number(itsGroup) === group && (!'ZX'.includes(state) || threads > 1);
  } catch {
    // It ended after it was listed.
    return false;
  }
}

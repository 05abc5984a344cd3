import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A server in a separate process on loopback. */
export interface ServerProcess {
  readonly url: string;
  readonly logFile: string;
  /** Ends the process, and comes back when it has ended. */
  stop(): Promise<void>;
}

/**
 * Starts a server on a free loopback port and waits until `readyPath` answers.
 *
 * @throws Error with the end of its log, where it ends or is not ready in time
 */
export async function startServerProcess(options: {
  readonly command: string;
  readonly args: (port: number) => readonly string[];
  readonly env: (port: number) => NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly logFile: string;
  readonly readyPath: string;
  /** @default 30 */
  readonly readySeconds?: number;
}): Promise<ServerProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const log = openSync(options.logFile, 'w');
  // A separate process group: Ctrl-C must not end the emulator before the stack has been cleaned up.
  const child = spawn(options.command, options.args(port), {
    env: options.env(port),
    cwd: options.cwd,
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  let problem: string | undefined;
  child.on('error', (error) => {
    problem = error.message;
  });
  child.on('exit', (code, signal) => {
    problem = `it ended with ${code ?? signal}`;
  });
  const { readySeconds = 30 } = options;
  const deadline = Date.now() + readySeconds * 1000;
  while (!(await isReady(url + options.readyPath))) {
    if (Date.now() > deadline) problem = `it was not ready after ${readySeconds} seconds`;
    if (problem !== undefined) {
      await end(child);
      throw new Error(
        `${options.command}: ${problem}\n${readFileSync(options.logFile, 'utf8').slice(-2000)}`,
      );
    }
    await delay(100);
  }
  return { url, logFile: options.logFile, stop: () => end(child) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function isReady(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
  return answer?.ok === true;
}

async function end(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  // The whole group: a shell that is killed would leave its server behind.
  const timer = setTimeout(() => process.kill(-pid, 'SIGKILL'), 5000);
  await exited;
  clearTimeout(timer);
}

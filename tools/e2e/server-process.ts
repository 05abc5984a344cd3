import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** The repository. */
export const ROOT = resolve(import.meta.dirname, '../..');
/** Where a run may put files. */
export const WORK_DIRECTORY = join(ROOT, '.e2e');
mkdirSync(WORK_DIRECTORY, { recursive: true });

/** Installs the Python programs of `.ci/requirements/<name>.txt`, once. @returns the directory of their commands */
export function installPythonTools(name: string): string {
  execFileSync(join(ROOT, '.ci/install-python-packages.sh'), [name]);
  return join(ROOT, '.venv', name, 'bin');
}

/** A server in a separate process on loopback. */
export interface ServerProcess {
  readonly url: string;
  /** Ends the process, and comes back when it has ended. */
  stop(): Promise<void>;
}

/**
 * Starts a server on a free loopback port and waits until `readyPath` answers.
 *
 * @throws Error with the end of its log, where it ends or is not ready in time
 */
export async function startServerProcess(options: {
  readonly command: (port: number) => readonly [file: string, ...args: string[]];
  readonly env: (port: number) => NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** In the directory of the run's files. */
  readonly logFile: string;
  readonly readyPath: string;
  /** @default 30 */
  readonly readySeconds?: number;
}): Promise<ServerProcess> {
  const { cwd, readySeconds = 30 } = options;
  const port = await freePort();
  const [file, ...args] = options.command(port);
  const logFile = join(WORK_DIRECTORY, options.logFile);
  const log = openSync(logFile, 'w');
  const child = spawn(file, args, { env: options.env(port), cwd, stdio: ['ignore', log, log] });
  closeSync(log);
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
  };
  const url = `http://127.0.0.1:${port}`;
  for (const deadline = Date.now() + readySeconds * 1000; ; await delay(100)) {
    if (await isReady(url + options.readyPath)) return { url, stop };
    if (Date.now() < deadline && child.exitCode === null && child.signalCode === null) continue;
    await stop();
    throw new Error(`${file} was not ready:\n${readFileSync(logFile, 'utf8').slice(-2000)}`);
  }
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

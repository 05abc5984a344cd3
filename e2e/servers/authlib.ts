import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { installPythonTools } from '../python-tools.ts';
import { type ServerProcess, startServerProcess } from '../server-process.ts';
import { ROOT, WORK_DIRECTORY } from '../target.ts';

/** A client of Authlib's server. */
export interface AuthlibClient {
  readonly client_id: string;
  readonly client_secret: string;
  readonly auth_method: 'client_secret_basic' | 'client_secret_post';
}

/** Starts an authorization server made with Authlib (PyPI) on loopback. */
export async function startAuthlib(
  clients: readonly AuthlibClient[],
  signal: AbortSignal,
): Promise<ServerProcess> {
  mkdirSync(WORK_DIRECTORY, { recursive: true });
  const bin = await installPythonTools({
    directory: join(ROOT, '.venv/authlib'),
    packages: ['-r', join(import.meta.dirname, 'requirements-authlib.txt')],
    env: process.env,
    signal,
  });
  return startServerProcess({
    command: join(bin, 'python'),
    args: (port) => [join(import.meta.dirname, 'authlib-server.py'), String(port)],
    env: () => ({
      PATH: process.env.PATH,
      HOME: WORK_DIRECTORY,
      CLIENTS: JSON.stringify(clients),
      AUTHLIB_INSECURE_TRANSPORT: '1',
    }),
    logFile: join(WORK_DIRECTORY, 'authlib.log'),
    readyPath: '/owner',
  });
}

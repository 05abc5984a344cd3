import { join } from 'node:path';
import { installPythonTools, WORK_DIRECTORY } from '../python-tools.ts';
import { type ServerProcess, startServerProcess } from '../server-process.ts';

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
  return startServerProcess({
    command: join(await installPythonTools('authlib', signal), 'python'),
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

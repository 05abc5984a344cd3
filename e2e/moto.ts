import { join } from 'node:path';
import { installPythonTools, WORK_DIRECTORY } from './python-tools.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';

/** Starts moto, an emulator of Parameter Store and Secrets Manager (and more), on loopback. */
export async function startMoto(signal: AbortSignal): Promise<ServerProcess> {
  return startServerProcess({
    command: join(await installPythonTools('moto', signal), 'moto_server'),
    args: (port) => ['-H', '127.0.0.1', '-p', String(port)],
    env: () => ({ PATH: process.env.PATH, HOME: WORK_DIRECTORY }),
    logFile: join(WORK_DIRECTORY, 'moto.log'),
    readyPath: '/moto-api/',
  });
}

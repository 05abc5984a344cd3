import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { installPythonTools } from './python-tools.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';
import { ROOT, WORK_DIRECTORY } from './target.ts';

/** Starts moto, an emulator of Parameter Store and Secrets Manager (and more), on loopback. */
export async function startMoto(signal: AbortSignal): Promise<ServerProcess> {
  mkdirSync(WORK_DIRECTORY, { recursive: true });
  const bin = await installPythonTools({
    directory: join(ROOT, '.venv/moto'),
    packages: ['-r', join(import.meta.dirname, 'requirements-moto.txt')],
    env: process.env,
    signal,
  });
  return startServerProcess({
    command: join(bin, 'moto_server'),
    args: (port) => ['-H', '127.0.0.1', '-p', String(port)],
    env: () => ({ PATH: process.env.PATH, HOME: WORK_DIRECTORY }),
    logFile: join(WORK_DIRECTORY, 'moto.log'),
    readyPath: '/moto-api/',
  });
}

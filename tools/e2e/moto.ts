import { join } from 'node:path';
import {
  installPythonTools,
  type ServerProcess,
  startServerProcess,
  WORK_DIRECTORY,
} from './server-process.ts';

/** Starts moto, an emulator of Parameter Store and Secrets Manager (and more), on loopback. */
export function startMoto(): Promise<ServerProcess> {
  const bin = installPythonTools('moto');
  return startServerProcess({
    command: (port) => [join(bin, 'moto_server'), '-H', '127.0.0.1', '-p', String(port)],
    env: () => ({ PATH: process.env.PATH, HOME: WORK_DIRECTORY }),
    logFile: 'moto.log',
    readyPath: '/moto-api/',
  });
}

import { join } from 'node:path';
import {
  installPythonTools,
  type ServerProcess,
  startServerProcess,
  WORK_DIRECTORY,
} from '../server-process.ts';
import { AWKWARD, PLAIN, POST, testSecrets } from './mint.ts';

/** An authorization server made with Authlib (PyPI): docs/development/e2e.md. */
let server: ServerProcess;
beforeAll(async () => {
  const clients = [
    { ...PLAIN, auth_method: 'client_secret_basic' },
    { ...AWKWARD, auth_method: 'client_secret_basic' },
    { ...POST, auth_method: 'client_secret_post' },
  ];
  const python = join(installPythonTools('authlib'), 'python');
  server = await startServerProcess({
    command: (port) => [python, join(import.meta.dirname, 'authlib-server.py'), String(port)],
    env: () => ({
      PATH: process.env.PATH,
      HOME: WORK_DIRECTORY,
      CLIENTS: JSON.stringify(clients),
      AUTHLIB_INSECURE_TRANSPORT: '1',
    }),
    logFile: 'authlib.log',
    readyPath: '/owner',
  });
});
afterAll(() => server.stop());

testSecrets(
  () => ({ tokenUrl: `${server.url}/token` }),
  async ({ accessToken }, clientId) => {
    const response = await fetch(`${server.url}/owner`, {
      headers: { authorization: `Bearer ${accessToken}` },
    });
    expect(await response.json()).toBe(clientId);
  },
);

/**
 * Holds an emulator that others wrote to the same contract as our endpoint: `npm run contract`.
 *
 * Takes a running endpoint from CONTRACT_ENDPOINT_URL, or installs a pinned moto under .venv/ and starts it on a
 * loopback port. Exits with 1 if a test fails that is not a known gap, or if a known gap passes.
 */
import { spawnSync } from 'node:child_process';
import { startMoto } from '../../../tools/e2e/moto.ts';

const JEST = ['node_modules/jest/bin/jest.js', '--verbose', 'test/local/aws/.*-contract'];

const given = process.env.CONTRACT_ENDPOINT_URL;
const emulator = given === undefined ? await startMoto() : undefined;
try {
  const env = { ...process.env, CONTRACT_ENDPOINT_URL: given ?? emulator?.url };
  process.exitCode = spawnSync(process.execPath, JEST, { env, stdio: 'inherit' }).status ?? 1;
} finally {
  await emulator?.stop();
}

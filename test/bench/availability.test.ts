import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

test('the bench shows its five claims in a simulated week', async () => {
  const args = ['bench/run.ts', 'availability', '--quick'];

  const { stdout } = await promisify(execFile)(process.execPath, args);

  expect(stdout).toContain('All five claims hold.');
  expect(stdout.match(/^Tokens of /gm)).toHaveLength(3);
}, 120_000);

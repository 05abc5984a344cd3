import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

test('the bench shows its two claims in a simulated week', async () => {
  const args = ['tools/bench/run.ts', 'availability', '--quick'];

  const { stdout } = await promisify(execFile)(process.execPath, args);

  expect(stdout).toContain('Both claims hold.');
  expect(stdout.match(/^Tokens of /gm)).toHaveLength(6);
}, 120_000);

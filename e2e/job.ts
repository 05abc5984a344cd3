import assert from 'node:assert/strict';
import { join } from 'node:path';
import { run } from './command.ts';
import { pathOf, type RunContext } from './context.ts';
import { ROOT } from './python-tools.ts';
import { readStored } from './stored-token.ts';

/** Runs `ci/access-token` with the AWS CLI against the deployed stack, as a CI job does. */
export async function checkJob(context: RunContext): Promise<void> {
  const { aws, names, signal, steps, target } = context;
  const accessToken = (verb: string, ...more: string[]) => {
    const args = [join(ROOT, 'ci/access-token'), verb, 'waiting', '--prefix', names.prefix, ...more];
    return run('sh', args, { env: target.env, signal });
  };
  await steps.step('access-token get, also with more life than any token has; exec and doctor', async () => {
    const stored = await readStored(aws, pathOf(context, 'waiting'));
    const got = await accessToken('get', '--min-ttl', '45m');
    assert.equal(got.status, 0, got.stderr);
    assert.ok(got.stdout === `${stored.accessToken}\n`, 'stdout is not the stored token');
    const tooMuch = await accessToken('get', '--min-ttl', '48h');
    assert.equal(tooMuch.status, 3, tooMuch.stderr);
    const exec = await accessToken('exec', '--', 'sh', '-c', 'test "$ACCESS_TOKEN" && exit 7');
    assert.equal(exec.status, 7, exec.stderr);
    const doctor = await accessToken('doctor');
    assert.equal(doctor.status, 0, doctor.stdout + doctor.stderr);
  });
}

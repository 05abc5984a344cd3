import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type Finished, run } from './command.ts';
import { type E2eHarness, pathOf } from './e2e-harness.ts';
import { readStored } from './stored-token.ts';
import { ROOT } from './target.ts';

/** Runs `ci/access-token` with the AWS CLI against the deployed stack, as a CI job does. */
export async function checkJob(harness: E2eHarness): Promise<void> {
  const { aws, server, steps } = harness;
  const token = 'waiting';
  await steps.step('access-token get: the token on stdout, a receipt on stderr', async () => {
    const job = await accessToken(harness, 'get', token);
    const { accessToken: stored, version } = await readStored(aws, pathOf(harness, token));
    assert.equal(job.status, 0, job.stderr);
    assert.ok(job.stdout === `${stored}\n`, 'stdout is not the stored token');
    assert.match(job.stderr, new RegExp(`token v${version} [0-9a-f]{12} expires .* left`));
    assert.ok(!job.stderr.includes(stored ?? ''), 'the token is on stderr');
  });
  await steps.step('access-token get --min-ttl: enough life, or the best and exit status 3', async () => {
    const enough = await accessToken(harness, 'get', token, '--min-ttl', '45m');
    assert.equal(enough.status, 0, enough.stderr);
    const tooMuch = await accessToken(harness, 'get', token, '--min-ttl', '48h');
    assert.equal(tooMuch.status, 3, tooMuch.stderr);
    assert.notEqual(await server.isLive(tooMuch.stdout.trim()), false);
  });
  await steps.step('access-token exec: the command has the token, and its exit status passes', async () => {
    const script = `test "$ACCESS_TOKEN" && printf %s "$ACCESS_TOKEN"; exit 7`;
    const job = await accessToken(harness, 'exec', token, '--', 'sh', '-c', script);
    assert.equal(job.status, 7, job.stderr);
    assert.notEqual(await server.isLive(job.stdout), false);
  });
  await steps.step('access-token status --json and doctor', async () => {
    const { statusText } = await readStored(aws, pathOf(harness, token));
    const status = await accessToken(harness, 'status', token, '--json');
    assert.deepEqual(JSON.parse(status.stdout), JSON.parse(statusText ?? ''), status.stderr);
    const doctor = await accessToken(harness, 'doctor', token);
    assert.equal(doctor.status, 0, doctor.stdout + doctor.stderr);
    assert.match(doctor.stdout, /^refresher: secret +ok /m);
  });
  await steps.step('access-token get of a token that is not there: exit status 4', async () => {
    assert.equal((await accessToken(harness, 'get', 'no-such-token')).status, 4);
  });
}

function accessToken(
  harness: E2eHarness,
  command: string,
  token: string,
  ...more: string[]
): Promise<Finished> {
  const { names, target, signal } = harness;
  const args = [join(ROOT, 'ci/access-token'), command, token, '--prefix', names.prefix, ...more];
  return run('sh', args, { env: target.env, signal });
}

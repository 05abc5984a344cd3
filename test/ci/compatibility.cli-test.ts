import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serializeStatus } from '../../lambda/refresh/status.ts';
import { type AwsCli, findAwsClis } from './support/aws-cli.ts';
import { run } from './support/process.ts';
import { openReader, type Reader, SCRIPT } from './support/reader.ts';

/** The release whose copies of the script are in other people's repositories. */
const BASELINE = 'e6503e4';

let reader: Reader;

beforeEach(async () => {
  reader = await openReader(findAwsClis()[0] as AwsCli);
  reader.storeToken('stored');
});
afterEach(() => reader.close());

function copyOf(release: string): string {
  const { status, stdout } = spawnSync('git', ['show', `${release}:ci/access-token`], { encoding: 'utf8' });
  expect(status).toBe(0);
  const path = join(reader.home, release);
  writeFileSync(path, stdout);
  return path;
}

/** The status as the function writes it today. */
function statusOfToday(): string {
  const at = (seconds: number) => new Date(Date.now() + seconds * 1000);
  const token = {
    version: 1,
    fingerprint: '9f86d081884c',
    issuedAt: at(-750),
    expiresAt: at(2850),
    refreshDueAt: at(2000),
    provider: 'genesys-cloud',
    source: '0123456789abcdef',
    encryptionKey: 'arn:aws:kms:eu-central-1:111122223333:key/1',
    secretStage: 'AWSCURRENT' as const,
    jobGuaranteeMs: 2_700_000,
  };
  return serializeStatus({ provider: 'genesys-cloud', token, lastFailure: null });
}

const FAILED = { step: 'secret', ok: false, code: 'SECRET_MALFORMED', message: 'It is not JSON.' };

test.each([
  ['a copy of the baseline on the stack of today', () => copyOf(BASELINE), { ...FAILED, fault: 'secret' }],
  // A function of the baseline tells no fault.
  ['the script of today on the stack of the baseline', () => SCRIPT, FAILED],
] as const)('%s: every verb works', async (_name, scriptOf, step) => {
  reader.storeStatus(statusOfToday());
  reader.refresher(() => ({ payload: { healthy: false, steps: [{ step: 'config', ok: true }, step] } }));
  const call = (...args: string[]) =>
    run(['sh', scriptOf(), ...args], { cwd: reader.home, env: reader.environment() });

  const get = await call('get', 'genesys', '--min-ttl', '30m');
  const exec = await call('exec', 'genesys', '--', 'printenv', 'ACCESS_TOKEN');
  const table = await call('status', 'genesys');
  const doctor = await call('doctor', 'genesys');

  expect(get).toMatchObject({ status: 0, stdout: 'stored\n' });
  expect(get.stderr).toMatch(/^token v1 9f86d081884c expires .*, 47 min left$/m);
  expect(exec).toMatchObject({ status: 0, stdout: 'stored\n' });
  expect(table).toMatchObject({ status: 0, stdout: expect.stringMatching(/^life +47 min left/m) });
  expect(doctor).toMatchObject({ status: 3, stdout: expect.stringMatching(/^token: schedule +ok/m) });
  expect(doctor.stdout).toMatch(
    new RegExp(`^refresher: secret +SECRET_MALFORMED +${'fault' in step ? step.fault : '-'} `, 'm'),
  );
});

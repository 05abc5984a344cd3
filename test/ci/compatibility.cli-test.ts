import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serializeStatus } from '../../lambda/refresh/status.ts';
import { type AwsCli, findAwsClis } from './support/aws-cli.ts';
import { type Ended, run } from './support/process.ts';
import { openReaderHarness, READ, REFRESH, type ReaderHarness, SCRIPT } from './support/reader-harness.ts';

/** The first release, whose copies are in other people's repositories. */
const RELEASED = 'd5da51f';

let harness: ReaderHarness;
let released: string;

beforeEach(async () => {
  harness = await openReaderHarness(findAwsClis()[0] as AwsCli);
  harness.storeToken('stored');
  harness.endpoint.registerFunction({
    name: 'token-refresher-ci-genesys',
    invoke: async () => ({ payload: { healthy: true, steps: [{ step: 'config', ok: true }] } }),
  });
  const copy = spawnSync('git', ['show', `${RELEASED}:ci/access-token`], { encoding: 'utf8' });
  expect(copy).toMatchObject({ status: 0, stderr: '' });
  released = join(harness.home, 'access-token');
  writeFileSync(released, copy.stdout);
});
afterEach(() => harness.close());

async function everyVerb(script: string): Promise<Ended[]> {
  const env = harness.jobEnvironment([READ, REFRESH]);
  const call = (...args: string[]) => run(['sh', script, ...args], { cwd: harness.home, env });
  return [
    await call('get', 'genesys', '--min-ttl', '30m'),
    await call('exec', 'genesys', '--', 'printenv', 'ACCESS_TOKEN'),
    await call('status', 'genesys'),
    await call('doctor', 'genesys'),
  ];
}

test('a copy of the first release reads the status of today', async () => {
  const at = (seconds: number) => new Date(Date.now() + seconds * 1000);
  harness.storeRawStatus(
    serializeStatus({
      provider: 'genesys-cloud',
      token: {
        version: 1,
        fingerprint: '9f86d081884c',
        issuedAt: at(-750),
        expiresAt: at(2850),
        refreshDueAt: at(2000),
        provider: 'genesys-cloud',
        source: '0123456789abcdef',
        encryptionKey: 'arn:aws:kms:eu-central-1:111122223333:key/1',
        secretStage: 'AWSCURRENT',
        jobGuaranteeMs: 2_700_000,
      },
      lastFailure: null,
    }),
  );

  const [get, exec, status, doctor] = await everyVerb(released);

  expect(get).toMatchObject({ status: 0, stdout: 'stored\n' });
  expect(get?.stderr).toMatch(/^token v1 9f86d081884c expires .*, 47 min left$/m);
  expect(exec).toMatchObject({ status: 0, stdout: 'stored\n' });
  expect(status).toMatchObject({ status: 0, stdout: expect.stringMatching(/^life +47 min left/m) });
  expect(doctor).toMatchObject({ status: 0, stdout: expect.stringMatching(/^token: schedule +ok/m) });
});

test('the script of today reads the status of the first release', async () => {
  harness.storeStatus({ lifeSeconds: 2850 });

  const [get, exec, status, doctor] = await everyVerb(SCRIPT);

  expect(get).toMatchObject({ status: 0, stdout: 'stored\n' });
  expect(get?.stderr).toMatch(/^token v1 9f86d081884c expires .*, 47 min left$/m);
  expect(exec).toMatchObject({ status: 0, stdout: 'stored\n' });
  expect(status).toMatchObject({ status: 0, stdout: expect.stringMatching(/^life +47 min left, until 20/m) });
  expect(doctor).toMatchObject({ status: 0, stdout: expect.stringMatching(/^token: schedule +ok/m) });
});

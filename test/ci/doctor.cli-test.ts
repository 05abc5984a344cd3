import { type AwsCli, findAwsClis } from './support/aws-cli.ts';
import { openPipelineHarness, type PipelineHarness } from './support/pipeline-harness.ts';
import type { Ended } from './support/process.ts';
import { run } from './support/process.ts';
import { openReaderHarness, READ, REFRESH, type ReaderHarness } from './support/reader-harness.ts';

const cli = findAwsClis()[0] as AwsCli;

/** The rows of doctor's table by step: result, whose fault, and what to do. */
function rows({ stdout }: Ended): Record<string, [result: string, fault: string, detail: string]> {
  const cells = stdout
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(/ {2,}/) as [string, string, string, string]);
  return Object.fromEntries(
    cells.map(([step, result, fault, detail]) => [step, [result, fault, detail ?? '']]),
  );
}

describe('doctor, on the synthesized function', () => {
  let harness: PipelineHarness;

  beforeAll(async () => {
    harness = await openPipelineHarness(cli);
  });
  beforeEach(() => harness.startAfresh());
  afterAll(() => harness.close());

  const doctor = (env: Record<string, string> = {}) =>
    run(['ci/access-token', 'doctor', 'genesys'], {
      cwd: harness.checkout,
      env: { ...harness.jobEnvironment(harness.readerPolicies), ...env },
    });

  test('reports no fault if everything works', async () => {
    const job = await doctor();

    expect(job).toMatchObject({ status: 0, stderr: '' });
    expect(Object.entries(rows(job)).map(([step, [result]]) => `${step}: ${result}`)).toEqual([
      'job: identity: ok',
      'job: read parameters: ok',
      'token: life: ok',
      'token: secret: ok',
      'token: schedule: ok',
      'job: decrypt token: ok',
      'refresher: config: ok',
      'refresher: secret: ok',
      'refresher: token-endpoint: ok',
      'refresher: scope: ok',
      'refresher: probe: ok',
      'refresher: parameters: ok',
      'refresher: clock: ok',
    ]);
  });

  test('blames the secret for a rejected client', async () => {
    harness.authorizationServer.replaceClientSecret('ci', 'changed-at-the-provider-only');

    const job = await doctor();

    const found = rows(job);
    expect(found['refresher: token-endpoint']?.slice(0, 2)).toEqual(['TOKEN_REJECTED', 'secret']);
    expect(found['refresher: probe']?.slice(0, 2)).toEqual(['skipped', '-']);
    expect(job.status).toBe(3);
  });

  test('blames the token endpoint for an outage', async () => {
    await harness.authorizationServer.faults.goOffline();

    const job = await doctor();

    expect(rows(job)['refresher: token-endpoint']?.slice(0, 2)).toEqual([
      'TOKEN_ENDPOINT_UNAVAILABLE',
      'token endpoint',
    ]);
    expect(job.status).toBe(3);
  });

  test("blames IAM where the function's role lost the secret", async () => {
    harness.endpoint.faults.add({ match: { service: 'secretsmanager' }, fault: { kind: 'deny' } });

    const job = await doctor();

    expect(rows(job)['refresher: secret']?.slice(0, 2)).toEqual(['SECRET_UNAVAILABLE', 'IAM']);
    expect(job.status).toBe(3);
  });
});

describe('doctor, from the job', () => {
  let harness: ReaderHarness;

  beforeEach(async () => {
    harness = await openReaderHarness(cli);
    harness.storeToken('stored');
    harness.storeStatus();
    harness.endpoint.registerFunction({
      name: 'token-refresher-ci-genesys',
      invoke: async () => ({ payload: { healthy: true, steps: [{ step: 'config', ok: true }] } }),
    });
  });
  afterEach(() => harness.close());

  test('blames IAM where the job may not read or not invoke', async () => {
    const job = await harness.job(['doctor', 'genesys'], { policies: [] });

    const found = rows(job);
    expect(found['job: read parameters']?.slice(0, 2)).toEqual(['refused', 'IAM']);
    expect(found['job: read parameters']?.[2]).toContain('grantRead(role)');
    expect(found['refresher: invoke']?.slice(0, 2)).toEqual(['refused', 'IAM']);
    expect(found['refresher: invoke']?.[2]).toContain('grantRefresh(role)');
    expect(job.status).toBe(5);
  });

  test('blames KMS where the job may not use the key', async () => {
    const deny = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Deny', Action: 'kms:Decrypt', Resource: '*' }],
    };

    const job = await harness.job(['doctor', 'genesys'], { policies: [READ, REFRESH, deny] });

    expect(rows(job)['job: decrypt token']?.slice(0, 2)).toEqual(['refused', 'KMS']);
    expect(rows(job)['job: read parameters']?.[0]).toBe('ok');
    expect(job.status).toBe(5);
  });

  test('blames the schedule where a mint is overdue and none was tried', async () => {
    harness.storeStatus({ lifeSeconds: 300, dueInSeconds: -400 });

    const job = await harness.job(['doctor', 'genesys']);

    expect(rows(job)['token: schedule']?.slice(0, 2)).toEqual(['OVERDUE', 'schedule']);
    expect(job.status).toBe(3);
  });

  test('blames what the last mint failed for', async () => {
    harness.storeStatus({
      lifeSeconds: -10,
      lastFailure: { code: 'TOKEN_ENDPOINT_UNAVAILABLE', consecutive: 12 },
    });

    const job = await harness.job(['doctor', 'genesys']);

    expect(rows(job)['token: life']?.slice(0, 2)).toEqual(['expired', 'token endpoint']);
    expect(rows(job)['token: minting']?.[2]).toContain('12 in a row');
    expect(job.status).toBe(4);
  });

  test('says that there is no such refresher', async () => {
    const job = await harness.job(['doctor', 'genesys', '--function', 'elsewhere'], {
      policies: [
        READ,
        { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'lambda:*', Resource: '*' }] },
      ],
    });

    expect(rows(job)['refresher: invoke']?.[2]).toContain('Function not found');
    expect(job.status).toBe(5);
  });
});

describe('status', () => {
  let harness: ReaderHarness;

  beforeEach(async () => {
    harness = await openReaderHarness(cli);
  });
  afterEach(() => harness.close());

  test('prints a table, and the parameter itself with --json', async () => {
    harness.storeToken('stored');
    harness.storeStatus({ lastFailure: { code: 'TOKEN_REJECTED', consecutive: 3 } });

    const table = await harness.job(['status', 'genesys'], { policies: [READ] });
    const json = await harness.job(['status', 'genesys', '--json'], { policies: [READ] });

    expect(table.stdout).toMatch(/^version +v1$/m);
    expect(table.stdout).toMatch(/^life +47 min left, until 20/m);
    expect(table.stdout).toMatch(/^last failure +TOKEN_REJECTED, 3 in a row, the last at 20.*, next try 20/m);
    expect(JSON.parse(json.stdout)).toMatchObject({ schemaVersion: 1, tokenVersion: 1 });
    expect([table.status, json.status]).toEqual([0, 0]);
  });

  test('needs no key: it never decrypts the token', async () => {
    harness.storeToken('stored');
    harness.storeStatus();
    const deny = { Version: '2012-10-17', Statement: [{ Effect: 'Deny', Action: 'kms:*', Resource: '*' }] };

    expect((await harness.job(['status', 'genesys'], { policies: [READ, deny] })).status).toBe(0);
  });

  test('ends with 4 where no token is alive', async () => {
    const job = await harness.job(['status', 'genesys'], { policies: [READ] });

    expect(job).toMatchObject({ status: 4, stdout: expect.stringMatching(/^version +none$/m) });
  });
});

import { once } from 'node:events';
import type { InvocationOutcome } from '../../local/aws/lambda.ts';
import { type AwsCli, findAwsClis } from './support/aws-cli.ts';
import { openReaderHarness, READ, REFRESH, type ReaderHarness } from './support/reader-harness.ts';

const FUNCTION = 'token-refresher-ci-genesys';

let harness: ReaderHarness;

beforeEach(async () => {
  harness = await openReaderHarness(findAwsClis()[0] as AwsCli);
});
afterEach(() => harness.close());

function refresher(
  invoke: (event: unknown) => InvocationOutcome | Promise<InvocationOutcome>,
  name = FUNCTION,
): void {
  harness.endpoint.registerFunction({ name, concurrency: 1, invoke: async (event) => invoke(event) });
}

function invocations(): number {
  return harness.endpoint.requests.filter(({ operation }) => operation === 'Invoke').length;
}

describe('status 0', () => {
  test('a token with enough life is read without asking the refresher', async () => {
    harness.storeToken('stored');
    harness.storeStatus({ lifeSeconds: 2850 });

    const job = await harness.job(['get', 'genesys', '--min-ttl=45m'], { policies: [READ] });

    expect(job).toMatchObject({ status: 0, stdout: 'stored\n' });
    expect(invocations()).toBe(0);
  });

  test("the refresher's word counts where the job's clock misses a second", async () => {
    harness.storeToken('stored');
    harness.storeStatus({ lifeSeconds: 2690 });
    refresher(() => ({ payload: { outcome: 'still-fresh', satisfied: true, tokenVersion: 1 } }));

    expect((await harness.job(['get', 'genesys', '--min-ttl', '2700'])).status).toBe(0);
  });

  test('a new token is awaited where Parameter Store still shows the old one', async () => {
    harness.storeToken('old');
    harness.storeStatus({ lifeSeconds: 100 });
    refresher(() => {
      const version = harness.storeToken('new');
      harness.storeStatus({ version, lifeSeconds: 3600 });
      harness.endpoint.faults.add({
        match: { operation: 'GetParameters' },
        fault: { kind: 'stale-read' },
        times: 1,
      });
      return { payload: { outcome: 'refreshed', satisfied: true, tokenVersion: version } };
    });

    const job = await harness.job(['get', 'genesys', '--min-ttl', '45m']);

    expect(job).toMatchObject({ status: 0, stdout: 'new\n' });
  });

  test('a mint in flight (token written, status not yet) is waited for', async () => {
    harness.storeToken('old');
    harness.storeStatus({ lifeSeconds: 100 });
    const version = harness.storeToken('new');
    const seen = harness.endpoint.faults.hook('after-executing', { operation: 'GetParameters' }, () => {
      harness.storeStatus({ version, lifeSeconds: 3600 });
      seen.remove();
    });

    const job = await harness.job(['get', 'genesys'], { policies: [READ] });

    expect(job).toMatchObject({ status: 0, stdout: 'new\n' });
    expect(job.stderr).not.toContain('waiting');
  });

  test('a token written by hand is not trusted until the next beat has described it', async () => {
    harness.storeToken('old');
    harness.storeStatus({ lifeSeconds: 100 });
    const version = harness.storeToken('by hand');
    const reads = harness.endpoint.faults.hook('after-executing', { operation: 'GetParameters' }, () => {
      if (reads.hits === 4) harness.storeStatus({ version, lifeSeconds: 3600 });
    });

    const job = await harness.job(['get', 'genesys'], { policies: [READ] });

    expect(job).toMatchObject({ status: 0, stdout: 'by hand\n' });
    expect(job.stderr).toContain(
      "the status does not describe v2 of the token: waiting for the refresher's next invocation",
    );
  });

  test.each(['throttle', 'server-error'] as const)(
    'reads that meet a %s are retried by the CLI, and beyond its retries by the script',
    async (kind) => {
      harness.storeToken('stored');
      harness.storeStatus();
      const fault = harness.endpoint.faults.add({ fault: { kind }, times: 2 });

      const job = await harness.job(['get', 'genesys'], { policies: [READ], env: { AWS_MAX_ATTEMPTS: '1' } });

      expect(job).toMatchObject({ status: 0, stdout: 'stored\n' });
      expect(fault.hits).toBe(2);
    },
  );

  test('a throttled job waits for the running mint', async () => {
    harness.storeToken('old');
    harness.storeStatus({ lifeSeconds: 100 });
    const busy = harness.endpoint.faults.add({
      match: { service: 'lambda' },
      fault: { kind: 'throttle' },
      times: 1,
    });
    harness.endpoint.faults.hook('before-executing', { operation: 'GetParameters' }, () => {
      if (busy.hits === 0) return;
      const version = harness.storeToken('minted for another');
      harness.storeStatus({ version, lifeSeconds: 3600 });
    });
    refresher(() => ({ payload: { outcome: 'refreshed' } }));

    const job = await harness.job(['get', 'genesys', '--min-ttl', '45m']);

    expect(job).toMatchObject({ status: 0, stdout: 'minted for another\n' });
    expect(invocations()).toBe(1);
  });

  test('another prefix and another function are honoured', async () => {
    const name = 'team/a/genesys';
    harness.storeToken('of the team', name);
    const allowed = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
    harness.storeStatus({ lifeSeconds: 10 }, name);
    const asked: string[] = [];
    const answer = { payload: { outcome: 'still-fresh', satisfied: false, tokenVersion: 1 } };
    for (const fn of ['token-refresher-ci-team-a-genesys', 'my-own']) {
      harness.endpoint.registerFunction({
        name: fn,
        invoke: async () => {
          asked.push(fn);
          return answer;
        },
      });
    }
    const options = { policies: [allowed] };

    await harness.job(['get', 'genesys', '--prefix', '/ci/team/a/', '--min-ttl', '1h'], options);
    await harness.job(
      ['get', 'genesys', '--prefix=/ci/team/a', '--min-ttl', '1h', '--function', 'my-own'],
      options,
    );

    expect(asked).toEqual(['token-refresher-ci-team-a-genesys', 'my-own']);
  });

  test('signals reach the command that exec became', async () => {
    harness.storeToken('stored');
    harness.storeStatus();

    const job = await harness.job(
      [
        'exec',
        'genesys',
        '--',
        'sh',
        '-c',
        'trap "echo cleaned; exit 9" TERM; echo up; while :; do sleep 0.05; done',
      ],
      {
        policies: [READ],
        onStart: async (child) => {
          await once(child.stdout as NodeJS.EventEmitter, 'data');
          child.kill('SIGTERM');
        },
      },
    );

    expect(job).toMatchObject({ status: 9, stdout: 'up\ncleaned\n' });
  });
});

describe('status 3', () => {
  beforeEach(() => {
    harness.storeToken('short-lived');
    harness.storeStatus({ lifeSeconds: 1210 });
  });

  test('get prints the token that lives longest, and why there is no newer one', async () => {
    refresher(() => ({
      payload: {
        outcome: 'still-fresh',
        reason: 'backoff',
        satisfied: false,
        tokenVersion: 1,
        failure: 'TOKEN_REJECTED',
      },
    }));

    const job = await harness.job(['get', 'genesys', '--min-ttl', '45m']);

    expect(job).toMatchObject({ status: 3, stdout: 'short-lived\n' });
    expect(job.stderr).toContain(
      '--min-ttl 45m cannot be met: minting fails (TOKEN_REJECTED), and the newest token has 20 min',
    );
  });

  test("get tells the refresher's error", async () => {
    refresher(() => ({
      failure: { errorType: 'TOKEN_ENDPOINT_UNAVAILABLE', errorMessage: 'The "token" endpoint is down.' },
    }));

    const job = await harness.job(['get', 'genesys', '--min-ttl', '45m']);

    expect(job).toMatchObject({ status: 3, stdout: 'short-lived\n' });
    expect(job.stderr).toContain(
      `the refresher failed: TOKEN_ENDPOINT_UNAVAILABLE: The "token" endpoint is down.`,
    );
  });

  test('exec does not run the command, unless --best-effort', async () => {
    refresher(() => ({ payload: { outcome: 'still-fresh', satisfied: false, tokenVersion: 1 } }));
    const command = ['--', 'printenv', 'ACCESS_TOKEN'];

    const strict = await harness.job(['exec', 'genesys', '--min-ttl', '45m', ...command]);
    const lenient = await harness.job(['exec', 'genesys', '--min-ttl', '45m', '--best-effort', ...command]);

    expect(strict).toMatchObject({ status: 3, stdout: '' });
    expect(strict.stderr).toContain('the command was not run');
    expect(lenient).toMatchObject({ status: 0, stdout: 'short-lived\n' });
  });
});

describe('status 4', () => {
  test.each([
    ['there is no token', undefined, undefined, 'no live token: there is no /ci/genesys/access-token'],
    ['the token has expired', 'dead', { lifeSeconds: -5 }, 'no live token: v1 expired at 20'],
  ])('%s', async (_name, token, status, message) => {
    if (token !== undefined) harness.storeToken(token);
    if (status !== undefined)
      harness.storeStatus({ ...status, lastFailure: { code: 'TOKEN_REJECTED', consecutive: 3 } });

    const get = await harness.job(['get', 'genesys'], { policies: [READ] });
    const exec = await harness.job(['exec', 'genesys', '--best-effort', '--', 'echo', 'ran'], {
      policies: [READ],
    });

    expect(get).toMatchObject({ status: 4, stdout: '' });
    expect(get.stderr).toContain(message);
    expect(get.stderr).toContain('--min-ttl 1m');
    if (status !== undefined) expect(get.stderr).toContain('minting fails: TOKEN_REJECTED');
    expect(exec).toMatchObject({ status: 4, stdout: '' });
  });

  test('a refresher that cannot mint the first token', async () => {
    refresher(() => ({
      failure: { errorType: 'SECRET_MALFORMED', errorMessage: 'The secret still holds the placeholder.' },
    }));

    const job = await harness.job(['get', 'genesys', '--min-ttl', '1m']);

    expect(job).toMatchObject({ status: 4, stdout: '' });
    expect(job.stderr).toContain('SECRET_MALFORMED: The secret still holds the placeholder.');
  });

  test('a status of a later schema asks for a new copy of the script', async () => {
    harness.storeToken('stored');
    harness.storeRawStatus('{"schemaVersion":2,"tokenVersion":1}');

    const job = await harness.job(['get', 'genesys'], { policies: [READ] });

    expect(job).toMatchObject({ status: 4, stdout: '' });
    expect(job.stderr).toContain('copy it again');
  });
});

describe('status 5', () => {
  beforeEach(() => {
    harness.storeToken('stored');
    harness.storeStatus({ lifeSeconds: 600 });
  });

  test('a job that may read but not refresh', async () => {
    refresher(() => ({ payload: {} }));

    const job = await harness.job(['get', 'genesys', '--min-ttl', '45m'], { policies: [READ] });

    expect(job).toMatchObject({ status: 5, stdout: '' });
    expect(job.stderr).toContain(
      'AWS refused lambda:InvokeFunction on arn:aws:lambda:eu-central-1:111122223333:function:token-refresher-ci-genesys for arn:aws:sts::111122223333:assumed-role/ci/job',
    );
    expect(job.stderr).toContain('grantRefresh(role)');
  });

  test('a key that the job may not use', async () => {
    const deny = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Deny', Action: 'kms:Decrypt', Resource: '*' }],
    };

    const job = await harness.job(['get', 'genesys'], { policies: [READ, deny] });

    expect(job).toMatchObject({ status: 5, stdout: '' });
    expect(job.stderr).toContain('AWS refused kms:Decrypt on arn:aws:kms:');
  });

  test('a function that is not there', async () => {
    const job = await harness.job(['get', 'genesys', '--min-ttl', '45m']);

    expect(job).toMatchObject({ status: 5, stdout: '' });
    expect(job.stderr).toContain('there is no such function');
  });

  test('a job without credentials', async () => {
    const none = {
      AWS_ACCESS_KEY_ID: undefined,
      AWS_SECRET_ACCESS_KEY: undefined,
      AWS_EC2_METADATA_DISABLED: 'true',
    };

    const job = await harness.job(['get', 'genesys'], { env: none as never });

    expect(job).toMatchObject({ status: 5, stdout: '' });
    expect(job.stderr).toContain('the job has no AWS credentials');
  });

  test('credentials that AWS does not know', async () => {
    const job = await harness.job(['get', 'genesys'], { env: { AWS_ACCESS_KEY_ID: 'ASIANOBODY' } });

    expect(job).toMatchObject({ status: 5, stdout: '' });
    expect(job.stderr).toContain("does not accept the job's credentials");
  });

  test('a job without a region', async () => {
    const job = await harness.job(['get', 'genesys'], { env: { AWS_REGION: undefined } as never });

    expect(job).toMatchObject({ status: 5, stdout: '' });
    expect(job.stderr).toContain('no AWS region is set');
  });
});

test('get, --min-ttl and doctor need no more permissions than the grants', async () => {
  harness.storeToken('stored');
  harness.storeStatus({ lifeSeconds: 600 });
  refresher(() => ({ payload: { outcome: 'still-fresh', satisfied: false, tokenVersion: 1, steps: [] } }));

  await harness.job(['get', 'genesys', '--min-ttl', '45m'], { policies: [READ, REFRESH] });
  await harness.job(['doctor', 'genesys'], { policies: [READ, REFRESH] });

  const asked = new Set(harness.endpoint.calls.map(({ iamAction }) => iamAction));
  expect([...asked].sort()).toEqual(['lambda:InvokeFunction', 'ssm:GetParameters']);
  expect(harness.endpoint.calls.every(({ allowed }) => allowed)).toBe(true);
});

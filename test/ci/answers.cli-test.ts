import { type AccountContent, installStandIn, type StandIn } from './support/aws-stand-in.ts';
import { type Ended, run } from './support/process.ts';
import { SCRIPT } from './support/reader-harness.ts';

let standIn: StandIn;

beforeEach(() => {
  standIn = installStandIn();
});
afterEach(() => standIn.remove());

function statusOf(version: number, lifeSeconds: number, more: object = {}): string {
  const expiresAtEpoch = Math.floor(Date.now() / 1000) + lifeSeconds;
  const expiresAt = new Date(expiresAtEpoch * 1000).toISOString();
  return JSON.stringify({
    schemaVersion: 1,
    tokenVersion: version,
    fingerprint: '9f86d081884c',
    expiresAt,
    expiresAtEpoch,
    ...more,
  });
}

function content(more: Partial<AccountContent> = {}): AccountContent {
  return {
    token: 'old',
    version: 42,
    status: statusOf(42, 3000),
    payload: '{"satisfied":false,"steps":[]}',
    ...more,
  };
}

function accessToken(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return run(['sh', SCRIPT, ...args], {
    env: { PATH: `${standIn.directory}:${process.env.PATH}`, AWS_REGION: 'eu-central-1', ...env },
  });
}

describe('--not-version', () => {
  test('prints another token without a mint, if another one is stored already', async () => {
    standIn.serve(content());

    const job = await accessToken(['get', 'genesys', '--not-version', '41']);

    expect(job).toMatchObject({ status: 0, stdout: 'old\n' });
    expect(standIn.events()).toBe('');
  });

  test.each(['42', 'v42'])('has a new token minted where %s is the one that is stored', async (version) => {
    const minted = { token: 'new', version: 43, status: statusOf(43, 3500) };
    standIn.serve(content({ minted, payload: '{"satisfied":true,"tokenVersion":43}' }));

    const job = await accessToken(['get', 'genesys', '--not-version', version]);

    expect(job).toMatchObject({ status: 0, stdout: 'new\n' });
    expect(job.stderr).toMatch(/^token v43 /m);
    expect(standIn.events()).toBe('{"force":true}');
  });

  test('prints no token if there is no other one', async () => {
    standIn.serve(content({ payload: '{"satisfied":true,"tokenVersion":42}' }));

    const get = await accessToken(['get', 'genesys', '--not-version', '42']);
    const exec = await accessToken([
      'exec',
      'genesys',
      '--not-version',
      '42',
      '--best-effort',
      '--',
      'echo',
      'ran',
    ]);

    expect(get).toMatchObject({ status: 4, stdout: '' });
    expect(get.stderr).toContain('v42 is the version that --not-version excludes');
    expect(exec).toMatchObject({ status: 4, stdout: '' });
  });
});

test('a live token is read even if the refresher cannot be reached', async () => {
  const invokeComplaint =
    '\nCould not connect to the endpoint URL: "https://lambda.eu-central-1.amazonaws.com/"\n';
  standIn.serve(content({ invokeComplaint }));

  const job = await accessToken(['get', 'genesys', '--min-ttl', '2h']);

  expect(job).toMatchObject({ status: 3, stdout: 'old\n' });
  expect(job.stderr).toContain('the refresher cannot be reached: Could not connect');
});

test.each([
  [3, 3000, '{"token":"old","version":42,"fingerprint":"9f86d081884c","expiresAtEpoch":EXPIRY}\n'],
  [4, -1, ''],
])('get --json with status %d', async (status, lifeSeconds, stdout) => {
  const document = statusOf(42, lifeSeconds);
  standIn.serve(content({ status: document }));

  const job = await accessToken(['get', 'genesys', '--json', '--min-ttl', '2h']);

  const expiry = String(JSON.parse(document).expiresAtEpoch);
  expect(job).toMatchObject({ status, stdout: stdout.replace('EXPIRY', expiry) });
});

test('AWS that cannot be reached is not reported as a refusal', async () => {
  standIn.serve(content());
  const PATH = `${standIn.directory}:${process.env.PATH}`;
  const unreachable = `aws() { echo 'Connect timeout on endpoint URL' >&2; return 255; }; . "$0"`;

  const job = await run(['sh', '-c', unreachable, SCRIPT, 'get', 'genesys'], {
    env: { PATH, AWS_REGION: 'eu-central-1' },
  });

  expect(job).toMatchObject({ status: 5, stdout: '' });
  expect(job.stderr).toContain('AWS cannot be reached');
  expect(job.stderr).not.toContain('refused');
});

test('only the AWS CLI gets the profile', async () => {
  standIn.serve(content());

  const job = await accessToken(['exec', 'genesys', '--profile', 'other account', '--', 'env']);

  expect(job.status).toBe(0);
  expect(job.stdout).not.toMatch(/other account|AWS_PROFILE/);
  expect(new Set(standIn.profiles().trim().split('\n'))).toEqual(new Set(['other account']));
});

test('--no-mask sends no mask command', async () => {
  standIn.serve(content());

  const job = await accessToken(['get', 'genesys', '--no-mask'], { GITHUB_ACTIONS: 'true' });

  expect(job).toMatchObject({ status: 0, stdout: 'old\n' });
  expect(job.stderr).not.toContain('old');
});

describe('doctor', () => {
  test('blames the secret where the token was minted with another stage of it', async () => {
    standIn.serve(content({ status: statusOf(42, 3000, { secretStage: 'AWSPREVIOUS' }) }));

    const job = await accessToken(['doctor', 'genesys']);

    expect(job.stdout).toMatch(/^token: secret +AWSPREVIOUS +secret +/m);
    expect(job.status).toBe(3);
  });

  test('says that there is no refresher of this name', async () => {
    const invokeError = { code: 'ResourceNotFoundException', message: 'Function not found' };
    standIn.serve({
      ...content({ invokeError }),
      version: null,
      status: null,
      token: null,
    });

    const job = await accessToken(['doctor', 'gensys']);

    expect(job.stdout).toMatch(
      /^token: life +missing +name +.*check NAME.* \(111122223333\), the region \(eu-central-1\)/m,
    );
    expect(job.stdout).toMatch(
      /^refresher: invoke +missing +name +.*no refresher 'gensys' in account 111122223333/m,
    );
    expect(job.stdout).not.toContain('store the client secret');
    expect(job.status).toBe(5);
  });

  test('blames the token endpoint, not the secret, for a first token that it does not give', async () => {
    const lastFailure = { code: 'TOKEN_ENDPOINT_UNAVAILABLE', consecutive: 3 };
    standIn.serve({
      ...content({ status: JSON.stringify({ schemaVersion: 1, tokenVersion: null, lastFailure }) }),
      version: null,
      token: null,
    });

    const job = await accessToken(['doctor', 'genesys']);

    expect(job.stdout).toMatch(/^token: life +missing +token endpoint +/m);
    expect(job.stdout).not.toContain('store the client secret');
    expect(job.status).toBe(4);
  });

  test('prints the fault that the function tells; an older one tells none, which is a fault all the same', async () => {
    const failed = { ok: false, code: 'SECRET_UNAVAILABLE', message: 'Not read.' };
    const steps = [
      { step: 'secret', ...failed, fault: 'KMS' },
      { step: 'scope', ok: true, warning: 'It is empty.', fault: 'token endpoint' },
    ];
    standIn.serve(content({ payload: JSON.stringify({ steps }) }));
    const told = await accessToken(['doctor', 'genesys']);
    standIn.serve(content({ payload: JSON.stringify({ steps: [{ step: 'secret', ...failed }] }) }));
    const untold = await accessToken(['doctor', 'genesys']);

    expect(told.stdout).toMatch(/^refresher: secret +SECRET_UNAVAILABLE +KMS +Not read\.$/m);
    expect(told.stdout).toMatch(/^refresher: scope +warning +token endpoint +It is empty\.$/m);
    expect(untold.stdout).toMatch(/^refresher: secret +SECRET_UNAVAILABLE +- +Not read\.$/m);
    expect([told.status, untold.status]).toEqual([3, 3]);
  });

  test('prints a remedy that can be pasted into a shell', async () => {
    const steps = [
      {
        step: 'secret',
        ok: false,
        code: 'SECRET_MALFORMED',
        message: 'It is not JSON.',
        remedy: 'Store {"client_id":"a\\\\b"}.',
      },
    ];
    standIn.serve(content({ payload: JSON.stringify({ steps }) }));

    const job = await accessToken(['doctor', 'genesys']);

    expect(job.stdout).toContain('It is not JSON. Store {"client_id":"a\\\\b"}.');
  });
});

test('the example with two tokens passes both to its command', async () => {
  standIn.serve(content());

  const job = await run(
    [
      'ci/examples/two-tokens/with-both.sh',
      'sh',
      '-c',
      'echo "$GENESYSCLOUD_ACCESS_TOKEN $CXONE_ACCESS_TOKEN"',
    ],
    { env: { PATH: `${standIn.directory}:${process.env.PATH}`, AWS_REGION: 'eu-central-1' } },
  );

  expect(job).toMatchObject({ status: 0, stdout: 'old old\n' });
});

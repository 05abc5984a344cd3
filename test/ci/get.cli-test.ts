import { type AwsCli, findAwsClis } from './support/aws-cli.ts';
import { accountContent, installStandIn, type StandIn, statusOf } from './support/aws-stand-in.ts';
import { EVERY_PERMISSION, NO_KEY, openReader, READ, type Reader } from './support/reader.ts';

const GET = ['get', 'genesys'];

describe('the token, by what is stored and what the refresher answers', () => {
  let standIn: StandIn;

  beforeEach(() => {
    standIn = installStandIn();
  });
  afterEach(() => standIn.remove());

  const NEW = { token: 'new', version: 43, status: statusOf(43, 3500) };
  const NONE = { token: null, version: null, status: null };
  const FAILED = {
    payload: '{"errorType":"TOKEN_ENDPOINT_UNAVAILABLE","errorMessage":"The \\"token\\" endpoint is down."}',
    functionError: 'Unhandled',
  } as const;
  const SATISFIED = { payload: '{"outcome":"still-fresh","satisfied":true,"tokenVersion":42}' };
  const BACKOFF = { payload: '{"satisfied":false,"tokenVersion":42,"failure":"TOKEN_REJECTED"}' };
  const MINTED = { payload: '{"satisfied":true,"tokenVersion":43}', minted: NEW };
  const UNREACHABLE = { invokeError: '\nCould not connect to the endpoint URL: "https://lambda.…"\n' };
  const FAILING = { status: statusOf(42, -5, { lastFailure: { code: 'TOKEN_REJECTED', consecutive: 3 } }) };
  const SHORT = {
    ...BACKOFF,
    status: statusOf(42, 500, { issuedAt: new Date(Date.now() - 100_000).toISOString() }),
  };
  // A field that a newer stack adds behind the others changes none of them.
  const LATER = { status: statusOf(42, 3000, { history: [{ tokenVersion: 7, expiresAtEpoch: 1 }] }) };
  // What others make of an answer.
  const CRLF = { edit: (answer: string) => answer.replaceAll('\n', '\r\n') };
  const BANNER = { edit: (answer: string) => `Welcome!\n${answer}` };
  const EMPTY = { edit: () => '' };
  const CUT = { edit: (answer: string) => answer.slice(0, -12) };
  const YAML = { edit: (answer: string) => answer.replace(/^ {4}/gm, '- ').replace(/[[\],]/g, '') };
  const SHORT_LIST = { edit: (answer: string) => answer.replace(',\n    "old"', '') };
  const LONG_LIST = { edit: (answer: string) => answer.replace('"old"', '"old",\n    1') };
  const TABLE = { edit: (answer: string) => `${answer}+---+\n` };
  // Without -i, docker gives the CLI no standard input: the function answers to {}.
  const NO_STDIN = {
    payload: '{"outcome":"still-fresh","satisfied":true,"remainingSeconds":600,"tokenVersion":42}',
  };
  const OTHER = 'something else than the answer';
  const says = (readError: string) => ({ readError: `\n${readError}\n` });
  const TRUST = says(
    'An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: Not authorized to perform sts:AssumeRoleWithWebIdentity',
  );
  const THROTTLED = { code: 'ThrottlingException', message: 'Rate exceeded' };
  const LIFE = '{"minRemainingSeconds":2700}';
  const FORCE = '{"force":true}';

  test.each([
    // [life in seconds, arguments, content, exit status, message, event]
    [2850, '--min-ttl=45m', {}, 0, 'token v42', ''],
    [120, '', {}, 0, ', 119 s left', ''],
    [121, '', {}, 0, ', 2 min left', ''],
    [7200, '', {}, 0, ', 119 min left', ''],
    [85_801, '', {}, 0, ', 23 h 50 min left', ''],
    [80, '--min-ttl 90', BACKOFF, 3, '--min-ttl 90 cannot be met', '{"minRemainingSeconds":90}'],
    [80, '--min-ttl 90s', BACKOFF, 3, '--min-ttl 90s cannot be met', '{"minRemainingSeconds":90}'],
    // A leading zero makes no octal number.
    [80, '--min-ttl 08m', BACKOFF, 3, 'cannot be met', '{"minRemainingSeconds":480}'],
    [80, '--min-ttl 48h', BACKOFF, 3, 'cannot be met', '{"minRemainingSeconds":172800}'],
    [3000, '', LATER, 0, ', 49 min left', ''],
    [3000, '', { status: '{"tokenVersion":42}' }, 4, 'does not describe v42 of the token', ''],
    // The job's clock misses a second: the refresher's word counts.
    [2690, '--min-ttl 2700', SATISFIED, 0, 'token v42', LIFE],
    [
      1210,
      '--min-ttl=45m',
      BACKOFF,
      3,
      'minting fails (TOKEN_REJECTED), and the newest token has 20 min',
      LIFE,
    ],
    [1210, '--min-ttl=45m', FAILED, 3, 'TOKEN_ENDPOINT_UNAVAILABLE: The "token" endpoint is down.', LIFE],
    [1210, '--min-ttl=45m', UNREACHABLE, 3, 'the refresher cannot be reached: Could not connect', null],
    [-5, '', {}, 4, 'no live token: v42 expired at 20', ''],
    [-5, '', FAILING, 4, 'minting fails: TOKEN_REJECTED', ''],
    [3000, '', NONE, 4, 'no live token: there is no /ci/genesys/access-token', ''],
    [3000, '', NONE, 4, '--min-ttl 1m', ''],
    [3000, '--min-ttl=45m', { ...NONE, ...FAILED }, 4, 'the refresher failed: TOKEN_ENDPOINT', LIFE],
    [3000, '', { status: '{"schemaVersion":2,"tokenVersion":42}' }, 4, 'copy it again', ''],
    [3000, '', { readError: 'Connect timeout on endpoint URL\n' }, 5, 'AWS cannot be reached', ''],
    [3000, '', CRLF, 0, 'token v42', ''],
    ...[BANNER, EMPTY, CUT, YAML, TABLE, SHORT_LIST, LONG_LIST].map(
      (one) => [3000, '', one, 5, OTHER, ''] as const,
    ),
    [600, '--min-ttl=45m', { ...NO_STDIN }, 5, OTHER, LIFE],
    [600, '--min-ttl=45m', { payload: 'Welcome!\n{}' }, 5, OTHER, LIFE],
    [
      3000,
      '--prefix /ci/a --profile p',
      NONE,
      4,
      "run 'access-token doctor genesys --prefix /ci/a --profile p'",
      '',
    ],
    [500, '--min-ttl=45m', SHORT, 3, 'tokens of this client live 10 min: give a shorter --min-ttl', LIFE],
    [3000, '', { status: statusOf(42, 2_000_000_000) }, 4, 'does not describe v42 of the token', ''],
    // Whose refusal it was: AWS's operation, or the AWS CLI.
    [3000, '', says('The config profile (nope) could not be found'), 5, 'the AWS CLI could not ask AWS', ''],
    [3000, '', says('Error when retrieving token from sso: Token has expired'), 5, 'could not ask AWS', ''],
    [
      3000,
      '',
      says('Error when retrieving credentials from custom-process: (AccessDenied)'),
      5,
      'could not ask',
      '',
    ],
    [3000, '', TRUST, 5, 'AWS refused sts:AssumeRoleWithWebIdentity, by which the AWS CLI gets', ''],
    [3000, '', TRUST, 5, 'docs/readers.md, "When it fails": trust policy (subject, audience)', ''],
    [3000, '', says('You must specify a region.'), 5, 'no AWS region is set', ''],
    [3000, '', { readError: THROTTLED }, 5, 'try again in a minute', ''],
    [3000, '--not-version 41', {}, 0, 'token v42', ''],
    [3000, '--not-version 42', MINTED, 0, 'token v43', FORCE],
    [3000, '--not-version v42', MINTED, 0, 'token v43', FORCE],
    [3000, '--not-version 42', SATISFIED, 4, 'v42 is the version that --not-version excludes', FORCE],
  ] as const)('%d s left, %j: %j', async (lifeSeconds, args, content, status, message, event) => {
    standIn.serve(accountContent(content, lifeSeconds));

    const job = await standIn.job([...GET, ...args.split(' ').filter(Boolean)]);

    const token = 'minted' in content ? 'new\n' : 'old\n';
    expect(job).toMatchObject({ status, stdout: status >= 4 ? '' : token });
    expect(job.stderr).toContain(message);
    // A refresher that cannot be reached is tried again, for how long is up to the clock.
    if (event !== null) expect(standIn.events()).toBe(event);
  });

  test.each([
    [5, { readError: { code: 'ExpiredTokenException', message: 'expired' } }, '{"error":"refused"}\n'],
    [5, { readError: { code: 'AccessDeniedException', message: 'no' } }, '{"error":"refused"}\n'],
    [5, { readError: '\nConnect timeout on endpoint URL: "https://ssm.…"\n' }, '{"error":"unreachable"}\n'],
    [5, { readError: THROTTLED }, '{"error":"unreachable"}\n'],
    [5, { readError: '\nThe config profile (nope) could not be found\n' }, '{"error":"failed"}\n'],
    [4, NONE, ''],
  ])('--json with status %d says to a program why: %j', async (status, content, stdout) => {
    standIn.serve(accountContent(content));

    expect(await standIn.job([...GET, '--json'])).toMatchObject({ status, stdout });
  });

  test.each([
    [3, 3000, '{"token":"old","version":42,"fingerprint":"9f86d081884c","expiresAtEpoch":EXPIRY}\n'],
    [4, -1, ''],
  ])('--json with status %d', async (status, lifeSeconds, stdout) => {
    const content = accountContent({}, lifeSeconds);
    standIn.serve(content);

    const job = await standIn.job([...GET, '--json', '--min-ttl', '2h']);

    const { expiresAtEpoch } = JSON.parse(content.status ?? '');
    expect(job).toMatchObject({ status, stdout: stdout.replace('EXPIRY', expiresAtEpoch) });
  });
});

describe('with the AWS CLI', () => {
  let reader: Reader;

  beforeEach(async () => {
    reader = await openReader(findAwsClis()[0] as AwsCli);
  });
  afterEach(() => reader.close());

  const store = (token: string, lifeSeconds: number): number => {
    const version = reader.storeToken(token);
    reader.storeStatus({ version, lifeSeconds });
    return version;
  };

  test('a new token is awaited where Parameter Store still shows the old one', async () => {
    store('old', 100);
    reader.refresher(() => {
      const tokenVersion = store('new', 3600);
      const match = { operation: 'GetParameters' };
      reader.aws.faults.add({ match, fault: { kind: 'stale-read' }, times: 1 });
      return { payload: { outcome: 'refreshed', satisfied: true, tokenVersion } };
    });

    expect(await reader.job([...GET, '--min-ttl', '45m'])).toMatchObject({ status: 0, stdout: 'new\n' });
  });

  test.each([
    ['a mint in flight (token written, status not yet)', 1, false],
    ['the next beat, where a token was written by hand,', 4, true],
  ])('%s is waited for', async (_name, readsBefore, told) => {
    store('old', 100);
    const version = reader.storeToken('new');
    const reads = reader.aws.faults.hook('after-executing', { operation: 'GetParameters' }, () => {
      if (reads.hits === readsBefore) reader.storeStatus({ version, lifeSeconds: 3600 });
    });

    const job = await reader.job(GET, { policies: [READ] });

    expect(job).toMatchObject({ status: 0, stdout: 'new\n' });
    expect(job.stderr.includes("waiting for the refresher's next invocation")).toBe(told);
  });

  test.each(['throttle', 'server-error'] as const)(
    'a read that meets a %s is tried again, beyond the retries of the CLI too',
    async (kind) => {
      store('stored', 2850);
      const fault = reader.aws.faults.add({ fault: { kind }, times: 2 });

      const job = await reader.job(GET, { policies: [READ], env: { AWS_MAX_ATTEMPTS: '1' } });

      expect(job).toMatchObject({ status: 0, stdout: 'stored\n' });
      expect(fault.hits).toBe(2);
    },
  );

  test('a throttled job waits for the running mint', async () => {
    store('old', 100);
    const match = { service: 'lambda' } as const;
    const busy = reader.aws.faults.add({ match, fault: { kind: 'throttle' }, times: 1 });
    reader.aws.faults.hook('before-executing', { operation: 'GetParameters' }, () => {
      if (busy.hits > 0) store('minted for another', 3600);
    });
    reader.refresher(() => ({ payload: { outcome: 'refreshed' } }));

    const job = await reader.job([...GET, '--min-ttl', '45m']);

    expect(job).toMatchObject({ status: 0, stdout: 'minted for another\n' });
    expect(reader.aws.requests.filter(({ operation }) => operation === 'Invoke')).toHaveLength(1);
  });

  test('another prefix and another function are honoured', async () => {
    reader.storeToken('of the team', 'team/a/genesys');
    reader.storeStatus({ lifeSeconds: 10 }, 'team/a/genesys');
    const asked: string[] = [];
    for (const name of ['token-refresher-ci-team-a-genesys', 'my-own'])
      reader.refresher(() => {
        asked.push(name);
        return { payload: { outcome: 'still-fresh', satisfied: false, tokenVersion: 1 } };
      }, name);
    const options = { policies: [EVERY_PERMISSION] };

    await reader.job([...GET, '--prefix', '/ci/team/a/', '--min-ttl', '1h'], options);
    await reader.job([...GET, '--prefix=/ci/team/a', '--min-ttl', '1h', '--function', 'my-own'], options);

    expect(asked).toEqual(['token-refresher-ci-team-a-genesys', 'my-own']);
  });

  const NO_CREDENTIALS = {
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const NO_REGION = { AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined };
  const UNKNOWN = { AWS_ACCESS_KEY_ID: 'ASIANOBODY' };
  const NOT_REFRESH =
    'AWS refused lambda:InvokeFunction on arn:aws:lambda:eu-central-1:111122223333:function:';

  test.each([
    ['that may not refresh', '45m', { policies: [READ] }, NOT_REFRESH],
    [
      'that may not refresh',
      '45m',
      { policies: [READ] },
      'for arn:aws:sts::111122223333:assumed-role/ci/job',
    ],
    ['that may not refresh', '45m', { policies: [READ] }, 'grantRefresh(role)'],
    [
      'that may not use the key',
      '1s',
      { policies: [READ, NO_KEY] },
      'AWS refused kms:Decrypt on arn:aws:kms:',
    ],
    ['whose function is not there', '45m', {}, 'there is no such function'],
    ['without credentials', '1s', { env: NO_CREDENTIALS }, 'the job has no AWS credentials'],
    ['with unknown credentials', '1s', { env: UNKNOWN }, "does not accept the job's credentials"],
    ['without a region', '1s', { env: NO_REGION }, 'no AWS region is set'],
  ])('a job %s ends with status 5', async (_name, life, options, message) => {
    store('stored', 600);

    const job = await reader.job([...GET, '--min-ttl', life], options);

    expect(job).toMatchObject({ status: 5, stdout: '' });
    expect(job.stderr).toContain(message);
  });

  test('get, --min-ttl and doctor need no more permissions than the grants', async () => {
    store('stored', 600);
    reader.refresher(() => ({
      payload: { outcome: 'still-fresh', satisfied: false, tokenVersion: 1, steps: [] },
    }));

    await reader.job([...GET, '--min-ttl', '45m']);
    await reader.job(['doctor', 'genesys']);

    const asked = new Set(reader.aws.calls.map(({ iamAction }) => iamAction));
    expect([...asked].sort()).toEqual(['lambda:InvokeFunction', 'ssm:GetParameters']);
    expect(reader.aws.calls.every(({ allowed }) => allowed)).toBe(true);
  });
});

import { type AwsCli, findAwsClis } from './support/aws-cli.ts';
import { accountContent, installStandIn, type StandIn, statusOf } from './support/aws-stand-in.ts';
import { openPipeline, type Pipeline } from './support/pipeline.ts';
import { type Ended, run } from './support/process.ts';
import { NO_KEY, openReader, READ, REFRESH, type Reader } from './support/reader.ts';

const cli = findAwsClis()[0] as AwsCli;
const DOCTOR = ['doctor', 'genesys'];

/** The rows of doctor's table by step: result, whose fault, and what to do. */
function rows({ stdout }: Ended): Record<string, string[]> {
  const lines = stdout.slice(stdout.indexOf('STEP ')).trimEnd().split('\n').slice(1);
  return Object.fromEntries(
    lines.map((line) => line.split(/ {2,}/)).map(([step = '', ...cells]) => [step, cells]),
  );
}

describe('on the synthesized function', () => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await openPipeline(cli);
  });
  beforeEach(() => pipeline.startAfresh());
  afterAll(() => pipeline.close());

  const doctor = () =>
    run(['ci/access-token', ...DOCTOR], { cwd: pipeline.checkout, env: pipeline.environment() });

  test('reports no fault if everything works', async () => {
    const job = await doctor();

    expect(job).toMatchObject({ status: 0, stderr: '' });
    expect(Object.entries(rows(job)).map(([step, [result]]) => `${step}: ${result}`)).toEqual([
      'job: identity: ok',
      'refresher: config: ok',
      'refresher: secret: ok',
      'refresher: token-endpoint: ok',
      'refresher: scope: ok',
      'refresher: probe: ok',
      'refresher: parameters: ok',
      'refresher: clock: ok',
      'refresher: schedule: ok',
      'job: read parameters: ok',
      'token: life: ok',
      'token: secret: ok',
      'token: schedule: ok',
      'job: decrypt token: ok',
    ]);
  });

  test('prints whose fault the function calls a failed step', async () => {
    pipeline.authorizationServer.replaceClientSecret(pipeline.clientId, 'changed-at-the-provider-only');
    const refused = await doctor();
    pipeline.aws.faults.add({ match: { service: 'secretsmanager' }, fault: { kind: 'deny' } });
    const denied = await doctor();

    expect(rows(refused)['refresher: token-endpoint']?.slice(0, 2)).toEqual(['TOKEN_REJECTED', 'secret']);
    expect(rows(refused)['refresher: probe']?.slice(0, 2)).toEqual(['skipped', '-']);
    expect(rows(denied)['refresher: secret']?.slice(0, 2)).toEqual(['SECRET_UNAVAILABLE', 'IAM']);
    expect([refused.status, denied.status]).toEqual([3, 3]);
  });
});

describe('on calls of the job that AWS refuses', () => {
  let reader: Reader;

  beforeEach(async () => {
    reader = await openReader(cli);
    reader.storeToken('stored');
    reader.storeStatus();
    reader.refresher(() => ({ payload: { healthy: true, steps: [{ step: 'config', ok: true }] } }));
  });
  afterEach(() => reader.close());

  const CALLS = ['job: identity', 'job: read parameters', 'refresher: invoke'];
  const refused = (fault: string) => ['refused', fault];

  test.each([
    [
      'may not read and not invoke: IAM',
      { policies: [] },
      { 'job: read parameters': refused('IAM'), 'refresher: invoke': refused('IAM') },
      /grantRefresh\(role\)[\s\S]*grantRead\(role\)/,
    ],
    [
      'may not use the key: KMS',
      { policies: [READ, REFRESH, NO_KEY] },
      { 'job: read parameters': ['ok', '-'], 'job: decrypt token': refused('KMS') },
      /grantRead\(role\)/,
    ],
    [
      'is not known to AWS: credentials',
      { env: { AWS_ACCESS_KEY_ID: 'ASIANOBODY' } },
      Object.fromEntries(CALLS.map((call) => [call, refused('credentials')])),
      /take the role again/,
    ],
  ])('a job that %s', async (_name, options, results, advice) => {
    const job = await reader.job(DOCTOR, options);

    const table = Object.entries(rows(job)).map(([step, cells]) => [step, cells.slice(0, 2)]);
    expect(Object.fromEntries(table)).toMatchObject(results);
    expect(job).toMatchObject({ status: 5, stdout: expect.stringMatching(advice) });
  });
});

describe('on what is stored and what the function answers', () => {
  let standIn: StandIn;

  beforeEach(() => {
    standIn = installStandIn();
  });
  afterEach(() => standIn.remove());

  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
  const failing = (code: string) => ({ lastFailure: { code, at: ago(60), consecutive: 12 } });
  const described = (life: number, more: object) => ({ status: statusOf(42, life, more) });
  const OLD = {
    lastFailure: { code: 'TOKEN_REJECTED', at: ago(9000), consecutive: 5, retryAt: ago(8700) },
  };
  const first = (more: object) => ({
    token: null,
    version: null,
    status: JSON.stringify({ schemaVersion: 1, tokenVersion: null, ...more }),
  });
  const step = (fields: object) => ({ payload: JSON.stringify({ steps: [fields] }) });
  const unread = { step: 'secret', ok: false, code: 'SECRET_UNAVAILABLE', message: 'Not read.' };
  const empty = { step: 'scope', ok: true, warning: 'It is empty.', fault: 'token endpoint' };
  const notFound = { code: 'ResourceNotFoundException', message: 'Function not found' };
  const nothing = { token: null, version: null, status: null, invokeError: notFound };
  const invalid = { payload: '{"errorType":"CONFIG_INVALID"}', functionError: 'Unhandled' } as const;
  const DOWN = 'TOKEN_ENDPOINT_UNAVAILABLE';

  test.each([
    // [content, exit status, a row's cells]
    [described(3000, { secretStage: 'AWSPREVIOUS' }), 3, 'token: secret|AWSPREVIOUS|secret'],
    [described(300, { refreshDueAt: ago(400) }), 3, 'token: schedule|OVERDUE|schedule|due at 20'],
    [described(300, { refreshDueAt: ago(100) }), 0, 'token: schedule|ok|-|next mint due'],
    [described(-10, failing(DOWN)), 4, 'token: life|expired|token endpoint|v42 expired at 20'],
    [described(900, failing(DOWN)), 3, `token: minting|${DOWN}|token endpoint|${DOWN}, 12 in a row`],
    [described(900, failing('PARAMETER_UNAVAILABLE')), 3, 'token: minting|PARAMETER_UNAVAILABLE|SSM'],
    [described(900, failing('TOKEN_REJECTED')), 3, 'token: minting|TOKEN_REJECTED|secret'],
    [{ status: statusOf(41, 3000) }, 4, 'token: life|unknown|refresher'],
    [first(failing(DOWN)), 4, 'token: life|missing|token endpoint'],
    [first({}), 4, 'token: life|missing|refresher'],
    [nothing, 5, 'token: life|missing|name|there is no /ci/genesys/access-token and no'],
    [
      nothing,
      5,
      "refresher: invoke|missing|name|there is no such function: no refresher 'genesys' in account 1",
    ],
    [invalid, 3, 'refresher: diagnose|CONFIG_INVALID|stack'],
    [step({ ...unread, fault: 'KMS' }), 3, 'refresher: secret|SECRET_UNAVAILABLE|KMS|Not read.'],
    // An older function tells no fault: it is one all the same.
    [step(unread), 3, 'refresher: secret|SECRET_UNAVAILABLE|-|Not read.'],
    // It can be pasted into a shell.
    [step({ ...unread, remedy: 'Store {"id":"a\\\\b"}.' }), 3, '|Not read. Store {"id":"a\\\\b"}.'],
    [{ edit: () => 'null\n' }, 5, 'refresher: invoke|failed|AWS CLI'],
    // Without standard input the function answers as to {}.
    [{ payload: '{"outcome":"still-fresh","satisfied":true}' }, 5, 'refresher: diagnose|failed|AWS CLI'],
    [described(900, OLD), 3, 'token: schedule|OVERDUE|schedule|the last try was at 20'],
    [first(OLD), 4, 'token: life|missing|schedule'],
    [
      described(3000, { secretCreatedAt: ago(91 * 86_400) }),
      0,
      'token: secret age|warning|secret|the client secret is 91 d',
    ],
    [described(3000, { secretCreatedAt: ago(89 * 86_400) }), 0, 'token: schedule|ok'],
    [step(empty), 0, 'refresher: scope|warning|token endpoint|It is empty.'],
  ])('%j: status %d, %s', async (content, status, cells) => {
    standIn.serve(accountContent(content));

    const job = await standIn.job(['doctor', 'genesys']);

    expect(job.stdout.replace(/ {2,}/g, '|')).toContain(cells);
    expect(job).toMatchObject({ status, stderr: '' });
  });

  test('prints the problem first: the function’s sentence, else its own first finding', async () => {
    const problem = 'Nobody invoked the function: enable the schedule.';
    standIn.serve(
      accountContent({ payload: JSON.stringify({ problem, steps: [{ step: 'config', ok: true }] }) }),
    );
    const told = await standIn.job(DOCTOR);
    standIn.serve(accountContent(described(-10, {})));
    const found = await standIn.job(DOCTOR);

    expect(told.stdout).toMatch(/^PROBLEM: Nobody invoked the function: enable the schedule\.\n\nSTEP /);
    expect(found.stdout).toMatch(/^PROBLEM: v42 expired at 20.*\n\nSTEP /);
  });

  test.each([
    ['The config profile (nope) could not be found', 'credentials'],
    ['Error loading SSO Token: Token for x does not exist', 'credentials'],
    ['You must specify a region. You can also configure your region by running "aws configure".', 'region'],
    [
      'An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: Not authorized to perform sts:AssumeRoleWithWebIdentity',
      'credentials',
    ],
    [
      'An error occurred (ExpiredTokenException) when calling the AssumeRole operation: expired',
      'credentials',
    ],
  ])('%s: %s in every row, and no grant is advised', async (message, fault) => {
    const error = `\n${message}\n`;
    standIn.serve(accountContent({ readError: error, invokeError: error }));

    const job = await standIn.job(DOCTOR);

    expect(Object.values(rows(job)).map((cells) => cells[1])).toEqual([fault, fault, fault]);
    expect(job.stdout).not.toMatch(/grant(Read|Refresh)/);
    expect(job).toMatchObject({ status: 5, stderr: '' });
  });
});

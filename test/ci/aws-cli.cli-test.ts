import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serializeStatus } from '../../lambda/refresh/status.ts';
import type { PolicyDocument } from '../../local/aws/operation.ts';
import { openAccount } from '../../local/harness.ts';
import { findAwsClis, installAwsCommand, policy, READ, REFRESH } from './support/aws-cli.ts';
import { AWKWARD_TOKEN, accountContent, installStandIn, SCRIPT } from './support/aws-stand-in.ts';
import { run } from './support/process.ts';
import { ALL_SHELLS, requireShells } from './support/shells.ts';

/** The release whose copies of the script are in other people's repositories. */
const BASELINE = 'e6503e4';
const EVERYTHING = policy('Allow', '*');
const NO_KEY = policy('Deny', 'kms:*');

const clis = findAwsClis().map((one) => ({ ...one, directory: mkdtempSync(join(tmpdir(), 'aws-command-')) }));
const [cli] = clis as [(typeof clis)[number]];
const home = mkdtempSync(join(tmpdir(), 'job-'));
let account: Awaited<ReturnType<typeof openAccount>>;

beforeAll(async () => {
  requireShells();
  account = await openAccount({ tokenName: 'genesys' });
  for (const one of clis) installAwsCommand(one, account.aws.url, one.directory);
});
afterAll(() => account.close());

function environment(directory: string, policies: readonly PolicyDocument[] = [READ, REFRESH]) {
  const PATH = `${directory}:${process.env.PATH}`;
  return { ...account.jobEnvironment(policies), PATH, HOME: home, TMPDIR: home };
}

function refresher(invoke: (event: object) => object, name = 'token-refresher-ci-genesys'): void {
  const answer = (event: unknown) => invoke(event as object) as { payload: object };
  account.aws.lambda.register({ name, concurrency: 1, invoke: async (event) => answer(event) });
}

/** Stores a token with 47 minutes of life, as the function does it today. */
function store(token: string): number {
  const version = account.storeToken(token);
  const at = (seconds: number) => new Date(Date.now() + seconds * 1000);
  const status = {
    version,
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
  account.storeStatus(serializeStatus({ provider: 'genesys-cloud', token: status, lastFailure: null }));
  return version;
}

// The first AWS CLI under every shell; the other, which a shell cannot make any different, under the first.
test.each(
  clis.flatMap((one, index) =>
    ALL_SHELLS.slice(0, index === 0 ? undefined : 1).map(({ name, shell }) => ({ ...one, name, shell })),
  ),
)('every verb, under $name, with the AWS CLI $version and the grants alone', async ({ shell, directory }) => {
  const version = store(AWKWARD_TOKEN);
  const events: unknown[] = [];
  refresher((event) => {
    events.push(event);
    if ('diagnose' in event) return { payload: { steps: [{ step: 'secret', ok: true }] } };
    return { payload: { outcome: 'refreshed', satisfied: true, tokenVersion: store('second-token') } };
  });
  const options = { cwd: home, env: environment(directory) };
  const job = (...args: string[]) => run([...shell, SCRIPT, ...args], options);

  const json = await job('get', 'genesys', '--json');
  const command = ['sh', '-c', 'printf "%s\\n" "$$ $MY_TOKEN $1"; exit 7', 'name', 'a b'];
  const words = [...shell, SCRIPT, 'exec', 'genesys', '--env', 'MY_TOKEN', '--', ...command];
  const exec = await run(['sh', '-c', 'echo "$$"; exec "$@"', 'sh', ...words], options);
  const doctor = await job('doctor', 'genesys');
  const expiresAtEpoch = account.status()?.expiresAtEpoch;
  const fresh = await job('get', 'genesys', '--min-ttl', '50m');

  expect(json.stderr).toMatch(/^token v\d+ 9f86d081884c expires \d\d:\d\d:\d\dZ, 47 min left$/m);
  const described = { version, fingerprint: '9f86d081884c', expiresAtEpoch };
  expect(JSON.parse(json.stdout)).toEqual({ token: AWKWARD_TOKEN, ...described });
  const [pid] = exec.stdout.split('\n');
  expect(exec).toMatchObject({ status: 7, stdout: `${pid}\n${pid} ${AWKWARD_TOKEN} a b\n` });
  expect(doctor).toMatchObject({ status: 0, stderr: '' });
  expect(doctor.stdout.split('\n').map((line) => line.replace(/ {2,}/g, '  ').trim())).toEqual([
    'STEP  RESULT  FAULT  DETAIL, OR WHAT TO DO',
    expect.stringMatching(/^job: identity {2}ok {2}- {2}.*assumed-role\/ci\/job in eu-central-1$/),
    'refresher: secret  ok  -',
    'job: read parameters  ok  -  /ci/genesys/access-token, /ci/genesys/token-status',
    expect.stringMatching(/^token: life {2}ok {2}- {2}v\d+, 47 min left, until 20/),
    'token: secret  ok  -  minted with AWSCURRENT',
    expect.stringMatching(/^token: schedule {2}ok {2}- {2}next mint due 20/),
    `job: decrypt token  ok  -  v${version}`,
    '',
  ]);
  expect(events).toEqual([{ diagnose: true }, { minRemainingSeconds: 3000 }]);
  expect(fresh).toMatchObject({ status: 0, stdout: 'second-token\n' });
});

test('a copy of the baseline works on the stack of today', async () => {
  const path = join(home, BASELINE);
  writeFileSync(path, spawnSync('git', ['show', `${BASELINE}:ci/access-token`]).stdout);
  const failed = { step: 'secret', ok: false, code: 'SECRET_MALFORMED', fault: 'secret' };
  store('stored');
  refresher(() => ({ payload: { healthy: false, steps: [{ step: 'config', ok: true }, failed] } }));
  const call = (...args: string[]) => run(['sh', path, ...args], { env: environment(cli.directory) });

  const get = await call('get', 'genesys', '--min-ttl', '30m');
  const exec = await call('exec', 'genesys', '--', 'printenv', 'ACCESS_TOKEN');
  const table = await call('status', 'genesys');
  const doctor = await call('doctor', 'genesys');

  expect(get).toMatchObject({ status: 0, stdout: 'stored\n' });
  expect(exec).toMatchObject({ status: 0, stdout: 'stored\n' });
  expect(table).toMatchObject({ status: 0, stdout: expect.stringMatching(/^life +47 min left/m) });
  expect(doctor).toMatchObject({ status: 3, stdout: expect.stringMatching(/^token: schedule +ok/m) });
  expect(doctor.stdout).toMatch(/^refresher: secret +SECRET_MALFORMED +secret /m);
});

const GET = 'get genesys --min-ttl 1h';
const NO_CREDENTIALS = {
  AWS_ACCESS_KEY_ID: undefined,
  AWS_SECRET_ACCESS_KEY: undefined,
  AWS_EC2_METADATA_DISABLED: 'true',
};
const NO_REGION = { AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined };

describe.each(clis)('with the AWS CLI $version', ({ directory }) => {
  test.each<[string, PolicyDocument[], object, RegExp]>([
    [GET, [], {}, /AWS refused ssm:GetParameters on arn:.*\n.*\n.*grantRead\(role\)/],
    [GET, [READ, NO_KEY], {}, /AWS refused kms:Decrypt on arn:aws:kms:/],
    [GET, [READ], {}, /refused lambda:InvokeFunction on arn:.* for arn:.*assumed-role\/ci\/job/],
    [`${GET} --function other`, [EVERYTHING], {}, /there is no such function/],
    [GET, [READ], NO_CREDENTIALS, /the job has no AWS credentials/],
    [GET, [READ], { AWS_ACCESS_KEY_ID: 'ASIANOBODY' }, /does not accept the job's credentials/],
    [GET, [READ], NO_REGION, /no AWS region is set/],
    [
      'doctor genesys',
      [READ, REFRESH, NO_KEY],
      {},
      /read parameters +ok .*[\s\S]*decrypt token +refused +KMS/,
    ],
  ])('%s with the policies %j and %j ends with status 5: %s', async (args, policies, extra, message) => {
    store('stored');
    const env = { ...environment(directory, policies), ...extra };

    const job = await run(['sh', SCRIPT, ...args.split(' ')], { env });

    expect(job.status).toBe(5);
    expect(job.stdout + job.stderr).toMatch(message);
  });
});

const TOKEN = '/ci/genesys/access-token';
const STATUS = '/ci/genesys/token-status';
const first = `Parameters[?Name=='${TOKEN}'].Version|[0],Parameters[?Name=='${STATUS}'].Value|[0]`;
/** The calls of access-token, as it makes them: /dev/stdout is a pipe there, and a socket below Node. */
const CALLS = [
  `ssm get-parameters --names ${TOKEN} ${STATUS} --with-decryption --query "[${first},Parameters[?Name=='${TOKEN}'].Value|[0]]"`,
  `ssm get-parameters --names ${TOKEN} ${STATUS} --no-with-decryption --query "[${first},'']"`,
  `ssm get-parameters --names ${TOKEN} --with-decryption --query 'Parameters[].Version'`,
  'sts get-caller-identity --query Arn',
  'lambda invoke --function-name f --payload fileb:///dev/stdin --query FunctionError /dev/stdout',
].map((call) => `answer=$(printf {} | aws ${call} --output json) && printf '%s\\n' "$answer"`);

test.each(clis)('the stand-in prints what the AWS CLI $version prints', async ({ directory }) => {
  const standIn = installStandIn();
  // All that JSON's encoder has something to do for.
  const status = `$(x) {"key":"a \\"b\\""} \\ \u001b\u0001\u007f\u0085\u202e\ufeff\n\t\r/ ${'A'.repeat(3000)}`;
  const token = '"\\ [2J';
  const error = { errorType: 'X', errorMessage: 'a "quoted" \u001b\u202e\n\\ text' };
  const version = account.storeToken(token);
  account.storeStatus(status);
  refresher(() => ({ failure: error }), 'f');
  const callAll = (path: string, policies: PolicyDocument[]) => {
    const env = environment(path, policies);
    return Promise.all(CALLS.map((call) => run(['sh', '-c', call], { env })));
  };

  const printed = await callAll(directory, [EVERYTHING]);
  const refused = await callAll(directory, []);
  const payload = JSON.stringify(error);
  standIn.serve(accountContent({ token, version, status, payload, functionError: 'Unhandled' }));
  const stoodIn: Awaited<typeof printed> = [];
  for (const call of CALLS) stoodIn.push(await run(['sh', '-c', call], { env: standIn.environment }));

  expect(stoodIn).toEqual(printed);
  expect(refused[0]?.stderr).toMatch(
    /^\nAn error occurred \(AccessDeniedException\) when calling the GetParameters operation: .*\n$/,
  );
});

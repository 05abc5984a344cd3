import {
  type AccountContent,
  accountContent,
  ago,
  installStandIn,
  statusOf,
} from './support/aws-stand-in.ts';

const standIn = installStandIn();

const NEW = { token: 'new', version: 43, status: statusOf(43, 3500) };
const NONE = { token: null, version: null, status: null };
const FAILED = {
  payload: '{"errorType":"TOKEN_ENDPOINT_UNAVAILABLE","errorMessage":"The \\"token\\" endpoint is down."}',
  functionError: 'Unhandled',
} as const;
const SATISFIED = { payload: '{"outcome":"still-fresh","satisfied":true,"tokenVersion":42}' };
const BACKOFF = { payload: '{"satisfied":false,"tokenVersion":42,"failure":"TOKEN_REJECTED"}' };
const MINTED = { payload: '{"satisfied":true,"tokenVersion":43}' };
// Parameter Store still shows the old one, once.
const MINTED_LATE = { ...MINTED, changes: { 4: NEW } };
const THROTTLED = { code: 'ThrottlingException', message: 'Rate exceeded' };
const BUSY = { invokeError: { code: 'TooManyRequestsException', message: 'Rate Exceeded.' } };
const UNREACHABLE = { invokeError: '\nCould not connect to the endpoint URL: "https://lambda.…"\n' };
const FAILING = { status: statusOf(42, -5, { lastFailure: { code: 'TOKEN_REJECTED', consecutive: 3 } }) };
const SHORT = {
  ...BACKOFF,
  status: statusOf(42, 500, { issuedAt: ago(100) }),
};
// A field that a newer stack adds behind the others changes none of them.
const LATER = { status: statusOf(42, 3000, { history: [{ tokenVersion: 7, expiresAtEpoch: 1 }] }) };
// The token is written first, and its status with the next call, or with the next invocation.
const IN_FLIGHT = { ...NEW, status: statusOf(42, 100) };
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
const REPEATED = '--prefix /ci/a --profile p';
const LIFE = '{"minRemainingSeconds":2700}';
const FORCE = '{"force":true}';

test.each<[number, string, Partial<AccountContent>, number, string | RegExp, string]>([
  // [life in seconds, options, content, exit status, message, event]
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
  [3000, '', { status: statusOf(42, 2_000_000_000) }, 4, 'does not describe v42 of the token', ''],
  [3000, '', { status: '{"schemaVersion":2,"tokenVersion":42}' }, 4, 'copy it again', ''],
  // The job's clock misses a second: the refresher's word counts.
  [2690, '--min-ttl 2700', SATISFIED, 0, 'token v42', LIFE],
  [1210, '--min-ttl=45m', BACKOFF, 3, 'fails (TOKEN_REJECTED), and the newest token has 20 min', LIFE],
  [1210, '--min-ttl=45m', FAILED, 3, 'TOKEN_ENDPOINT_UNAVAILABLE: The "token" endpoint is down.', LIFE],
  [1210, '--min-ttl=45m', UNREACHABLE, 3, 'the refresher cannot be reached: Could not connect', LIFE],
  [500, '--min-ttl=45m', SHORT, 3, 'tokens of this client live 10 min: give a shorter --min-ttl', LIFE],
  [-5, '', {}, 4, 'no live token: v42 expired at 20', ''],
  [-5, '', FAILING, 4, 'minting fails: TOKEN_REJECTED', ''],
  [3000, '', NONE, 4, /there is no \/ci\/genesys\/access-token\n.*--min-ttl 1m/, ''],
  [3000, REPEATED, NONE, 4, `run 'access-token doctor genesys ${REPEATED}'`, ''],
  [3000, '--min-ttl=45m', { ...NONE, ...FAILED }, 4, 'the refresher failed: TOKEN_ENDPOINT', LIFE],
  [100, '--min-ttl=45m', MINTED_LATE, 0, 'token v43', LIFE],
  [100, '--min-ttl=45m', { ...BUSY, changes: { 3: NEW } }, 0, 'token v43', LIFE],
  [0, '', { ...IN_FLIGHT, changes: { 2: NEW } }, 0, /^token v43/, ''],
  [0, '', { ...IN_FLIGHT, changes: { 5: NEW } }, 0, "waiting for the refresher's next invocation", ''],
  [3000, '', { readError: THROTTLED, changes: { 3: { readError: '' } } }, 0, 'token v42', ''],
  [3000, '', { readError: THROTTLED }, 5, 'try again in a minute', ''],
  [3000, '', CRLF, 0, 'token v42', ''],
  ...[BANNER, EMPTY, CUT, YAML, TABLE, SHORT_LIST, LONG_LIST].map(
    (one): [number, string, object, number, string, string] => [3000, '', one, 5, OTHER, ''],
  ),
  [600, '--min-ttl=45m', NO_STDIN, 5, OTHER, LIFE],
  [600, '--min-ttl=45m', { payload: 'Welcome!\n{}' }, 5, OTHER, LIFE],
  // Whose refusal it was: AWS's operation, or the AWS CLI.
  [3000, '', says('Connect timeout on endpoint URL'), 5, 'AWS cannot be reached', ''],
  [3000, '', says('The config profile (nope) could not be found'), 5, 'the AWS CLI could not ask AWS', ''],
  [3000, '', says('Error when retrieving token from sso: (AccessDenied)'), 5, 'could not ask AWS', ''],
  [3000, '', TRUST, 5, /sts:AssumeRoleWithWebIdentity, by which .*\n.*\n.*trust policy \(subject/, ''],
  [3000, '--not-version 41', {}, 0, 'token v42', ''],
  [3000, '--not-version v42', { ...MINTED, changes: { 3: NEW } }, 0, 'token v43', FORCE],
  [3000, '--not-version 42', SATISFIED, 4, 'v42 is the version that --not-version excludes', FORCE],
])('%d s left, %j: %j', async (lifeSeconds, options, content, status, message, event) => {
  const account = accountContent(content, lifeSeconds);
  standIn.serve(account);

  const job = await standIn.job(['get', 'genesys', ...options.split(' ').filter(Boolean)]);

  const token = Object.values(account.changes ?? {})[0]?.token ?? account.token;
  expect(job).toMatchObject({ status, stdout: status >= 4 ? '' : `${token}\n` });
  expect(job.stderr).toMatch(message);
  // A refresher that cannot be reached is tried again, how often is up to the clock.
  expect([...new Set(standIn.events())].join()).toBe(event);
});

test.each<[number, Partial<AccountContent>, string]>([
  [3, {}, '{"token":"old","version":42,"fingerprint":"9f86d081884c","expiresAtEpoch":EXPIRY}\n'],
  [4, NONE, ''],
  [5, { readError: { code: 'ExpiredTokenException', message: 'expired' } }, '{"error":"refused"}\n'],
  [5, { readError: THROTTLED }, '{"error":"unreachable"}\n'],
  [5, says('The config profile (nope) could not be found'), '{"error":"failed"}\n'],
])('--json with status %d says to a program why: %j', async (status, content, stdout) => {
  const account = accountContent(content);
  standIn.serve(account);

  const job = await standIn.job(['get', 'genesys', '--json', '--min-ttl', '2h']);

  const { expiresAtEpoch } = JSON.parse(account.status ?? '{}');
  expect(job).toMatchObject({ status, stdout: stdout.replace('EXPIRY', expiresAtEpoch) });
});

test('another prefix and another function are honoured', async () => {
  const prefix = ['get', 'genesys', '--min-ttl', '1h', '--prefix', '/ci/team/a/'];
  standIn.serve(accountContent());

  await standIn.job(prefix);
  await standIn.job([...prefix, '--function', 'my-own']);

  const [read, invoked, , , , invokedOther] = standIn.calls().split('\n');
  expect(read).toContain('--names /ci/team/a/genesys/access-token /ci/team/a/genesys/token-status');
  expect(invoked).toContain('--function-name token-refresher-ci-team-a-genesys');
  expect(invokedOther).toContain('--function-name my-own');
});

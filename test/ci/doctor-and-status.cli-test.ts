import {
  type AccountContent,
  accountContent,
  ago,
  installStandIn,
  statusOf,
} from './support/aws-stand-in.ts';

const standIn = installStandIn();

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
const answer = (fields: object) => ({ payload: JSON.stringify(fields) });
const step = (fields: object) => answer({ steps: [fields] });
const unread = { step: 'secret', ok: false, code: 'SECRET_UNAVAILABLE', message: 'Not read.' };
const skipped = { step: 'probe', ok: false, skipped: true, message: 'No token.' };
const empty = { step: 'scope', ok: true, warning: 'It is empty.', fault: 'token endpoint' };
const nothing = {
  token: null,
  version: null,
  status: null,
  invokeError: { code: 'ResourceNotFoundException', message: 'Function not found' },
};
const denied = (message: string) => ({ code: 'AccessDeniedException', message });
const invalid = { payload: '{"errorType":"CONFIG_INVALID"}', functionError: 'Unhandled' } as const;
const DOWN = 'TOKEN_ENDPOINT_UNAVAILABLE';

test.each<[Partial<AccountContent>, number, string]>([
  // [content, exit status, a row's cells]
  [{}, 0, 'STEP|RESULT|FAULT|DETAIL, OR WHAT TO DO\njob: identity|ok|-|arn:aws:sts::'],
  [described(3000, { secretStage: 'AWSPREVIOUS' }), 3, 'token: secret|AWSPREVIOUS|secret'],
  [described(300, { refreshDueAt: ago(400) }), 3, 'token: schedule|OVERDUE|schedule|due at 20'],
  [described(300, { refreshDueAt: ago(100) }), 0, 'token: schedule|ok|-|next mint due'],
  // Its own first finding is the problem, where the function tells none.
  [described(-10, {}), 4, 'PROBLEM: v42 expired at 20'],
  [described(-10, failing(DOWN)), 4, 'token: life|expired|token endpoint|v42 expired at 20'],
  [described(900, failing(DOWN)), 3, `token: minting|${DOWN}|token endpoint|${DOWN}, 12 in a row`],
  [described(900, failing('PARAMETER_UNAVAILABLE')), 3, 'token: minting|PARAMETER_UNAVAILABLE|SSM'],
  [described(900, failing('TOKEN_REJECTED')), 3, 'token: minting|TOKEN_REJECTED|secret'],
  [{ status: statusOf(41, 3000) }, 4, 'token: life|unknown|refresher'],
  [first(failing(DOWN)), 4, 'token: life|missing|token endpoint'],
  [first({}), 4, 'token: life|missing|refresher'],
  [nothing, 5, 'token: life|missing|name|there is no /ci/genesys/access-token and no'],
  [nothing, 5, "|missing|name|there is no such function: no refresher 'genesys' in account 1"],
  [{ readError: denied('No.') }, 5, 'job: read parameters|refused|IAM|AWS refused ssm:GetParameters'],
  [{ readError: denied('kms:Decrypt on it.') }, 5, 'job: read parameters|refused|KMS|AWS refused'],
  [{ invokeError: denied('No.') }, 5, 'refresher: invoke|refused|IAM|AWS refused lambda:InvokeFunction'],
  [invalid, 3, 'refresher: diagnose|CONFIG_INVALID|stack'],
  [step({ ...unread, fault: 'KMS' }), 3, 'refresher: secret|SECRET_UNAVAILABLE|KMS|Not read.'],
  [step(skipped), 0, 'refresher: probe|skipped|-|No token.'],
  [answer({ problem: 'Nobody invoked it.', steps: [unread] }), 3, 'PROBLEM: Nobody invoked it.\n\nSTEP|'],
  // An older function tells no fault: it is one all the same.
  [step(unread), 3, 'refresher: secret|SECRET_UNAVAILABLE|-|Not read.'],
  // It can be pasted into a shell.
  [step({ ...unread, remedy: 'Store {"id":"a\\\\b"}.' }), 3, '|Not read. Store {"id":"a\\\\b"}.'],
  [{ edit: () => 'null\n' }, 5, 'refresher: invoke|failed|AWS CLI'],
  // Without standard input the function answers as to {}.
  [answer({ outcome: 'still-fresh', satisfied: true }), 5, 'refresher: diagnose|failed|AWS CLI'],
  [described(900, OLD), 3, 'token: schedule|OVERDUE|schedule|the last try was at 20'],
  [first(OLD), 4, 'token: life|missing|schedule'],
  [described(3000, { secretCreatedAt: ago(91 * 86_400) }), 0, '|the client secret is 91 d'],
  [described(3000, { secretCreatedAt: ago(89 * 86_400) }), 0, 'token: schedule|ok'],
  [step(empty), 0, 'refresher: scope|warning|token endpoint|It is empty.'],
])('%j: status %d, %s', async (content, status, cells) => {
  standIn.serve(accountContent(content));

  const job = await standIn.job(['doctor', 'genesys']);

  expect(job.stdout.replace(/ {2,}/g, '|')).toContain(cells);
  expect(job).toMatchObject({ status, stderr: '' });
});

test.each([
  ['The config profile (nope) could not be found', 'credentials'],
  ['Error loading SSO Token: Token for x does not exist', 'credentials'],
  ['You must specify a region. You can also configure your region by running "aws configure".', 'region'],
  ['An error occurred (ExpiredToken) when calling the AssumeRole operation: expired', 'credentials'],
  ['An error occurred (InvalidClientTokenId) when calling the Invoke operation: unknown', 'credentials'],
])('%s: %s in every row, and no grant is advised', async (message, fault) => {
  const error = `\n${message}\n`;
  standIn.serve(accountContent({ readError: error, invokeError: error }));

  const { status, stdout, stderr } = await standIn.job(['doctor', 'genesys']);

  const faults = [...stdout.matchAll(/^(?:job|refresher): .*? {2,}\w+ +(\S+(?: \S+)*) {2}/gm)];
  expect(faults.map(([, found]) => found)).toEqual([fault, fault, fault]);
  expect(stdout).not.toMatch(/grant(Read|Refresh)/);
  expect([status, stderr]).toEqual([5, '']);
});

test.each<[Partial<AccountContent>, number, RegExp]>([
  [described(2850, failing(DOWN)), 0, /^version +v42\nlife +47 min left, until 20/m],
  [described(2850, failing(DOWN)), 0, /^last failure +TOKEN_ENDPOINT_UNAVAILABLE, 12 in a row, the last at/m],
  [{ token: null, version: null }, 4, /^version +none\nlife +there is no \/ci\/genesys\/access-token$/m],
  [described(-5, {}), 4, /^version +v42\nlife +v42 expired at 20/m],
])('status of %j ends with %d', async (content, status, rows) => {
  standIn.serve(accountContent(content));

  const table = await standIn.job(['status', 'genesys']);
  const json = await standIn.job(['status', 'genesys', '--json']);

  expect(table).toMatchObject({ status, stdout: expect.stringMatching(rows) });
  expect(json).toMatchObject({ status, stdout: `${accountContent(content).status}\n` });
  expect(standIn.calls()).not.toContain('--with-decryption');
});

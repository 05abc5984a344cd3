import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../support/process.ts';
import { startJob } from './support/job.ts';
import { createStoredTokenDirectory, type StoredTokenDirectory } from './support/stored-token.ts';

const SESSION = {
  AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'canary-secret-key',
  AWS_SESSION_TOKEN: 'canary-session-token',
};

let stored: StoredTokenDirectory;

beforeEach(() => {
  stored = createStoredTokenDirectory();
  stored.store('canary-token');
});

afterEach(() => stored.remove());

const inAnHour = (): string => new Date(Date.now() + 3_630_000).toISOString();

async function stderrWith(
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<string> {
  const { stderr } = await run([process.execPath, stored.program, 'genesys', ...args, '--', 'true'], {
    env: { PATH: process.env.PATH, AWS_EC2_METADATA_DISABLED: 'true', HOME: stored.directory, ...env },
  });
  expect(stderr).not.toContain('canary-se');
  return stderr;
}

test('the end of a session that cannot be renewed is printed at the start', async () => {
  const known = await stderrWith({ ...SESSION, AWS_CREDENTIAL_EXPIRATION: inAnHour() });
  const unknown = await stderrWith(SESSION);
  const hostile = await stderrWith({ ...SESSION, AWS_CREDENTIAL_EXPIRATION: '::set-env\u001b[2J' });

  expect(known).toMatch(/session ends at \d\d:\d\d:\d\dZ \(in 60 min\) and cannot be renewed here/);
  expect(unknown).toContain('session ends at an unknown time');
  expect(hostile).toContain('session ends at an unknown time');
  expect(hostile).not.toContain('set-env');
});

test.each([
  ["a user's key", { AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'x' }],
  [
    'web identity',
    { AWS_WEB_IDENTITY_TOKEN_FILE: '/token', AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/ci' },
  ],
  ['a container', { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/x' }],
])('nothing is printed for credentials that do not end, or are renewed: %s', async (_which, env) => {
  expect(await stderrWith(env)).not.toContain('session');
});

test("a profile's session is asked of the AWS CLI", async () => {
  writeFileSync(
    join(stored.directory, 'aws'),
    `#!/bin/sh
[ "$*" = 'configure export-credentials --format process --profile ci' ] || exit 9
printf '{"AccessKeyId":"x","SecretAccessKey":"canary-secret-key","Expiration": "${inAnHour()}"}\\n'
`,
  );
  chmodSync(join(stored.directory, 'aws'), 0o755);

  const stderr = await stderrWith({ ...SESSION, PATH: `${stored.directory}:${process.env.PATH}` }, [
    '--profile',
    'ci',
  ]);

  expect(stderr).toMatch(/session ends at \d\d:\d\d:\d\dZ \(in 60 min\); the AWS CLI takes a new one/);
});

test('when the session has ended, other credentials of the environment are used', async () => {
  // access-token here is refused as long as it is given the session.
  stored.store('canary-first-token');
  const job = await startJob({
    program: stored.program,
    args: ['genesys'],
    env: { ...stored.environment, ...SESSION, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/x' },
  });
  stored.endSession({ token: 'canary-second-token' });
  stored.stepClock({ seconds: 3500 });

  const first = await job.requestToken();
  stored.stepClock({ seconds: 60 });
  const again = await job.requestToken();
  await job.end();

  expect(job.stderr()).toContain("after that, the job's container's role is used");
  expect([first, again].map(({ status, body }) => [status, body.access_token])).toEqual([
    [200, 'canary-second-token'],
    [200, 'canary-second-token'],
  ]);
  // The first reading, one with the ended session, and from then on those without it.
  expect(stored.readings()).toHaveLength(4);
  expect(job.env).toMatchObject(SESSION);
});

test('when the session has ended and there are no other credentials, the response says so', async () => {
  const job = await startJob({
    program: stored.program,
    args: ['genesys'],
    env: { ...stored.environment, ...SESSION, AWS_CREDENTIAL_EXPIRATION: inAnHour() },
  });
  stored.fail(5);
  stored.stepClock({ seconds: 3700 });

  const answer = await job.requestToken();
  await job.end();

  expect(answer.status).toBe(503);
  expect(answer.body.error_description).toBe(
    "There is no live token. The job's AWS session has ended, so no newer one can be read: request a longer session.",
  );
  expect(job.stderr()).toContain('access-token: no token for a test');
});

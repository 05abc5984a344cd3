import { installCommand } from '../support/aws-cli.ts';
import { createStoredToken, GATEWAY, runJob, type StoredToken, startJob } from './support/job.ts';

const SESSION = {
  AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'canary-secret-key',
  AWS_SESSION_TOKEN: 'canary-session-token',
};
const IN_AN_HOUR = new Date(Date.now() + 3_650_000).toISOString();
const WEB_IDENTITY = { AWS_WEB_IDENTITY_TOKEN_FILE: '/token', AWS_ROLE_ARN: 'arn:aws:iam::1:role/ci' };
const CONTAINER = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/x' };

let stored: StoredToken;

beforeEach(() => {
  stored = createStoredToken('canary-token');
});

afterEach(() => stored.remove());

const expiring = { ...SESSION, AWS_CREDENTIAL_EXPIRATION: IN_AN_HOUR };
const hostile = { ...SESSION, AWS_CREDENTIAL_EXPIRATION: '::set-env' };
const withoutKey = { AWS_ACCESS_KEY_ID: '' };

test.each<[string, Record<string, string>, string[], string | undefined]>([
  ['an end', expiring, [], 'ends at TIME (in 60 min) and cannot be renewed here'],
  ['an unknown end', SESSION, [], 'ends at an unknown time and cannot be renewed here'],
  ['a hostile end', hostile, [], 'ends at an unknown time and cannot be renewed here'],
  [
    'a successor',
    { ...expiring, ...CONTAINER },
    [],
    "ends at TIME (in 60 min); after that, the job's container's role is used",
  ],
  [
    "a profile's session",
    SESSION,
    ['--profile', 'ci'],
    'ends at TIME (in 60 min); the AWS CLI takes a new one',
  ],
  ["a user's key", {}, [], undefined],
  ['web identity', { ...withoutKey, ...WEB_IDENTITY }, [], undefined],
  ['a container', { ...withoutKey, ...CONTAINER }, [], undefined],
])("the start tells when the job's AWS session ends: %s", async (_which, env, options, told) => {
  installCommand(
    stored.directory,
    'aws',
    `[ "$*" = 'configure export-credentials --format process --profile ci' ] || exit 9
printf '{"SecretAccessKey":"canary-secret-key","Expiration": "${IN_AN_HOUR}"}\n'`,
  );

  const { stderr } = await runJob(stored, ['true'], {
    args: ['genesys', ...options],
    env: { PATH: `${stored.directory}:${process.env.PATH}`, ...env },
  });

  const notice = /AWS session (.*)/.exec(stderr)?.[1]?.replace(/\d\d:\d\d:\d\dZ/, 'TIME');
  expect(notice?.slice(0, told?.length)).toBe(told);
  expect(stderr).not.toMatch(/canary|set-env/);
});

test('a Node.js that knows no proxy says so where one is set', async () => {
  const version = "Object.defineProperty(process.versions,'node',{value:'22.20.0'})";
  const env = {
    HTTPS_PROXY: 'http://proxy.example:3128',
    NODE_OPTIONS: `--import=data:text/javascript,${version}`,
  };

  const older = await runJob(stored, ['true'], { args: GATEWAY, env });
  const current = await runJob(stored, ['true'], { args: GATEWAY, env: { ...env, NODE_OPTIONS: '' } });

  expect(older.stderr).toContain('this Node.js does not support HTTPS_PROXY');
  expect(current.stderr).not.toContain('HTTPS_PROXY');
});

test.each(['echo \'{"error":"refused"}\'', ':'])(
  'when AWS refuses the session (%s), other credentials of the environment are used',
  async (told) => {
    const job = await startJob(stored, ['genesys'], { ...SESSION, ...CONTAINER });
    stored.store('canary-second', {
      version: 2,
      before: `[ -z "\${AWS_SESSION_TOKEN-}" ] || { ${told}; exit 5; }`,
    });
    stored.advance(3500);

    const first = await job.requestToken();
    stored.advance(60);
    const again = await job.requestToken();
    await job.end();

    expect([first, again].map(({ body }) => body.access_token)).toEqual(['canary-second', 'canary-second']);
    // The first read, one with the ended session, and from then on those without it.
    expect(stored.reads()).toHaveLength(4);
    expect(job.env).toMatchObject(SESSION);
  },
);

test.each(['unreachable', 'failed'])('a session is kept where AWS is %s', async (kind) => {
  const job = await startJob(stored, ['genesys'], { ...SESSION, ...CONTAINER });
  const withoutSession = `[ -n "\${AWS_SESSION_TOKEN-}" ] || exit 4`;
  stored.answer(`${withoutSession}; echo '{"error":"${kind}"}'; exit 5`);
  stored.advance(3500);
  await job.requestToken();
  stored.store('canary-second', { version: 2, before: withoutSession });
  stored.advance(60);

  const after = await job.requestToken();
  await job.end();

  expect(after.body.access_token).toBe('canary-second');
});

test('when the session has ended and there are no other credentials, the response says so', async () => {
  const job = await startJob(stored, ['genesys'], { ...SESSION, AWS_CREDENTIAL_EXPIRATION: IN_AN_HOUR });
  stored.fail(5);
  stored.advance(3700);

  const answer = await job.requestToken();
  await job.end();

  expect(answer.status).toBe(503);
  expect(answer.body.error_description).toBe(
    "There is no live token. The job's AWS session has ended, so no newer one can be read: request a longer session.",
  );
});

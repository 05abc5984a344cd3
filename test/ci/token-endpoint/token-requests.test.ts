import { connect } from 'node:net';
import { createStoredToken, type Job, type StoredToken, startJob } from './support/job.ts';

const TOKEN = 'canary-stored-token';
const SESSION = { AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE', AWS_SESSION_TOKEN: 'canary-session-token' };
const CONTAINER = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/x' };

let stored: StoredToken;
let job: Job;

beforeAll(async () => {
  stored = createStoredToken(TOKEN);
  job = await startJob(stored);
});

beforeEach(() => job.renew(TOKEN));

afterAll(() => job.end());

const GRANT = 'grant_type=client_credentials';
const FORM = 'application/x-www-form-urlencoded';
const basic = (id = '', secret = '') => ({ authorization: `Basic ${btoa(`${id}:${secret}`)}` });

async function post(body: string, headers: Readonly<Record<string, string>>, path = '/oauth/token') {
  const answer = await fetch(`http://127.0.0.1:${job.port}${path}`, {
    method: 'POST',
    headers: { 'content-type': FORM, ...headers },
    body,
  });
  return {
    status: answer.status,
    headers: answer.headers,
    body: (await answer.json()) as Record<string, unknown>,
  };
}

test('the client authenticates in the header or in the body, and gets the stored token with the seconds left', async () => {
  const { OAUTH_CLIENT_ID: id, OAUTH_CLIENT_SECRET: secret } = job.env;
  const own = basic(id, secret);

  const answers = await Promise.all([
    post(GRANT, own),
    post(`${GRANT}&client_id=${id}&client_secret=${secret}`, {}),
    post(`${GRANT}&client_id=${id}`, own),
    post(`${GRANT}&scope=a+b`, own),
    post(GRANT, { ...own, 'content-type': `${FORM}; charset=utf-8` }),
    post(GRANT, own, '/oauth/token?x=1'),
    post(GRANT, own, '/login/oauth/token'),
  ]);

  for (const { status, headers, body } of answers) {
    expect(status).toBe(200);
    expect(body).toEqual({ access_token: TOKEN, token_type: 'Bearer', expires_in: expect.any(Number) });
    expect(body.expires_in).toBeGreaterThan(3500);
    expect(body.expires_in).toBeLessThanOrEqual(3600);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('pragma')).toBe('no-cache');
    expect(headers.get('content-type')).toBe('application/json');
  }
});

test('another request is refused as RFC 6749 says', async () => {
  const own = basic(job.env.OAUTH_CLIENT_ID, job.env.OAUTH_CLIENT_SECRET);
  const json = { ...own, 'content-type': 'application/json' };
  const refused: readonly [number, string, string, Record<string, string>][] = [
    [401, 'invalid_client', GRANT, {}],
    [401, 'invalid_client', GRANT, basic(job.env.OAUTH_CLIENT_ID, 'y')],
    [401, 'invalid_client', GRANT, basic('x', job.env.OAUTH_CLIENT_SECRET)],
    [401, 'invalid_client', `${GRANT}&client_id=x`, own],
    [400, 'invalid_request', `${GRANT}&client_secret=x`, own],
    [400, 'invalid_request', 'scope=a', own],
    [400, 'invalid_request', `${GRANT}&grant_type=password`, own],
    [400, 'invalid_request', '{"grant_type":"client_credentials"}', json],
    [400, 'unsupported_grant_type', 'grant_type=password&username=x', own],
  ];

  for (const [status, error, form, headers] of refused) {
    const answer = await post(form, headers);

    expect([form, answer.status, answer.body.error]).toEqual([form, status, error]);
    expect(answer.body.error_description).toEqual(expect.any(String));
    expect(JSON.stringify(answer.body)).not.toContain(TOKEN);
    expect(answer.headers.has('www-authenticate')).toBe(status === 401);
  }
});

test('a GET and a long body are refused as token requests', async () => {
  const get = await fetch(job.env.OAUTH_TOKEN_URL as string);
  const long = await job.raw(
    `POST /oauth/token HTTP/1.1\r\nHost: 127.0.0.1:${job.port}\r\nContent-Length: 20000\r\n\r\n`,
    'a'.repeat(20_000),
  );

  expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
  expect(long).toMatch(/^HTTP\/1\.1 413 |^$/);
});

test('a slow client delays no other client, and does not keep the job from ending', async () => {
  const short = await startJob(stored);
  const slow = Array.from({ length: 50 }, (_, index) => {
    const socket = connect(short.port, '127.0.0.1').on('error', () => undefined);
    // Half of them stop in the headers, the others in the body.
    const end = index % 2 === 0 ? '' : 'Content-Length: 100\r\n\r\ngrant';
    socket.write(`POST /oauth/token HTTP/1.1\r\nHost: 127.0.0.1:${short.port}\r\n${end}`);
    return socket;
  });

  const answer = await short.requestToken();
  const ended = await short.end();

  expect(answer.status).toBe(200);
  expect(ended).toEqual({ status: 0, signal: null });
  for (const socket of slow) socket.destroy();
});

test('without a live token the answer is 503, and the next one has the new token', async () => {
  stored.fail(4);
  stored.advance(3601);

  const dead = await job.requestToken();
  stored.store('canary-second-token');
  stored.advance(10);
  const alive = await job.requestToken();

  expect(dead).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
  expect(dead.headers.get('retry-after')).toBe('10');
  expect(dead.body.error_description).toContain('status 4');
  expect(alive).toMatchObject({ status: 200, body: { access_token: 'canary-second-token' } });
});

test('many clients’ requests at the same time cause one read', async () => {
  stored.advance(60);
  const before = stored.reads().length;

  const answers = await Promise.all(Array.from({ length: 50 }, () => job.requestToken()));

  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(stored.reads().length - before).toBe(1);
});

test('other credentials of the environment are used when AWS refuses the session, and not in an outage', async () => {
  const session = await startJob(stored, ['genesys'], { ...SESSION, ...CONTAINER });
  const ask = async (error: string) => {
    stored.store(`canary-after-${error}`, {
      lifeSeconds: 7200,
      before: `[ -z "\${AWS_SESSION_TOKEN-}" ] || { echo '{"error":"${error}"}'; exit 5; }`,
    });
    stored.advance(3601);
    return session.requestToken();
  };

  const answers = [await ask('unreachable'), await ask('failed'), await ask('refused')];
  const before = stored.reads().length;
  stored.advance(60);
  await session.requestToken();
  await session.end();

  expect(answers.map(({ status }) => status)).toEqual([503, 503, 200]);
  expect(answers[2]?.body.access_token).toBe('canary-after-refused');
  // From then on, the ended session is not tried again.
  expect(stored.reads().length - before).toBe(1);
  expect(session.env).toMatchObject(SESSION);
});

test('when the session has ended and there are no other credentials, the response says so', async () => {
  const AWS_CREDENTIAL_EXPIRATION = new Date(stored.now() + 3_600_000).toISOString();
  const session = await startJob(stored, ['genesys'], { ...SESSION, AWS_CREDENTIAL_EXPIRATION });
  stored.fail(5);
  stored.advance(3700);

  const answer = await session.requestToken();
  await session.end();

  expect(answer.status).toBe(503);
  expect(answer.body.error_description).toBe(
    "There is no live token. The job's AWS session has ended, so no newer one can be read: request a longer session.",
  );
});

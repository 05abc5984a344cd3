import { connect } from 'node:net';
import { createStoredToken, GATEWAY, type Job, type StoredToken, startJob } from './support/job.ts';

const TOKEN = 'canary-stored-token';

let stored: StoredToken;
let job: Job;

beforeEach(() => {
  stored = createStoredToken(TOKEN);
});

afterEach(async () => {
  await job.end();
  stored.remove();
});

type Form = Readonly<Record<string, string>>;

interface Sent {
  readonly path?: string;
  readonly method?: string;
  readonly basic?: readonly [string, string] | 'own' | 'none';
  /** Parameters beside the grant, or the whole body. */
  readonly form?: Form | string;
  readonly contentType?: string;
}

async function send({ path = '/oauth/token', method = 'POST', basic = 'own', form, contentType }: Sent = {}) {
  const own = [job.env.OAUTH_CLIENT_ID, job.env.OAUTH_CLIENT_SECRET];
  const credentials = btoa((basic === 'own' ? own : [...basic]).join(':'));
  const parameters = { grant_type: 'client_credentials', ...(typeof form === 'object' && form) };
  const answer = await fetch(`http://127.0.0.1:${job.port}${path}`, {
    method,
    redirect: 'manual',
    ...(method === 'POST' && { body: typeof form === 'string' ? form : new URLSearchParams(parameters) }),
    headers: {
      ...(basic !== 'none' && { authorization: `Basic ${credentials}` }),
      ...(contentType !== undefined && { 'content-type': contentType }),
    },
  });
  return {
    status: answer.status,
    headers: answer.headers,
    body: (await answer.json()) as Record<string, unknown>,
  };
}

const FORM_TYPE = 'application/x-www-form-urlencoded';

test('the client authenticates in the header or in the body, and gets the stored token with the seconds left', async () => {
  job = await startJob(stored);
  const client_id = job.env.OAUTH_CLIENT_ID as string;
  const client_secret = job.env.OAUTH_CLIENT_SECRET as string;
  const accepted: Sent[] = [
    {},
    { basic: 'none', form: { client_id, client_secret } },
    { form: { client_id } },
    { form: { scope: 'a b' } },
    { path: '/oauth/token?x=1' },
    { path: '/login/oauth/token' },
    { contentType: `${FORM_TYPE}; charset=utf-8` },
  ];

  const answers = await Promise.all(accepted.map(send));

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
  job = await startJob(stored);
  const twice = 'grant_type=client_credentials&grant_type=password';
  const refused: readonly [number, string, Sent][] = [
    [401, 'invalid_client', { basic: 'none' }],
    [401, 'invalid_client', { basic: ['x', 'y'] }],
    [401, 'invalid_client', { basic: ['', ''] }],
    [401, 'invalid_client', { form: { client_id: 'x' } }],
    [400, 'invalid_request', { form: { client_secret: 'x' } }],
    [400, 'invalid_request', { form: 'scope=a', contentType: FORM_TYPE }],
    [400, 'invalid_request', { form: twice, contentType: FORM_TYPE }],
    [400, 'invalid_request', { form: '{"grant_type":"x"}', contentType: 'application/json' }],
    [400, 'unsupported_grant_type', { form: { grant_type: 'password', username: 'x' } }],
  ];

  for (const [status, error, sent] of refused) {
    const answer = await send(sent);

    expect([sent, answer.status, answer.body.error]).toEqual([sent, status, error]);
    expect(answer.body.error_description).toEqual(expect.any(String));
    expect(JSON.stringify(answer.body)).not.toContain(TOKEN);
    expect(answer.headers.has('www-authenticate')).toBe(status === 401);
  }
});

test('a GET and a long body are refused as token requests', async () => {
  job = await startJob(stored);

  const get = await send({ method: 'GET' });
  const long = await job.raw(
    `POST /oauth/token HTTP/1.1\r\nHost: 127.0.0.1:${job.port}\r\nContent-Length: 20000\r\n\r\n`,
    'a'.repeat(20_000),
  );

  expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
  expect(long).toMatch(/^HTTP\/1\.1 413 |^$/);
});

test('a slow client delays no other client, and does not keep the job from ending', async () => {
  job = await startJob(stored);
  const slow = Array.from({ length: 50 }, (_, index) => {
    const socket = connect(job.port, '127.0.0.1').on('error', () => undefined);
    // Half of them stop in the headers, the others in the body.
    const end = index % 2 === 0 ? '' : 'Content-Length: 100\r\n\r\ngrant';
    socket.write(`POST /oauth/token HTTP/1.1\r\nHost: 127.0.0.1:${job.port}\r\n${end}`);
    return socket;
  });

  const answer = await send();
  const ended = await job.end();

  expect(answer.status).toBe(200);
  expect(ended).toEqual({ status: 0, signal: null });
  for (const socket of slow) socket.destroy();
});

test('without a live token the answer is 503, and the next one has the new token', async () => {
  stored.store(TOKEN, { lifeSeconds: 60, status: 3 });
  job = await startJob(stored);
  stored.fail(4);
  stored.advance(61);

  const dead = await send();
  stored.store('canary-second-token', { version: 2 });
  stored.advance(10);
  const alive = await send();

  expect(dead).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
  expect(dead.headers.get('retry-after')).toBe('10');
  expect(dead.body.error_description).toContain('status 4');
  expect(alive).toMatchObject({ status: 200, body: { access_token: 'canary-second-token' } });
});

test('as a gateway it answers a renewal always with 200, and never with less than 90 seconds', async () => {
  stored.store(TOKEN, { lifeSeconds: 80, status: 3 });
  job = await startJob(stored, GATEWAY);
  stored.fail(5);

  const aging = await send();
  stored.advance(3600);
  const dead = await send();

  for (const { status, body } of [aging, dead]) {
    expect(status).toBe(200);
    expect(body).toEqual({ access_token: TOKEN, token_type: 'Bearer', expires_in: 90 });
  }
});

test('many clients’ requests at the same time cause one read', async () => {
  job = await startJob(stored);
  stored.advance(60);
  const before = stored.reads().length;

  const answers = await Promise.all(Array.from({ length: 50 }, () => send()));

  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(stored.reads().length - before).toBe(1);
});

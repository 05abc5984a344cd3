import { connect } from 'node:net';
import { type Job, startJob } from './support/job.ts';
import { createStoredTokenDirectory, type StoredTokenDirectory } from './support/stored-token.ts';

const TOKEN = 'canary-stored-token';

let stored: StoredTokenDirectory;
let job: Job;

beforeEach(() => {
  stored = createStoredTokenDirectory();
  stored.store(TOKEN, { lifeSeconds: 3600 });
});

afterEach(async () => {
  await job?.end();
  stored.remove();
});

async function start(args: readonly string[] = ['genesys']): Promise<void> {
  job = await startJob({ program: stored.program, args, env: stored.environment });
}

interface Sent {
  readonly path?: string;
  readonly method?: string;
  readonly basic?: readonly [string, string] | 'own' | 'none';
  readonly form?: Readonly<Record<string, string>> | string;
  readonly contentType?: string;
}

async function send({ path = '/oauth/token', method = 'POST', basic = 'own', form, contentType }: Sent = {}) {
  const own = [job.env.OAUTH_CLIENT_ID, job.env.OAUTH_CLIENT_SECRET] as const;
  const credentials = basic === 'own' ? own : basic;
  const body =
    typeof form === 'string' ? form : new URLSearchParams(form ?? { grant_type: 'client_credentials' });
  const answer = await fetch(`http://127.0.0.1:${job.port}${path}`, {
    method,
    redirect: 'manual',
    ...(method === 'POST' && { body }),
    headers: {
      ...(credentials !== 'none' && {
        authorization: `Basic ${Buffer.from(credentials.join(':')).toString('base64')}`,
      }),
      ...(contentType !== undefined && { 'content-type': contentType }),
    },
  });
  return {
    status: answer.status,
    headers: answer.headers,
    body: (await answer.json()) as Record<string, unknown>,
  };
}

test('the client authenticates in the header or in the body, and gets the stored token with the seconds left', async () => {
  await start();
  const { OAUTH_CLIENT_ID: client_id, OAUTH_CLIENT_SECRET: client_secret } = job.env as Record<
    string,
    string
  >;

  const byHeader = await send();
  const byBody = await send({
    basic: 'none',
    form: { grant_type: 'client_credentials', client_id, client_secret } as Record<string, string>,
  });
  const withIdInBoth = await send({
    form: { grant_type: 'client_credentials', client_id } as Record<string, string>,
  });

  for (const { status, headers, body } of [byHeader, byBody, withIdInBoth]) {
    expect(status).toBe(200);
    expect(body).toEqual({ access_token: TOKEN, token_type: 'Bearer', expires_in: expect.any(Number) });
    expect(body.expires_in).toBeGreaterThan(3500);
    expect(body.expires_in).toBeLessThanOrEqual(3600);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('pragma')).toBe('no-cache');
    expect(headers.get('content-type')).toBe('application/json');
  }
});

test('a scope in the request, a query and the prefix /login do no harm', async () => {
  await start();

  const answers = await Promise.all([
    send({ form: { grant_type: 'client_credentials', scope: 'a b' } }),
    send({ path: '/oauth/token?x=1' }),
    send({ path: '/login/oauth/token' }),
    send({ contentType: 'application/x-www-form-urlencoded; charset=utf-8' }),
  ]);

  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
});

test.each<[string, Sent, number, string]>([
  ['no credentials', { basic: 'none' }, 401, 'invalid_client'],
  ['a wrong secret', { basic: ['x', 'y'] }, 401, 'invalid_client'],
  ['empty credentials', { basic: ['', ''] }, 401, 'invalid_client'],
  [
    'another client id in the body',
    { form: { grant_type: 'client_credentials', client_id: 'x' } },
    401,
    'invalid_client',
  ],
  [
    'a secret in the body too',
    { form: { grant_type: 'client_credentials', client_secret: 'x' } },
    400,
    'invalid_request',
  ],
  ['no grant', { form: {} }, 400, 'invalid_request'],
  ['another grant', { form: { grant_type: 'password', username: 'x' } }, 400, 'unsupported_grant_type'],
  [
    'the grant twice',
    {
      form: 'grant_type=client_credentials&grant_type=password',
      contentType: 'application/x-www-form-urlencoded',
    },
    400,
    'invalid_request',
  ],
  [
    'JSON',
    { form: '{"grant_type":"client_credentials"}', contentType: 'application/json' },
    400,
    'invalid_request',
  ],
])('%s: refused as RFC 6749 says', async (_which, sent, status, error) => {
  await start();

  const answer = await send(sent);

  expect(answer).toMatchObject({ status, body: { error, error_description: expect.any(String) } });
  expect(JSON.stringify(answer.body)).not.toContain(TOKEN);
  expect(answer.headers.has('www-authenticate')).toBe(status === 401);
});

test('a GET and a long body are refused as token requests', async () => {
  await start();

  const get = await send({ method: 'GET' });
  const long = await job.raw(
    `POST /oauth/token HTTP/1.1\r\nHost: 127.0.0.1:${job.port}\r\nContent-Length: 20000\r\n\r\n`,
    'a'.repeat(20_000),
  );

  expect(get.status).toBe(405);
  expect(get.headers.get('allow')).toBe('POST');
  expect(long).toMatch(/^HTTP\/1\.1 413 |^$/);
});

test('a slow client delays no other client, and does not keep the job from ending', async () => {
  await start();
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
  await start();
  stored.fail(4);
  stored.stepClock({ seconds: 61 });

  const dead = await send();
  stored.store('canary-second-token', { version: 2 });
  stored.stepClock({ seconds: 10 });
  const alive = await send();

  expect(dead).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
  expect(dead.headers.get('retry-after')).toBe('10');
  expect(dead.body.error_description).toContain('status 4');
  expect(alive).toMatchObject({ status: 200, body: { access_token: 'canary-second-token' } });
});

test('as a gateway it answers a renewal always with 200, and never with less than 90 seconds', async () => {
  stored.store(TOKEN, { lifeSeconds: 80, status: 3 });
  await start(['genesys', '--genesys-region', 'eu-central-1']);
  stored.fail(5);

  const aging = await send();
  stored.stepClock({ seconds: 3600 });
  const dead = await send();

  for (const { status, body } of [aging, dead]) {
    expect(status).toBe(200);
    expect(body).toEqual({ access_token: TOKEN, token_type: 'Bearer', expires_in: 90 });
  }
});

test('many clients’ requests at the same time cause one read', async () => {
  await start();
  const before = stored.readings().length;

  const answers = await Promise.all(Array.from({ length: 50 }, () => send()));

  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(stored.readings().length - before).toBeLessThanOrEqual(1);
});

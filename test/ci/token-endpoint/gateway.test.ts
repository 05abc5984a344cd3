import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { type Answer, answering, echo } from './support/genesys-api.ts';
import { openGateway } from './support/job.ts';

const FIRST = 'canary-first-token';
const SECOND = 'canary-second-token';

let job: Awaited<ReturnType<typeof openGateway>>;
let answer: Answer = echo;

beforeAll(async () => {
  job = await openGateway(FIRST, (...call) => answer(...call));
});

beforeEach(async () => {
  answer = echo;
  await job.renew(FIRST);
  job.api.calls.length = 0;
});

afterAll(() => job.end());

const tokens = (): (string | undefined)[] => job.api.calls.map(({ token }) => token);
const get = (init: RequestInit = {}): Promise<Response> => job.call('/api/v2/a', FIRST, init);
const post = (body = '{"create":1}'): Promise<Response> => get({ method: 'POST', body });

/** Answers 401 to this token, and to none other. */
const refusing =
  (refused: string): Answer =>
  (request, response, token) =>
    (token === refused ? answering(401) : echo)(request, response, token);

test('method, path, query, headers and body of a call and its response are forwarded unchanged', async () => {
  answer = async (request, response) => {
    const body = await text(request);
    response.writeHead(207, { 'x-correlation': 'c', 'set-cookie': ['a=1', 'b=2'] });
    response.end(body.toUpperCase());
  };

  const response = await job.call('/api/api/v2/users?a=%2Fb&c=d+e', FIRST, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json', 'x-mine': 'kept' },
    body: '{"name":"ä"}',
  });

  expect(response.status).toBe(207);
  expect(await response.text()).toBe('{"NAME":"Ä"}');
  expect(response.headers.get('x-correlation')).toBe('c');
  expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  const [{ rawHeaders = [], ...call } = {}] = job.api.calls;
  expect(call).toEqual({ method: 'PATCH', path: '/api/v2/users?a=%2Fb&c=d+e', token: FIRST });
  expect(rawHeaders).toEqual(
    expect.arrayContaining(['x-mine', 'kept', 'application/json', 'api.mypurecloud.de']),
  );
});

test('headers of the connection are not passed back', async () => {
  answer = answering(200, {
    connection: 'keep-alive, x-hop',
    'x-hop': '1',
    'keep-alive': 'timeout=1',
    'alt-svc': 'h3=":1"',
    'proxy-authenticate': 'Basic',
  });

  const { headers } = await get();

  expect([...headers.keys()].filter((name) => /x-hop|keep-alive|alt-svc|proxy/.test(name))).toEqual([]);
});

test('both bodies stream: each side reads before the other has written all', async () => {
  const served = new Promise<[IncomingMessage, ServerResponse]>((resolve) => {
    answer = (request, response) => resolve([request, response]);
  });
  const outgoing = httpRequest({
    host: '127.0.0.1',
    port: job.port,
    path: '/api/v2/uploads',
    method: 'POST',
    headers: { authorization: `Bearer ${FIRST}` },
  });
  outgoing.write('first half');

  const [request, response] = await served;
  const [first] = await once(request, 'data');
  response.write('answer begins');
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const [download] = await once(incoming, 'data');
  outgoing.end('second half');
  const [rest] = await once(request, 'data');
  response.end();
  await once(incoming.resume(), 'end');

  expect([first, download, rest].map(String)).toEqual(['first half', 'answer begins', 'second half']);
});

test('an older token of the job is replaced by the current one', async () => {
  job.stored.store(SECOND);
  job.stored.advance(3400);

  // Of the first token, 200 seconds are left: the call goes on with it, and a later one finds the newer.
  await get();
  while (tokens().at(-1) !== SECOND) await get();

  expect(tokens()[0]).toBe(FIRST);
});

test('a call waits for a newer token if the held one has nearly expired', async () => {
  job.stored.store(SECOND, { lifeSeconds: 7200 });
  job.stored.advance(3590);

  const response = await post();

  expect(response.status).toBe(200);
  expect(tokens()).toEqual([SECOND]);
});

test('without a live token a call is answered with 503 and the reason, and goes through afterwards', async () => {
  job.stored.fail(4);
  job.stored.advance(3601);

  const dead = await get();
  job.stored.store(SECOND);
  job.stored.advance(10);
  const alive = await get();

  expect([dead.status, dead.headers.get('retry-after'), alive.status]).toEqual([503, '10', 200]);
  expect(await dead.json()).toMatchObject({
    code: 'service.unavailable',
    message: expect.stringContaining('status 4'),
  });
  expect(tokens()).toEqual([SECOND]);
});

test('a renewal is always answered with 200, and never with less than 90 seconds', async () => {
  await job.renew(FIRST, { lifeSeconds: 80, status: 3 });
  job.stored.fail(5);

  const aging = await job.requestToken();
  job.stored.advance(3600);
  const dead = await job.requestToken();

  const body = { access_token: FIRST, token_type: 'Bearer', expires_in: 90 };
  expect([aging, dead]).toMatchObject([
    { status: 200, body },
    { status: 200, body },
  ]);
});

test('after a 401 another token is requested, and a call without a body is sent again', async () => {
  answer = refusing(FIRST);
  job.stored.store(SECOND);

  const response = await get();

  expect(response.status).toBe(200);
  expect(tokens()).toEqual([FIRST, SECOND]);
  expect(job.stored.reads().at(-1)).toMatch(/--not-version \d+$/);
});

test.each([
  ['POST', 2],
  ['DELETE', 0],
  ['GET', 2],
])(
  '%s with %i bytes is never sent twice: the client gets the 401, and the next call has a newer token',
  async (method, length) => {
    answer = refusing(FIRST);
    job.stored.store(SECOND);
    const head = `Host: 127.0.0.1:${job.port}\r\nAuthorization: Bearer ${FIRST}\r\nConnection: close`;
    const call = `${method} /api/v2/a HTTP/1.1\r\n${head}\r\nContent-Length: ${length}\r\n\r\n`;

    const answers = [await job.raw(call, 'a'.repeat(length)), await job.raw(call, 'a'.repeat(length))];

    expect(answers.map((one) => one.slice(0, 12))).toEqual(['HTTP/1.1 401', 'HTTP/1.1 200']);
    expect(tokens()).toEqual([FIRST, SECOND]);
  },
);

test('an API that refuses every token does not cause endless token requests', async () => {
  answer = answering(401);
  const before = job.stored.reads().length;

  for (let call = 0; call < 10; call += 1) await get();

  expect(job.stored.reads().length - before).toBe(1);
});

test.each([
  ['https://evil.example/api/v2/x', null],
  ['//evil.example/api/v2/x', null],
  ['http://api.mypurecloud.de/api/v2/x', null],
  ['https://api.mypurecloud.de:8443/api/v2/x', null],
  ['https://api.mypurecloud.de@evil.example/api/v2/x', null],
  ['https://', null],
  ['https://api.mypurecloud.de/api/v2/x?y=1', '/api/v2/x?y=1'],
  ['/api/v2/x?y=1', '/api/v2/x?y=1'],
  ['https://api.mypurecloud.de/platform/x', 'https://api.mypurecloud.de/platform/x'],
])('a redirect to %s reaches the client as %s', async (location, seen) => {
  answer = answering(302, { location });

  const response = await get({ redirect: 'manual' });

  expect([response.status, response.headers.get('location')]).toEqual([302, seen]);
});

test('if the API breaks off, the client gets an error, and no call with a body is sent twice', async () => {
  answer = (request) => request.socket.destroy();

  const posted = await post();
  const uploaded = await post('x'.repeat(3_000_000));

  expect([posted.status, uploaded.status]).toEqual([502, 502]);
  expect(await posted.json()).toMatchObject({
    code: 'bad.gateway',
    message: expect.stringContaining('ECONNRESET'),
  });
  expect(job.api.calls).toHaveLength(2);
});

test.each([['Upgrade: x\r\nConnection: upgrade\r\n'], ['']])(
  'an API that changes the protocol (%j) gives no answer to the call',
  async (headers) => {
    answer = (request) => request.socket.end(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`);

    const response = await get({ signal: AbortSignal.timeout(5000) });

    expect(response.status).toBe(502);
  },
);

test('`Chunked` is chunked', async () => {
  const head = `POST /api/v2/a HTTP/1.1\r\nHost: 127.0.0.1:${job.port}\r\nConnection: close`;

  const response = await job.raw(
    `${head}\r\nAuthorization: Bearer ${FIRST}\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n`,
  );

  expect(response).toContain('"length":2');
});

test('a call without a body is sent again if the API had closed the idle connection', async () => {
  await (await get()).text();
  answer = (request) => {
    answer = echo;
    request.socket.destroy();
  };

  const response = await get();

  expect(response.status).toBe(200);
});

test('the client notices an incomplete response', async () => {
  answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write('half', () => response.destroy());
  };

  const response = await get();

  await expect(response.text()).rejects.toThrow();
});

test('a client that goes away ends its call at the API', async () => {
  const abort = new AbortController();
  const closed = new Promise((resolve) => {
    answer = (_request, response) => {
      response.once('close', () => resolve('closed'));
      abort.abort();
    };
  });

  await expect(get({ signal: abort.signal })).rejects.toThrow();

  await expect(closed).resolves.toBe('closed');
});

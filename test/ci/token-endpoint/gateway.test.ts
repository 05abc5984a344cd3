import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { type Answer, answering, echo } from './support/genesys-api.ts';
import { openGateway } from './support/job.ts';

const FIRST = 'canary-first-token';
const SECOND = 'canary-second-token';

let job: Awaited<ReturnType<typeof openGateway>>;
let answer: Answer;

beforeEach(async () => {
  answer = echo;
  job = await openGateway(FIRST, (...call) => answer(...call));
});

afterEach(() => job.end());

const tokens = (): (string | undefined)[] => job.api.calls.map(({ token }) => token);
const post = (body = '{"create":1}'): Promise<Response> =>
  job.call('/api/v2/a', FIRST, { method: 'POST', body });

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
  expect(job.api.calls).toMatchObject([
    { method: 'PATCH', path: '/api/v2/users?a=%2Fb&c=d+e', token: FIRST },
  ]);
  const { rawHeaders } = job.api.calls[0] as { rawHeaders: readonly string[] };
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

  const { headers } = await job.call('/api/v2/x', FIRST);

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
  job.stored.store(SECOND, { version: 2 });
  job.stored.advance(3400);

  // Of the first token, 200 seconds are left: the call goes on with it, and a later one finds the newer.
  await job.call('/api/v2/a', FIRST);
  while (tokens().at(-1) !== SECOND) await job.call('/api/v2/b', FIRST);

  expect(tokens()[0]).toBe(FIRST);
});

test('a call waits for a newer token if the held one has nearly expired', async () => {
  job.stored.store(SECOND, { version: 2, lifeSeconds: 7200 });
  job.stored.advance(3590);

  const response = await post();

  expect(response.status).toBe(200);
  expect(tokens()).toEqual([SECOND]);
});

test('without a live token a call is answered with 503 and the reason, and goes through afterwards', async () => {
  job.stored.fail(4);
  job.stored.advance(3601);

  const dead = await job.call('/api/v2/a', FIRST);
  job.stored.store(SECOND, { version: 2 });
  job.stored.advance(10);
  const alive = await job.call('/api/v2/a', FIRST);

  expect([dead.status, dead.headers.get('retry-after'), alive.status]).toEqual([503, '10', 200]);
  expect(await dead.json()).toMatchObject({
    code: 'service.unavailable',
    message: expect.stringContaining('status 4'),
  });
  expect(tokens()).toEqual([SECOND]);
});

test('after a 401 another token is requested, and a call without a body is sent again', async () => {
  answer = refusing(FIRST);
  job.stored.store(SECOND, { version: 2 });

  const response = await job.call('/api/v2/a', FIRST);

  expect(response.status).toBe(200);
  expect(tokens()).toEqual([FIRST, SECOND]);
  expect(job.stored.reads().at(-1)).toContain('--not-version 1');
});

test.each([
  ['POST', 2],
  ['DELETE', 0],
  ['GET', 2],
])(
  '%s with %i bytes is never sent twice: the client gets the 401, and the next call has a newer token',
  async (method, length) => {
    answer = refusing(FIRST);
    job.stored.store(SECOND, { version: 2 });
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

  for (let call = 0; call < 10; call += 1) await job.call('/api/v2/a', FIRST);

  expect(job.stored.reads().length - before).toBe(1);
});

test('a redirect reaches the client only if it leads to the API, and to its own path through the gateway', async () => {
  const gatewayPath = '/api/v2/x?y=1';
  const other = 'https://api.mypurecloud.de/platform/x';
  const redirects: readonly [location: string, seen: string | null][] = [
    ['https://evil.example/api/v2/x', null],
    ['//evil.example/api/v2/x', null],
    ['http://api.mypurecloud.de/api/v2/x', null],
    ['https://api.mypurecloud.de:8443/api/v2/x', null],
    ['https://api.mypurecloud.de@evil.example/api/v2/x', null],
    ['https://', null],
    [`https://api.mypurecloud.de${gatewayPath}`, gatewayPath],
    [gatewayPath, gatewayPath],
    [other, other],
  ];

  for (const [location, seen] of redirects) {
    answer = answering(302, { location });
    const response = await job.call('/api/v2/downloads/1', FIRST, { redirect: 'manual' });

    expect([response.status, location, response.headers.get('location')]).toEqual([302, location, seen]);
  }
  expect(job.api.calls).toHaveLength(redirects.length);
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

    const response = await job.call('/api/v2/a', FIRST, { signal: AbortSignal.timeout(5000) });

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
  await (await job.call('/api/v2/a', FIRST)).text();
  answer = (request) => {
    answer = echo;
    request.socket.destroy();
  };

  const response = await job.call('/api/v2/a', FIRST);

  expect(response.status).toBe(200);
});

test('the client notices an incomplete response', async () => {
  answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write('half', () => response.destroy());
  };

  const response = await job.call('/api/v2/a', FIRST);

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

  await expect(job.call('/api/v2/slow', FIRST, { signal: abort.signal })).rejects.toThrow();

  await expect(closed).resolves.toBe('closed');
});

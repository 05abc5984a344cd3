import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type Answer, echo, type GenesysApi, startGenesysApi } from './support/genesys-api.ts';
import { type Job, startJob } from './support/job.ts';
import { createStoredTokenDirectory, type StoredTokenDirectory } from './support/stored-token.ts';

const FIRST = 'canary-first-token';
const SECOND = 'canary-second-token';

let stored: StoredTokenDirectory;
let api: GenesysApi;
let job: Job;
let answer: Answer;

beforeEach(async () => {
  stored = createStoredTokenDirectory();
  stored.store(FIRST);
  answer = echo;
  api = await startGenesysApi((...call) => answer(...call));
  job = await startJob({
    program: stored.program,
    args: ['genesys', '--genesys-region', 'eu-central-1'],
    env: {
      ...stored.environment,
      ...api.environment,
      NODE_OPTIONS: `${stored.environment.NODE_OPTIONS} ${api.environment.NODE_OPTIONS}`,
    },
  });
  await job.requestToken();
});

afterEach(async () => {
  await job.end();
  await api.close();
  stored.remove();
});

const tokens = (): (string | undefined)[] => api.calls.map(({ token }) => token);

/** Answers 401 to this token, and to none other. */
function refusing(refused: string): Answer {
  return (request, response, token) => {
    if (token !== refused) return echo(request, response, token);
    request.resume();
    response.writeHead(401, { 'content-type': 'application/json' });
    response.end('{"status":401,"code":"bad.credentials"}');
    return undefined;
  };
}

test('method, path, query, headers and body of a call and its response are forwarded unchanged', async () => {
  answer = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    response.writeHead(207, {
      'content-type': 'text/plain',
      'x-correlation': 'c',
      'set-cookie': ['a=1', 'b=2'],
    });
    response.end(Buffer.concat(chunks).toString().toUpperCase());
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
  expect(api.calls).toMatchObject([{ method: 'PATCH', path: '/api/v2/users?a=%2Fb&c=d+e', token: FIRST }]);
  const { rawHeaders } = api.calls[0] as { rawHeaders: readonly string[] };
  expect(rawHeaders).toEqual(expect.arrayContaining(['x-mine', 'kept', 'api.mypurecloud.de']));
  expect(rawHeaders).toContain('application/json');
});

test('HEAD, DELETE and answers without a body come through', async () => {
  answer = (request, response) => {
    request.resume();
    response.writeHead(
      request.method === 'HEAD' ? 200 : 204,
      request.method === 'HEAD' ? { 'content-length': '5' } : {},
    );
    response.end();
  };

  const head = await job.call('/api/v2/x', FIRST, { method: 'HEAD' });
  const deleted = await job.call('/api/v2/x', FIRST, { method: 'DELETE' });

  expect([head.status, head.headers.get('content-length'), deleted.status]).toEqual([200, '5', 204]);
});

test('headers of the connection are not passed back', async () => {
  answer = (request, response) => {
    request.resume();
    response.writeHead(200, {
      connection: 'keep-alive, x-hop',
      'x-hop': '1',
      'keep-alive': 'timeout=1',
      'alt-svc': 'h3=":1"',
      'proxy-authenticate': 'Basic',
    });
    response.end('x');
  };

  const response = await job.call('/api/v2/x', FIRST);

  expect([...response.headers.keys()].filter((name) => /x-hop|alt-svc|proxy/.test(name))).toEqual([]);
  expect(response.headers.get('keep-alive')).toBeNull();
});

test('both bodies stream: each side reads before the other has written all', async () => {
  const served = new Promise<[IncomingMessage, ServerResponse]>((resolve) => {
    answer = (request, response) => resolve([request, response]);
  });
  const outgoing = httpRequest({
    host: '127.0.0.1',
    port: job.port,
    path: '/api/v2/recordings',
    method: 'POST',
    headers: { authorization: `Bearer ${FIRST}` },
  });
  outgoing.write('first half');

  const [request, response] = await served;
  const [upload] = await once(request, 'data');
  response.write('answer begins');
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const [download] = await once(incoming, 'data');
  outgoing.end('second half');
  const [rest] = await once(request, 'data');
  response.end();
  await once(incoming.resume(), 'end');

  expect(String(upload)).toBe('first half');
  expect(String(download)).toBe('answer begins');
  expect(String(rest)).toBe('second half');
});

test('256 MiB are uploaded without being held in memory', async () => {
  const outgoing = httpRequest({
    host: '127.0.0.1',
    port: job.port,
    path: '/api/v2/uploads',
    method: 'POST',
    headers: { authorization: `Bearer ${FIRST}` },
  });

  Readable.from(pieces(256)).pipe(outgoing);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const received = JSON.parse(await text(response));
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${job.process.pid}/status`, 'utf8'))?.[1];

  expect(received).toMatchObject({ length: 256 * MEBIBYTE });
  expect(Number(peak) * 1024).toBeLessThan(200 * MEBIBYTE);
});

const MEBIBYTE = 1_048_576;

function* pieces(count: number): Generator<Buffer> {
  const piece = Buffer.alloc(MEBIBYTE, 'x');
  for (let sent = 0; sent < count; sent += 1) yield piece;
}

test('an older token of the job is replaced by the current one', async () => {
  stored.store(SECOND, { version: 2 });
  stored.stepClock({ seconds: 3400 });

  // Of the first token, 200 seconds are left: the call goes on with it, and the next one finds the newer.
  await job.call('/api/v2/a', FIRST);
  const second = await untilToken(SECOND);

  expect(second.status).toBe(200);
  expect(tokens()[0]).toBe(FIRST);
  expect(tokens().at(-1)).toBe(SECOND);
});

/** Calls with the first token until the API saw this one. */
async function untilToken(token: string): Promise<Response> {
  for (;;) {
    const response = await job.call('/api/v2/b', FIRST);
    if (tokens().at(-1) === token) return response;
  }
}

test('a call waits for a newer token if the held one has expired, or nearly', async () => {
  stored.store(SECOND, { version: 2, lifeSeconds: 7200 });
  stored.stepClock({ seconds: 3590 });

  const response = await job.call('/api/v2/a', FIRST, { method: 'POST', body: 'x' });

  expect(response.status).toBe(200);
  expect(tokens()).toEqual([SECOND]);
});

test('without a live token a call is answered with 503 and the reason, and goes through afterwards', async () => {
  stored.fail(4);
  stored.stepClock({ seconds: 3601 });

  const dead = await job.call('/api/v2/a', FIRST);
  stored.store(SECOND, { version: 2 });
  stored.stepClock({ seconds: 10 });
  const alive = await job.call('/api/v2/a', FIRST);

  expect(dead.status).toBe(503);
  expect(dead.headers.get('retry-after')).toBe('10');
  expect(await dead.json()).toMatchObject({
    code: 'service.unavailable',
    message: expect.stringContaining('status 4'),
  });
  expect(alive.status).toBe(200);
  expect(tokens()).toEqual([SECOND]);
});

test('after a 401 a new token is requested, and a call without a body is sent again', async () => {
  answer = refusing(FIRST);
  stored.store(SECOND, { version: 2 });

  const response = await job.call('/api/v2/a', FIRST);

  expect(response.status).toBe(200);
  expect(tokens()).toEqual([FIRST, SECOND]);
  expect(stored.readings().at(-1)).toContain('--not-version 1');
});

test('a call with a body is never sent twice: the client gets the 401, and the next call has a newer token', async () => {
  answer = refusing(FIRST);
  stored.store(SECOND, { version: 2 });

  const refused = await job.call('/api/v2/a', FIRST, { method: 'POST', body: '{"create":1}' });
  const next = await job.call('/api/v2/a', FIRST, { method: 'POST', body: '{"create":1}' });

  expect([refused.status, next.status]).toEqual([401, 200]);
  expect(tokens()).toEqual([FIRST, SECOND]);
});

test('an API that refuses every token does not cause endless token requests', async () => {
  answer = (request, response) => {
    request.resume();
    response.writeHead(401).end();
  };
  const before = stored.readings().length;

  for (let call = 0; call < 10; call += 1) await job.call('/api/v2/a', FIRST);

  expect(stored.readings().length - before).toBe(1);
});

test.each<[string, string | undefined]>([
  ['https://evil.example/api/v2/x', undefined],
  ['//evil.example/api/v2/x', undefined],
  ['http://api.mypurecloud.de/api/v2/x', undefined],
  ['https://api.mypurecloud.de:8443/api/v2/x', undefined],
  ['https://api.mypurecloud.de@evil.example/api/v2/x', undefined],
  ['https://', undefined],
  ['https://api.mypurecloud.de/api/v2/x?y=1', '/api/v2/x?y=1'],
  ['/api/v2/x', '/api/v2/x'],
  ['https://api.mypurecloud.de/platform/x', 'https://api.mypurecloud.de/platform/x'],
])('the redirect to %s reaches the client as %s', async (location, seen) => {
  answer = (request, response) => {
    request.resume();
    response.writeHead(302, { location }).end();
  };

  const response = await job.call('/api/v2/downloads/1', FIRST, { redirect: 'manual' });

  expect(response.status).toBe(302);
  expect(response.headers.get('location')).toBe(seen ?? null);
  expect(api.calls).toHaveLength(1);
});

test('if the API cannot be reached or breaks off, the client gets an error, and no call with a body is sent twice', async () => {
  answer = (request) => request.socket.destroy();

  const posted = await job.call('/api/v2/a', FIRST, { method: 'POST', body: '{"create":1}' });
  const upload = await job.call('/api/v2/a', FIRST, { method: 'PUT', body: 'x'.repeat(3_000_000) });

  expect([posted.status, upload.status]).toEqual([502, 502]);
  expect(await posted.json()).toMatchObject({
    code: 'bad.gateway',
    message: expect.stringContaining('ECONNRESET'),
  });
  expect(api.calls).toHaveLength(2);
});

test('a call without a body is sent again if the API had closed the idle connection', async () => {
  await (await job.call('/api/v2/a', FIRST)).text();
  let isFirst = true;
  answer = (request, response, token) => {
    if (!isFirst) return echo(request, response, token);
    isFirst = false;
    request.socket.destroy();
    return undefined;
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
  const closed = new Promise<void>((resolve) => {
    answer = (_request, response) => response.once('close', resolve);
  });
  const abort = new AbortController();
  const call = job.call('/api/v2/slow', FIRST, { signal: abort.signal });
  call.catch(() => undefined);
  while (api.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));

  abort.abort();

  await expect(closed).resolves.toBeUndefined();
});

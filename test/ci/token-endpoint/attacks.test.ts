import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { GATEWAY, openGateway, startJob } from './support/job.ts';

/* What may reach a port of this machine: other jobs, web pages, and a COMMAND that was led astray. */
const TOKEN = 'canary-token-of-the-first-job';

let job: Awaited<ReturnType<typeof openGateway>>;

beforeAll(async () => {
  job = await openGateway(TOKEN);
});

afterAll(() => job.end());

interface Sent {
  readonly line?: string;
  /** `PORT` is the gateway's. */
  readonly host?: string;
  /** The bearer; empty: none. */
  readonly token?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** A request to the gateway as bytes, good but for the given parts. */
function bytes({ line, host = '127.0.0.1:PORT', token = TOKEN, headers = [], body = '' }: Sent): string {
  const lines = [
    `${line ?? 'GET /api/v2/users/me'} HTTP/1.1`,
    `Host: ${host.replace('PORT', String(job.port))}`,
    ...(token === '' ? [] : [`Authorization: Bearer ${token}`]),
    'Connection: close',
    ...headers,
  ];
  return [...lines, '', body].join('\r\n');
}

/** Sends bytes, and returns the answer and the paths of the calls that the API got. */
async function send(...parts: readonly (string | Buffer)[]) {
  const before = job.api.calls.length;
  const answer = await job.raw(...parts);
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0);
  return { answer, status, paths: job.api.calls.slice(before).map(({ path }) => path) };
}

const good = `Authorization: Bearer ${TOKEN}`;

test.each<[string, number[], Sent]>([
  ['no bearer', [401], { token: '' }],
  ['a bearer that it never gave out', [401], { token: 'canary-token-of-somebody' }],
  ['a part of a bearer', [401], { token: TOKEN.slice(0, -1) }],
  ['two bearers', [401], { token: '', headers: [good, 'Authorization: Bearer other'] }],
  ['Basic', [401], { token: '', headers: [`Authorization: Basic ${btoa(`x:${TOKEN}`)}`] }],
  ['a token in the query', [401], { token: '', line: `GET /api/v2/users/me?access_token=${TOKEN}` }],
  ['another Host', [421], { host: 'evil.example:PORT' }],
  ['a Host without a port', [421], { host: '127.0.0.1' }],
  ["the API's Host", [421], { host: 'api.mypurecloud.de' }],
  ['a Host that begins with the address', [421], { host: '127.0.0.1.evil.example:PORT' }],
  ['a Host with a dot at its end', [421], { host: 'localhost.:PORT' }],
  ['a Host with a user', [400, 421], { host: 'user@127.0.0.1:PORT' }],
  ['two Hosts', [400, 421], { headers: ['Host: api.mypurecloud.de'] }],
  ['another transfer encoding', [501], { headers: ['Transfer-Encoding: gzip, chunked'], body: '0\r\n\r\n' }],
  ['CONNECT: the connection closes', [0], { line: 'CONNECT evil.example:443' }],
])('%s: the request is refused, and the API sees nothing', async (_what, statuses, sent) => {
  const { answer, status, paths } = await send(bytes(sent));

  expect(statuses).toContain(status);
  expect(answer).not.toContain(TOKEN);
  expect(paths).toEqual([]);
});

test.each<[number, string]>([
  // Forwarded as they are.
  [200, 'GET /api/v2/a..b/.c'],
  [200, 'GET /api/v2/rows/a%2Fb%25'],
  [200, 'GET /api/v2//x/%C3%A4'],
  [200, 'GET /api/v2/x?to=../%2500&u=http://z/'],
  [200, 'GET /api/v2/tokens/me?x=1'],
  [200, 'PUT /api/v2/tokens/timeout'],
  [200, 'DELETE /api/v2/tokens/0a1b2c3d-0000-4000-8000-000000000000'],
  [200, 'DELETE /api/v2/users/tokens'],
  // They could end the token.
  [403, 'DELETE /api/v2/tokens/me?x=1'],
  [403, 'DELETE /api/api/v2/tokens/me'],
  [403, 'DELETE /api/v2/%74okens/%6De'],
  [403, 'DELETE /api/v2/tokens%2fme'],
  [403, 'DELETE /api/v2/tokens%5Cme'],
  [403, 'DELETE /api/v2//Tokens//ME/'],
  [403, 'DELETE /api/v2/tokens;a=b/me%3Bb'],
  [403, 'DELETE /api/v2/;x/tokens/me.json'],
  [403, 'DELETE /api/v2/tokens%20/me%3fx%23'],
  [403, 'DELETE /api/v2/%EF%BD%94o%E2%84%AAens/me'],
  [403, 'DELETE /api/v2/tokens%E2%80%8B/me'],
  [403, 'DELETE /api/v2/token%C5%9B/me'],
  [403, 'DELETE /api/v2/tokens%E2%88%95me'],
  [403, 'DELETE /api/v2/api/v2/tokens/me'],
  [403, 'DELETE /api/v2/tokens'],
  [403, 'POST /api/v2/tokens/me'],
  [403, 'GET /api/v2/tokens/me?x;_%6dethod=delete'],
  // They could leave the API's path.
  [404, 'GET //evil.example/api/v2/users'],
  [404, 'GET /\\evil.example/api/v2/users'],
  [404, 'GET /api/v2/../../x'],
  [404, 'GET /api/v2/users/./me'],
  [404, 'GET /api/v2/%2e%2E/x'],
  [404, 'GET /api/v2/%25252e%25252E/x'],
  [404, 'GET /api/v2/%%32e%%32e/x'],
  [404, 'GET /api/v2/%c0%ae%c0%ae/x'],
  [404, 'GET /api/v2/%EF%BC%8E%EF%BC%8E/x'],
  [404, 'GET /api/v2/%E3%80%82%E3%80%82/x'],
  [404, 'GET /api/v2/..%20/x'],
  [404, 'GET /api/v2/..%00/x'],
  [404, 'GET /api/v2/.%E2%80%8B./x'],
  [404, 'GET /api/v2/.../x'],
  [404, 'GET /api/v2/%u002e%u002e/x'],
  [404, 'GET /api/v2/x%0d%0aHost:y'],
  [404, 'GET /api/v2/users%2f..%2f..%2fx'],
  [404, 'GET /api/v2/users%5c..%5cx'],
  [404, 'GET /api/v2/..;/x'],
  [404, 'GET /api/v2/..%3b/x'],
  [404, 'GET /api/../api/v2/users'],
  [404, 'GET /API/V2/users'],
  [404, 'GET /api/api/v2/../x'],
  [404, 'GET /api/v2/users#/../x'],
  [400, 'GET *'],
  [400, 'GET https://api.mypurecloud.de/api/v2/users'],
])('the answer is %d: %s', async (expected, line) => {
  const { status, paths } = await send(bytes({ line }));

  expect([status, paths]).toEqual([expected, expected === 200 ? [line.replace(/.* /, '')] : []]);
});

const SMUGGLED =
  'GET /api/v2/smuggled HTTP/1.1\r\nHost: api.mypurecloud.de\r\nAuthorization: Bearer x\r\n\r\n';

test.each([
  ['length and chunks', ['Content-Length: 5', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`],
  ['two lengths', ['Content-Length: 0', `Content-Length: ${SMUGGLED.length}`], SMUGGLED],
  ['an unknown encoding', ['Transfer-Encoding: xchunked'], `0\r\n\r\n${SMUGGLED}`],
  ['a folded header', ['Transfer-Encoding:\r\n chunked'], `0\r\n\r\n${SMUGGLED}`],
])('a request with an ambiguous length cannot smuggle a second one: %s', async (_which, headers, body) => {
  const { paths } = await send(bytes({ line: 'POST /api/v2/x', headers, body }));

  expect(paths.filter((path) => path !== '/api/v2/x')).toEqual([]);
});

test('a second request on the connection needs its own Host and bearer', async () => {
  const first = bytes({ line: 'GET /api/v2/first' }).replace('Connection: close\r\n', '');

  const { answer, paths } = await send(first, SMUGGLED);

  expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 421']);
  expect(paths).toEqual(['/api/v2/first']);
});

test('headers of the connection, those that it names, and overriding ones are dropped; length, token and host stay', async () => {
  const headers = ['X-Private: 1', 'Content-Length: 2', 'Proxy-Authorization: Basic eDp5', 'TE: trailers'];
  const upgrade = ['Upgrade: websocket', 'Sec-WebSocket-Key: x'];
  const overriding = ['X-HTTP-Method-Override', 'X_HTTP_METHOD', 'X-Original-URL', 'X-Rewrite-Url'];
  const request = bytes({
    line: 'POST /api/v2/x',
    headers: [...headers, ...upgrade, ...overriding.map((name) => `${name}: DELETE`)],
    body: 'ab',
  });

  const { answer } = await send(
    request.replace(': close', ': close, upgrade, x-private, authorization, Content-Length, host'),
  );

  expect(answer).toContain('"length":2');
  const { rawHeaders = [], token } = job.api.calls.at(-1) ?? {};
  expect(token).toBe(TOKEN);
  expect(rawHeaders).toContain('api.mypurecloud.de');
  expect(
    rawHeaders.filter((text) =>
      /^(x-private|proxy-.*|te|upgrade|websocket|x[-_].*(method|url).*|delete)$/i.test(text),
    ),
  ).toEqual([]);
});

test('an endless header, and a huge body without a bearer, are refused', async () => {
  const megabyte = Buffer.alloc(1_048_576, 'a');
  const huge = { token: '', line: 'POST /api/v2/x', headers: ['Content-Length: 1000000000'] };

  const header = await send('GET /api/v2/x HTTP/1.1\r\nX: ', megabyte);
  const body = await send(bytes(huge), ...Array<Buffer>(8).fill(megabyte));

  expect(header.answer).toMatch(/^HTTP\/1\.1 431 |^$/);
  expect(body.answer).toMatch(/^HTTP\/1\.1 401 |^$/);
  expect([header.paths, body.paths]).toEqual([[], []]);
});

test('connections without a credential use up neither descriptors nor connections of the job', async () => {
  const few = await startJob(job.stored, GATEWAY, job.api.environment, 'ulimit -n 256');
  let open = 0;
  const idle = Array.from({ length: 400 }, () => {
    const socket = connect(few.port, '127.0.0.1').resume();
    socket.on('error', () => undefined);
    socket.once('connect', () => (open += 1)).once('close', () => (open -= 1));
    return once(socket, 'connect');
  });
  await Promise.all(idle);

  job.stored.advance(20);
  const token = await few.requestToken();
  const call = await few.call('/api/v2/x', TOKEN);

  expect([token.status, call.status]).toEqual([200, 200]);
  expect(open).toBeLessThan(256 / 2);
  // None keeps its place.
  for (let seconds = 0; open > 1 && seconds < 20; seconds += 1) await sleep(1000);
  expect(open).toBeLessThanOrEqual(1);
  expect(await few.end()).toEqual({ status: 0, signal: null });
}, 40_000);

test.each([
  ['closed', ''],
  ['full', 'exec 2>/dev/full'],
  ['missing', 'exec 2>&-'],
])('a log that is %s does not end the program', async (_how, before) => {
  const silent = await startJob(job.stored, ['genesys'], {}, before);
  silent.child.stderr.destroy();
  job.stored.advance(20);

  const token = await silent.requestToken();

  expect(token.status).toBe(200);
  expect(await silent.end()).toEqual({ status: 0, signal: null });
});

test('variables for Node.js reach COMMAND, and reveal nothing of the program’s own process', async () => {
  const variables = {
    NODE_DEBUG: 'child_process,http,https,net,tls,stream',
    NODE_DEBUG_NATIVE: 'TLS',
    NODE_OPTIONS: `${job.api.environment.NODE_OPTIONS} --inspect=127.0.0.1:0 "--trace-tls" --report-on-signal`,
  };
  const told = await startJob(job.stored, GATEWAY, {
    ...job.api.environment,
    ...variables,
    AWS_X: 'canary-aws',
  });

  const token = await told.requestToken();
  const call = await told.call('/api/v2/x', TOKEN);
  await told.end();

  expect([token.status, call.status]).toEqual([200, 200]);
  expect(told.env).toMatchObject(variables);
  expect(told.stderr()).not.toMatch(/canary|HTTP \d|Report/);
  expect(told.stderr()).not.toContain(told.env.OAUTH_CLIENT_SECRET);
  expect(told.stderr().match(/ws:/g)).toHaveLength(1);
});

test('SIGUSR1 opens no debugger, also while the first token is read', async () => {
  const starting = startJob(job.stored, ['genesys'], {}, '(sleep 1; kill -USR1 $$) &');
  job.stored.store(TOKEN, { before: 'sleep 2' });

  const started = await starting;
  job.stored.store(TOKEN);
  await started.end();

  expect(started.stderr()).toContain('answers on');
  expect(started.stderr()).not.toContain('Debugger');
});

import { openGateway } from './support/job.ts';

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
    line ?? 'GET /api/v2/users/me HTTP/1.1',
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

const inQuery = `GET /api/v2/users/me?access_token=${TOKEN} HTTP/1.1`;
const anotherHost = 'Host: api.mypurecloud.de';
const good = `Authorization: Bearer ${TOKEN}`;
const other = 'Authorization: Bearer other';

test.each<[string, number[], Sent]>([
  ['no bearer', [401], { token: '' }],
  ['a bearer that it never gave out', [401], { token: 'canary-token-of-somebody' }],
  ['a part of a bearer', [401], { token: TOKEN.slice(0, -1) }],
  ['a bearer with more behind it', [401], { token: `${TOKEN}x` }],
  ['two bearers', [401], { token: '', headers: [good, other] }],
  ['two bearers, the good one last', [401], { token: '', headers: [other, good] }],
  ['Basic', [401], { token: '', headers: [`Authorization: Basic ${btoa(`x:${TOKEN}`)}`] }],
  ['a token in the query', [401], { token: '', line: inQuery }],
  ['another Host', [421], { host: 'evil.example' }],
  ['another Host with a port', [421], { host: 'evil.example:80' }],
  ['a Host without a port', [421], { host: '127.0.0.1' }],
  ['a Host with another port', [421], { host: '127.0.0.1:1' }],
  ["the API's Host", [421], { host: 'api.mypurecloud.de' }],
  ['a Host that begins with the address', [421], { host: '127.0.0.1.evil.example:PORT' }],
  ['a Host with a dot at its end', [421], { host: 'localhost.:PORT' }],
  ['a Host with a user', [400, 421], { host: 'user@127.0.0.1:PORT' }],
  ['two Hosts', [400, 421], { headers: [anotherHost] }],
  ['another transfer encoding', [501], { headers: ['Transfer-Encoding: gzip, chunked'], body: '0\r\n\r\n' }],
  ['CONNECT: the connection closes', [0], { line: 'CONNECT evil.example:443 HTTP/1.1' }],
  ['the end of the token', [403], { line: 'DELETE /api/v2/tokens/me HTTP/1.1' }],
  ['the end of the token, with a query', [403], { line: 'DELETE /api/v2/tokens/me?x=1 HTTP/1.1' }],
  ['the end of the token, by another path', [403], { line: 'DELETE /api/api/v2/tokens/me HTTP/1.1' }],
])('%s: the request is refused, and the API sees nothing', async (_what, statuses, sent) => {
  const { answer, status, paths } = await send(bytes(sent));

  expect(statuses).toContain(status);
  expect(answer).not.toContain(TOKEN);
  expect(paths).toEqual([]);
});

test.each([
  '//evil.example/api/v2/users',
  '/\\evil.example/api/v2/users',
  '/api/v2/../../x',
  '/api/v2/.',
  '/api/v2/users/./me',
  '/api/v2/%2e%2e/%2e%2e/x',
  '/api/v2/%25252e%25252E/x',
  '/api/v2/users%2f..%2f..%2fx',
  '/api/v2/users%5c..%5cx',
  '/api/v2/users\\..\\x',
  '/api/v2/..;/x',
  '/api/v2/..%3b/x',
  '/api/../api/v2/users',
  '/api/v3/users',
  '/API/V2/users',
  '/api/api/api/v2/users',
  '/api/api/v2/../x',
  '/api/v2/users#/../x',
  '*',
  'api/v2/users',
  'https://api.mypurecloud.de/api/v2/users',
  'evil.example:443',
])('the target %s is refused', async (target) => {
  const { status, paths } = await send(bytes({ line: `GET ${target} HTTP/1.1` }));

  expect([400, 404]).toContain(status);
  expect(paths).toEqual([]);
});

test.each(['/api/v2/a..b/.c', '/api/v2/rows/a%2Fb', '/api/v2//x', '/api/v2/x?to=../../y&u=http://z/'])(
  'the target %s is forwarded as it is',
  async (target) => {
    const { status, paths } = await send(bytes({ line: `GET ${target} HTTP/1.1` }));

    expect([status, paths]).toEqual([200, [target]]);
  },
);

const SMUGGLED =
  'GET /api/v2/smuggled HTTP/1.1\r\nHost: api.mypurecloud.de\r\nAuthorization: Bearer x\r\n\r\n';

test.each([
  ['length and chunks', ['Content-Length: 5', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`],
  ['two lengths', ['Content-Length: 0', `Content-Length: ${SMUGGLED.length}`], SMUGGLED],
  ['an unknown encoding', ['Transfer-Encoding: xchunked'], `0\r\n\r\n${SMUGGLED}`],
  ['chunks under another encoding', ['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n'],
  ['a space before the colon', [`Content-Length : ${SMUGGLED.length}`], SMUGGLED],
  ['a folded header', ['Transfer-Encoding:\r\n chunked'], `0\r\n\r\n${SMUGGLED}`],
  ['a line feed in a value', ['X-A: b\nTransfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`],
  ['a negative length', ['Content-Length: -1'], SMUGGLED],
  ["a sign in a chunk's length", ['Transfer-Encoding: chunked'], `+3\r\nabc\r\n0\r\n\r\n`],
])('a request with an ambiguous length cannot smuggle a second one: %s', async (_which, headers, body) => {
  const { paths } = await send(bytes({ line: 'POST /api/v2/x HTTP/1.1', headers, body }));

  expect(paths.filter((path) => path !== '/api/v2/x')).toEqual([]);
});

test('a second request on the connection needs its own Host and bearer', async () => {
  const first = bytes({ line: 'GET /api/v2/first HTTP/1.1' }).replace('Connection: close\r\n', '');

  const { answer, paths } = await send(first, SMUGGLED);

  expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 421']);
  expect(paths).toEqual(['/api/v2/first']);
});

test('headers of the connection, and those that it names, are dropped; length, token and host stay', async () => {
  const headers = ['X-Private: 1', 'Content-Length: 2', 'Proxy-Authorization: Basic eDp5', 'TE: trailers'];
  const upgrade = ['Upgrade: websocket', 'Sec-WebSocket-Key: x'];
  const request = bytes({
    line: 'POST /api/v2/x HTTP/1.1',
    headers: [...headers, ...upgrade],
    body: 'ab',
  });

  const { answer } = await send(
    request.replace(': close', ': close, upgrade, x-private, authorization, Content-Length, host'),
  );

  expect(answer).toContain('"length":2');
  const { rawHeaders = [], token } = job.api.calls.at(-1) ?? {};
  expect(token).toBe(TOKEN);
  expect(rawHeaders).toContain('api.mypurecloud.de');
  expect(rawHeaders.filter((text) => /^(x-private|proxy-.*|te|upgrade|websocket)$/i.test(text))).toEqual([]);
});

test('an endless header, and a huge body without a bearer, are refused', async () => {
  const megabyte = Buffer.alloc(1_048_576, 'a');
  const huge = { token: '', line: 'POST /api/v2/x HTTP/1.1', headers: ['Content-Length: 1000000000'] };

  const header = await send('GET /api/v2/x HTTP/1.1\r\nX: ', megabyte);
  const body = await send(bytes(huge), ...Array<Buffer>(8).fill(megabyte));

  expect(header.answer).toMatch(/^HTTP\/1\.1 431 |^$/);
  expect(body.answer).toMatch(/^HTTP\/1\.1 401 |^$/);
  expect([header.paths, body.paths]).toEqual([[], []]);
});

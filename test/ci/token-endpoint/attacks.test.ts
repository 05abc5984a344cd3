import { echo, type GenesysApi, startGenesysApi } from './support/genesys-api.ts';
import { type Job, startJob } from './support/job.ts';
import { createStoredTokenDirectory, type StoredTokenDirectory } from './support/stored-token.ts';

/* What may reach a port of this machine: other jobs, web pages, and a COMMAND that was led astray. */
const TOKEN = 'canary-token-of-the-first-job';
const OTHER_TOKEN = 'canary-token-of-the-second-job';
const GATEWAY = ['genesys', '--genesys-region', 'eu-central-1'];

let stored: StoredTokenDirectory;
let otherStored: StoredTokenDirectory;
let api: GenesysApi;
let job: Job;
let second: Job | undefined;

beforeAll(async () => {
  stored = createStoredTokenDirectory();
  otherStored = createStoredTokenDirectory();
  stored.store(TOKEN);
  otherStored.store(OTHER_TOKEN);
  api = await startGenesysApi(echo);
  job = await startJob({ program: stored.program, args: GATEWAY, env: api.environment });
  await job.requestToken();
});

afterAll(async () => {
  await job.end();
  await second?.end();
  await api.close();
  stored.remove();
  otherStored.remove();
});

/** A request to the gateway as bytes, good but for what a test changes. */
function bytes(
  line: string,
  { host = `127.0.0.1:${job.port}`, token = TOKEN, headers = [] as readonly string[], body = '' } = {},
): string {
  const authorization = token === '' ? [] : [`Authorization: Bearer ${token}`];
  return [line, `Host: ${host}`, ...authorization, 'Connection: close', ...headers, '', body].join('\r\n');
}

/** Asserts that the answer has this status and that the API saw nothing. */
async function expectRefused(request: string, statuses: readonly number[]): Promise<void> {
  const before = api.calls.length;

  const answer = await job.raw(request);

  expect(statuses).toContain(Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]));
  expect(answer).not.toContain(TOKEN);
  expect(api.calls.slice(before)).toEqual([]);
}

test('a correct request is forwarded', async () => {
  const answer = await job.raw(bytes('GET /api/v2/users/me HTTP/1.1'));

  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(api.calls.at(-1)).toMatchObject({ path: '/api/v2/users/me', token: TOKEN });
});

test.each([
  ['none', ''],
  ['one that it never gave out', 'canary-token-of-somebody'],
  ['a part of one', TOKEN.slice(0, -1)],
  ['one with more behind it', `${TOKEN}x`],
  ["the second job's", OTHER_TOKEN],
])('a bearer is refused: %s', async (_which, token) => {
  await expectRefused(bytes('GET /api/v2/users/me HTTP/1.1', { token }), [401]);
});

test.each([
  ['two headers', [`Authorization: Bearer ${TOKEN}`, 'Authorization: Bearer other']],
  ['two headers, the good one last', ['Authorization: Bearer other', `Authorization: Bearer ${TOKEN}`]],
  ['Basic', [`Authorization: Basic ${Buffer.from(`x:${TOKEN}`).toString('base64')}`]],
  ['in the query', []],
])('the token is accepted only in one Bearer header: %s', async (_which, headers) => {
  await expectRefused(
    bytes(`GET /api/v2/users/me?access_token=${TOKEN} HTTP/1.1`, { token: '', headers }),
    [401],
  );
});

test.each([
  'evil.example',
  'evil.example:80',
  '127.0.0.1',
  '127.0.0.1:1',
  'api.mypurecloud.de',
  '127.0.0.1.evil.example:PORT',
  'localhost.:PORT',
  'user@127.0.0.1:PORT',
])('another Host is refused: %s', async (host) => {
  const request = bytes('GET /api/v2/users/me HTTP/1.1', { host: host.replace('PORT', String(job.port)) });
  await expectRefused(request, [400, 421]);
});

test('two Host headers are refused', async () => {
  const headers = ['Host: api.mypurecloud.de'];
  await expectRefused(bytes('GET /api/v2/users/me HTTP/1.1', { headers }), [400, 421]);
});

test.each([
  '//evil.example/api/v2/users',
  '///api/v2/users',
  '/\\evil.example/api/v2/users',
  '/api/v2/../../x',
  '/api/v2/..',
  '/api/v2/.',
  '/api/v2/users/./me',
  '/api/v2/%2e%2e/%2e%2e/x',
  '/api/v2/%2E./x',
  '/api/v2/.%2e/x',
  '/api/v2/%252e%252e/x',
  '/api/v2/%25252e%25252E/x',
  '/api/v2/users%2f..%2f..%2fx',
  '/api/v2/users%5c..%5cx',
  '/api/v2/users\\..\\x',
  '/api/v2/..;/x',
  '/api/v2/..%3b/x',
  '/api/../api/v2/users',
  '/api/v2',
  '/api/v3/users',
  '/API/V2/users',
  '/%61pi/v2/users',
  '/api/api/api/v2/users',
  '/api/api/v2/../x',
  '/platform/api/v2/users',
  '/oauth/token/../../api/v2/users',
  '/api/v2/users#/../x',
  '/',
  '*',
  'api/v2/users',
  'http://evil.example/api/v2/users',
  'https://api.mypurecloud.de/api/v2/users',
  'evil.example:443',
])('the target %s is refused', async (target) => {
  await expectRefused(bytes(`GET ${target} HTTP/1.1`), [400, 404]);
});

test.each(['/api/v2/a..b/.c', '/api/v2/rows/a%2Fb', '/api/v2//x', '/api/v2/x?to=../../y&u=http://z/'])(
  'the target %s is forwarded as it is',
  async (target) => {
    const answer = await job.raw(bytes(`GET ${target} HTTP/1.1`));

    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(api.calls.at(-1)?.path).toBe(target);
  },
);

test('CONNECT is refused', async () => {
  const before = api.calls.length;

  const answer = await job.raw(bytes('CONNECT evil.example:443 HTTP/1.1'));

  expect(answer).not.toMatch(/^HTTP\/1\.1 2/);
  expect(api.calls.length).toBe(before);
});

test('an upgrade to another protocol is not passed on', async () => {
  const headers = ['Upgrade: websocket', 'Sec-WebSocket-Key: x'];

  await job.raw(bytes('GET /api/v2/notifications HTTP/1.1', { headers }).replace('close', 'upgrade, close'));

  const names = api.calls.at(-1)?.rawHeaders.map((text) => text.toLowerCase());
  expect(names).not.toContain('upgrade');
  expect(names).not.toContain('websocket');
});

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
  const before = api.calls.length;

  await job.raw(bytes('POST /api/v2/x HTTP/1.1', { headers, body }));

  const seen = api.calls.slice(before).map(({ path }) => path);
  expect(seen.filter((path) => path !== '/api/v2/x')).toEqual([]);
});

test('a second request on the connection needs its own Host and bearer', async () => {
  const before = api.calls.length;
  const first = bytes('GET /api/v2/first HTTP/1.1').replace('Connection: close\r\n', '');

  const answer = await job.raw(first, SMUGGLED);

  expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 421']);
  expect(api.calls.slice(before).map(({ path }) => path)).toEqual(['/api/v2/first']);
});

test('headers that Connection names are dropped, and cannot take the length or the token away', async () => {
  const headers = ['X-Private: 1', 'Content-Length: 2', 'Proxy-Authorization: Basic eDp5', 'TE: trailers'];
  const request = bytes('POST /api/v2/x HTTP/1.1', { headers, body: 'ab' });

  const answer = await job.raw(
    request.replace('Connection: close', 'Connection: close, x-private, authorization, Content-Length, host'),
  );

  expect(answer).toContain('"length":2');
  const received = api.calls.at(-1);
  expect(received?.token).toBe(TOKEN);
  const names = received?.rawHeaders
    .filter((_text, index) => index % 2 === 0)
    .map((name) => name.toLowerCase());
  expect(names?.filter((name) => /^(x-private|proxy-|te$)/.test(name))).toEqual([]);
  expect(received?.rawHeaders).toContain('api.mypurecloud.de');
});

test('ending the token of every job is not forwarded', async () => {
  for (const target of ['/api/v2/tokens/me', '/api/v2/tokens/me?x=1', '/api/api/v2/tokens/me']) {
    await expectRefused(bytes(`DELETE ${target} HTTP/1.1`), [403]);
  }
});

test('an endless header, and a huge body without a bearer, are refused', async () => {
  const megabyte = Buffer.alloc(1_048_576, 'a');
  const before = api.calls.length;

  const [header, body] = await Promise.all([
    job.raw('GET /api/v2/x HTTP/1.1\r\nX: ', megabyte),
    job.raw(
      bytes('POST /api/v2/x HTTP/1.1', { token: '', headers: ['Content-Length: 1000000000'] }),
      ...Array<Buffer>(8).fill(megabyte),
    ),
  ]);

  expect(header).toMatch(/^HTTP\/1\.1 431 |^$/);
  expect(body).toMatch(/^HTTP\/1\.1 401 |^$/);
  expect(api.calls.length).toBe(before);
});

test('a second job on the same machine gets neither a token nor a call from the first', async () => {
  second = await startJob({ program: otherStored.program, args: GATEWAY, env: api.environment });
  const before = api.calls.length;

  const ownToken = await second.requestToken();
  const foreignCredentials = await fetch(job.env.OAUTH_TOKEN_URL as string, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: second.env.OAUTH_CLIENT_ID as string,
      client_secret: second.env.OAUTH_CLIENT_SECRET as string,
    }),
  });
  const [inFirst, inSecond] = await Promise.all([
    job.call('/api/v2/users/me', OTHER_TOKEN),
    second.call('/api/v2/users/me', TOKEN),
  ]);

  expect(ownToken).toMatchObject({ status: 200, body: { access_token: OTHER_TOKEN } });
  expect(second.port).not.toBe(job.port);
  expect(second.env.OAUTH_CLIENT_SECRET).not.toBe(job.env.OAUTH_CLIENT_SECRET);
  expect(foreignCredentials.status).toBe(401);
  expect([inFirst.status, inSecond.status]).toEqual([401, 401]);
  expect(api.calls.length).toBe(before);
  expect(await second.end()).toEqual({ status: 0, signal: null });
  second = undefined;
});

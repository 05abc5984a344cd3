import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createSendRequest, MAX_BODY_BYTES } from '../../../lambda/mint/http.ts';
import { type BareServer, startBareServer } from '../../support/bare-server.ts';
import { rejection } from '../../support/leaks.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;

let server: BareServer;
let onConnection: (socket: Socket) => unknown;

beforeEach(async () => {
  server = await startBareServer((socket) => onConnection(socket));
});

afterEach(() => server.close());

const send = (options: { timeoutMs?: number; signal?: AbortSignal; path?: string } = {}) =>
  createSendRequest()({
    method: 'POST',
    url: `${server.url}${options.path ?? ''}`,
    headers: {},
    body: 'a=b',
    signal: new AbortController().signal,
    timeoutMs: 5_000,
    ...options,
  });
const answering = (head: string, body: string | Buffer = '') => {
  const length = `content-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return (socket: Socket) =>
    socket.once('data', () => socket.end(Buffer.concat([Buffer.from(head + length), Buffer.from(body)])));
};
/** Writes `start`, then `more` without end. */
const endlessly = (start: string, more: string) => (socket: Socket) => {
  const block = more.repeat(Math.ceil(16_384 / more.length));
  socket.write(start);
  const write = () => {
    while (!socket.destroyed && socket.write(block));
  };
  socket.on('drain', write);
  write();
};

/** Not `once`: it rejects if the connection was reset. */
const allClosed = () =>
  Promise.all(
    server.connections.map((socket) => socket.destroyed || new Promise((done) => socket.on('close', done))),
  );

test('status, headers and body are returned unchanged, also of a redirect', async () => {
  let sent = '';
  onConnection = (socket) => {
    socket.once('data', (data) => {
      sent = String(data);
    });
    answering('HTTP/1.1 302 Found\r\nLocation: /other\r\nX-Two: a\r\nx-two: b\r\n', 'ä€')(socket);
  };

  const response = await send({ path: '/?a=b%20c' });

  const headers = { location: '/other', 'x-two': 'a', 'content-length': '5' };
  expect(response).toEqual({ status: 302, headers, body: 'ä€', isTruncated: false });
  expect(sent).toMatch(/^POST \/\?a=b%20c HTTP/);
});

test.each<[string, string | Buffer, object]>([
  ['has no byte order mark', '\ufeff{}', { body: '{}', isTruncated: false }],
  [
    'may be as long as the limit',
    'x'.repeat(MAX_BODY_BYTES),
    { body: 'x'.repeat(MAX_BODY_BYTES), isTruncated: false },
  ],
  [
    'is cut above the limit',
    'x'.repeat(MAX_BODY_BYTES + 1),
    { body: 'x'.repeat(MAX_BODY_BYTES), isTruncated: true },
  ],
])('a body %s', async (_case, body, expected) => {
  onConnection = answering(OK, body);

  expect(await send()).toMatchObject(expected);
});

test('a compressed body, which was not requested, is not decompressed', async () => {
  onConnection = answering(`${OK}content-encoding: gzip\r\n`, gzipSync(Buffer.alloc(2 ** 24, ' ')));

  expect((await send()).body.length).toBeLessThan(20_000);
});

test.each([
  ['body', `${OK}\r\n`, 'x'],
  ['series of chunks', CHUNKED, '1\r\nx\r\n'],
])('an endless %s is cut, and its connection is closed', async (_case, start, more) => {
  onConnection = endlessly(start, more);

  const { body, isTruncated } = await send();

  expect([body.length, isTruncated]).toEqual([MAX_BODY_BYTES, true]);
  await allClosed();
});

test.each<[string, (socket: Socket) => unknown, RegExp]>([
  ['an answer that never begins', () => {}, /^TimeoutError$/],
  [
    'a body that stops half way',
    (socket) => socket.write(`${OK}content-length: 10\r\n\r\nabc`),
    /^TimeoutError$/,
  ],
  ['headers without end', endlessly(OK, 'x-more: 1\r\n'), /^HeadersOverflowError$/],
  ['trailers without end', endlessly(`${CHUNKED}0\r\n`, 'x-more: 1\r\n'), /^(HeadersOverflow|Timeout)Error$/],
  ['another protocol', (socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'), /^HTTPParserError$/],
])('%s is an error', async (_case, answer, name) => {
  onConnection = answer;

  expect(await rejection(send({ timeoutMs: 500 }))).toMatchObject({ name: expect.stringMatching(name) });
});

test('the caller’s signal ends a request, before and while it runs', async () => {
  const before = AbortSignal.abort(new DOMException('', 'AbortError'));
  expect(await rejection(send({ signal: before }))).toMatchObject({ name: 'AbortError' });
  expect(server.connections).toHaveLength(0);

  const controller = new AbortController();
  onConnection = () => controller.abort();
  expect(await rejection(send({ signal: controller.signal }))).toMatchObject({ name: 'AbortError' });
});

test('each request has its own connection, which is closed', async () => {
  onConnection = (socket) => socket.on('data', () => socket.write(`${OK}content-length: 2\r\n\r\n{}`));

  await send();
  await send();

  expect(server.connections).toHaveLength(2);
  await allClosed();
});

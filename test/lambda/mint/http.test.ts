import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { connectionFailure } from '../../../lambda/mint/connection-failure.ts';
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

const send = (options: { timeoutMs?: number; signal?: AbortSignal } = {}) =>
  createSendRequest()({
    method: 'POST',
    url: server.url,
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
  onConnection = answering('HTTP/1.1 302 Found\r\nLocation: /other\r\nX-Two: a\r\nx-two: b\r\n', 'ä€');

  const response = await send();

  const headers = { location: '/other', 'x-two': 'a', 'content-length': '5' };
  expect(response).toEqual({ status: 302, headers, body: 'ä€', isTruncated: false });
});

const X = 'x'.repeat(MAX_BODY_BYTES);
const BOMB = gzipSync(Buffer.alloc(2 ** 24, ' '));
test.each<[string, (socket: Socket) => unknown, number, boolean]>([
  ['a byte order mark is left out', answering(OK, '\ufeff{}'), 2, false],
  ['a body may be as long as the limit', answering(OK, X), MAX_BODY_BYTES, false],
  ['a body above the limit is cut', answering(OK, `${X}x`), MAX_BODY_BYTES, true],
  ['an endless body is cut', endlessly(`${OK}\r\n`, 'x'), MAX_BODY_BYTES, true],
  ['an endless series of chunks is cut', endlessly(CHUNKED, '1\r\nx\r\n'), MAX_BODY_BYTES, true],
  [
    'a compressed body, which was not requested, is not decompressed',
    answering(`${OK}content-encoding: gzip\r\n`, BOMB),
    new TextDecoder().decode(BOMB).length,
    false,
  ],
])('%s, and the connection is closed', async (_case, answer, length, isCut) => {
  onConnection = answer;

  const { body, isTruncated } = await send();

  expect([body.length, isTruncated]).toEqual([length, isCut]);
  await allClosed();
});

const halfBody = (socket: Socket) => socket.write(`${OK}content-length: 10\r\n\r\nabc`);
test.each<[string, (socket: Socket) => unknown, RegExp]>([
  ['an answer that never begins', () => {}, /^TimeoutError$/],
  ['a body that stops half way', halfBody, /^TimeoutError$/],
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

test.each([
  [/^It did not answer in time/, ['TimeoutError', 'AbortError', 'ETIMEDOUT', 'UND_ERR_BODY_TIMEOUT']],
  [/^It did not answer in time/, ['UND_ERR_ABORTED', 'UND_ERR_HEADERS_TIMEOUT']],
  [/^The name was not found/, ['ENOTFOUND', 'EAI_AGAIN']],
  [/^The TLS connection failed/, ['CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID', 'EPROTO']],
  [/^The TLS connection failed/, ['ERR_SSL_WRONG_VERSION_NUMBER', 'DEPTH_ZERO_SELF_SIGNED_CERT']],
  [/^The TLS connection failed/, ['SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE']],
  [/^Check its status page/, ['ECONNREFUSED', 'ECONNRESET', 'UND_ERR_SOCKET', 'HTTPParserError']],
])('the advice is %s for %j', (advice, labels) => {
  for (const label of labels) {
    const error = Object.assign(new Error('canary'), { code: label });

    expect(connectionFailure(error)).toEqual({ label, advice: expect.stringMatching(advice) });
  }
});

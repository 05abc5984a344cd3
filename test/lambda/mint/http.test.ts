import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { getCACertificates, type SecureVersion, setDefaultCACertificates } from 'node:tls';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import type { ProxySettings } from '../../../lambda/config.ts';
import { connectionFailure } from '../../../lambda/mint/connection-failure.ts';
import { createSendRequest, MAX_BODY_BYTES } from '../../../lambda/mint/http.ts';
import { createServerCertificate } from '../../../local/server-certificate.ts';
import { rejection } from '../../support/leaks.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;

/** It speaks no protocol. */
const server = createServer((socket) => {
  socket.on('error', () => {});
  connections.push(socket);
  onConnection(socket);
});
let url: string;
const connections: Socket[] = [];
let onConnection: (socket: Socket) => unknown;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  for (const socket of connections.splice(0)) socket.destroy();
});
afterAll(() => server.close());

const send = (options: SendOptions = {}, proxy?: ProxySettings) =>
  createSendRequest(proxy)({
    method: 'POST',
    url,
    headers: {},
    body: 'a=b',
    signal: new AbortController().signal,
    timeoutMs: 5_000,
    ...options,
  });
type SendOptions = { timeoutMs?: number; signal?: AbortSignal; url?: string };
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
    connections.map((socket) => socket.destroyed || new Promise((done) => socket.on('close', done))),
  );

test('status, headers and body are returned unchanged, also of a redirect', async () => {
  onConnection = answering('HTTP/1.1 302 Found\r\nLocation: /other\r\nX-Two: a\r\nx-two: b\r\n', 'ä€');

  const headers = { location: '/other', 'x-two': 'a', 'content-length': '5' };
  expect(await send()).toEqual({ status: 302, headers, body: 'ä€', isTruncated: false });
});

const X = 'x'.repeat(MAX_BODY_BYTES);
const BOMB = gzipSync(Buffer.alloc(2 ** 24, ' '));
const encoded = (encoding: string, body: string | Buffer) =>
  answering(`${OK}Content-Encoding: ${encoding}\r\n`, body);
test.each<[string, (socket: Socket) => unknown, number, boolean]>([
  ['a byte order mark is left out', answering(OK, '\ufeff{}'), 2, false],
  ['a body above the limit is cut', answering(OK, `${X}x`), MAX_BODY_BYTES, true],
  ['an endless body is cut', endlessly(`${OK}\r\n`, 'x'), MAX_BODY_BYTES, true],
  ['an endless series of chunks is cut', endlessly(CHUNKED, '1\r\nx\r\n'), MAX_BODY_BYTES, true],
  ['a compressed body may be as long as the limit', encoded('gzip', gzipSync(X)), MAX_BODY_BYTES, false],
  ['a bomb in two codings is refused', encoded('gzip, gzip', gzipSync(BOMB)), 0, true],
  ['a compressed body that is too long on its way is cut', encoded('gzip', `${X}x`), MAX_BODY_BYTES, true],
])('%s, and the connection is closed', async (_case, answer, length, isCut) => {
  onConnection = answer;

  const { body, isTruncated } = await send();

  expect([body.length, isTruncated]).toEqual([length, isCut]);
  await allClosed();
});

const JSON_BODY = Buffer.from('{"access_token":"ä"}');
test.each<[string, string | Buffer]>([
  ['X-GZIP', gzipSync(JSON_BODY)],
  ['deflate', deflateSync(JSON_BODY)],
  ['deflate', deflateRawSync(JSON_BODY)],
  ['gzip,identity , br', brotliCompressSync(gzipSync(JSON_BODY))],
  ['gzip\r\ncontent-encoding: deflate', deflateSync(gzipSync(JSON_BODY))],
  // Without the trailer, and a header that is left from before a proxy decoded the body.
  ['gzip', gzipSync(JSON_BODY).subarray(0, -8)],
  ['gzip', JSON_BODY],
  ['unknown', JSON_BODY],
])('Content-Encoding %s is decoded', async (encoding, body) => {
  onConnection = encoded(encoding, body);

  expect(await send()).toMatchObject({ body: String(JSON_BODY), isTruncated: false });
});

test.each<[number, RegExp]>([
  [407, /^The proxy wants a user and a password/],
  [403, /^The proxy does not allow connections to this host/],
  [502, /^The proxy could not reach the host/],
])('a proxy that answers CONNECT with %i is told as that', async (status, advice) => {
  onConnection = answering(`HTTP/1.1 ${status} canary\r\nproxy-authenticate: Basic\r\n`);

  const to = { url: 'https://id.example.test/token' };
  const error = await rejection(send(to, { httpsProxy: url, noProxy: '' }));

  const label = `the proxy answered HTTP ${status}`;
  expect(connectionFailure(error)).toEqual({ label, advice: expect.stringMatching(advice) });
});

test('a proxy that closes the connection is told as that', async () => {
  onConnection = (socket) => socket.destroy();

  const error = await rejection(send({ url: 'https://a.test/' }, { httpsProxy: url, noProxy: '' }));

  expect(connectionFailure(error).advice).toMatch(/^The proxy did not answer/);
});

test.each<SecureVersion>(['TLSv1.2', 'TLSv1.3'])(
  'a server that wants a client certificate is told as that: %s',
  async (version) => {
    const certificate = await createServerCertificate(['localhost']);
    const mutual = createTlsServer({
      ...certificate,
      ...{ ca: certificate.cert, requestCert: true, minVersion: version, maxVersion: version },
    });
    mutual.listen(0, '127.0.0.1');
    await once(mutual, 'listening');
    const trusted = getCACertificates();
    setDefaultCACertificates([...trusted, certificate.cert]);
    try {
      const url = `https://localhost:${(mutual.address() as AddressInfo).port}`;

      const { advice } = connectionFailure(await rejection(send({ url })));

      expect(advice).toMatch(/^The server ended the TLS handshake.*client certificate \(mutual TLS\)/);
    } finally {
      setDefaultCACertificates(trusted);
      mutual.close();
    }
  },
);

const halfBody = (socket: Socket) => socket.write(`${OK}content-length: 10\r\n\r\nabc`);
test.each<[string, (socket: Socket) => unknown, RegExp]>([
  ['an answer that never begins', () => {}, /^TimeoutError$/],
  ['a body that stops half way', halfBody, /^TimeoutError$/],
  ['headers without end', endlessly(OK, 'x-more: 1\r\n'), /^HeadersOverflowError$/],
  ['another protocol', (socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'), /^HTTPParserError$/],
])('%s is an error', async (_case, answer, name) => {
  onConnection = answer;

  expect(await rejection(send({ timeoutMs: 500 }))).toMatchObject({ name: expect.stringMatching(name) });
});

test('the caller’s signal ends a request, before and while it runs', async () => {
  const before = AbortSignal.abort(new DOMException('', 'AbortError'));
  expect(await rejection(send({ signal: before }))).toMatchObject({ name: 'AbortError' });
  expect(connections).toHaveLength(0);

  const controller = new AbortController();
  onConnection = () => controller.abort();
  expect(await rejection(send({ signal: controller.signal }))).toMatchObject({ name: 'AbortError' });
});

test.each([
  [/^It did not answer in time/, ['TimeoutError', 'AbortError', 'ETIMEDOUT', 'UND_ERR_HEADERS_TIMEOUT']],
  [/^The name was not found/, ['ENOTFOUND', 'EAI_AGAIN']],
  [/^The TLS connection failed/, ['CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID', 'EPROTO']],
  [/^The TLS connection failed/, ['ERR_SSL_WRONG_VERSION_NUMBER', 'DEPTH_ZERO_SELF_SIGNED_CERT']],
  [/^The TLS connection failed/, ['UNABLE_TO_VERIFY_LEAF_SIGNATURE']],
  [/^The server ended the TLS handshake/, ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE']],
  [/^The connection was closed without an answer.*mutual TLS/, ['ECONNRESET', 'UND_ERR_SOCKET', 'EPIPE']],
  [/^Check its status page/, ['ECONNREFUSED', 'HTTPParserError']],
])('the advice is %s for %j, also as the cause of another error', (advice, labels) => {
  for (const label of labels) {
    const error = Object.assign(new Error('canary'), { code: label });

    const told = { label, advice: expect.stringMatching(advice) };
    expect(connectionFailure(error)).toEqual(told);
    const outer = Object.assign(new AggregateError([error]), { code: 'UND_ERR_ABORTED' });
    expect(connectionFailure(new Error('canary', { cause: outer }))).toEqual(told);
  }
});

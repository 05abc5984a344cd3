import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createSendRequest, MAX_BODY_BYTES } from '../../../lambda/mint/http.ts';
import { type BareServer, startBareServer } from '../../support/bare-server.ts';
import { rejection } from '../../support/leaks.ts';
import { type Answer, type Recorder, startRecorder } from '../../support/recorder.ts';

const never = new AbortController().signal;
let recorder: Recorder;
let answer: Answer;

beforeEach(async () => {
  recorder = await startRecorder(() => answer);
});

afterEach(() => recorder.close());

const get = (path = '/', options: { timeoutMs?: number; signal?: AbortSignal } = {}) =>
  createSendRequest()({
    method: 'GET',
    url: `http://127.0.0.1:${recorder.port}${path}`,
    headers: {},
    signal: never,
    timeoutMs: 2_000,
    ...options,
  });

test('status, headers and body are returned unchanged, also of a redirect', async () => {
  answer = { status: 302, headers: { location: '/other', 'X-Two': 'b' }, body: 'ä€' };
  expect(await get('/?a=b%20c')).toEqual({
    status: 302,
    headers: expect.objectContaining({ location: '/other', 'x-two': 'b' }),
    body: 'ä€',
    isTruncated: false,
  });
  expect(recorder.requests.map(({ path }) => path)).toEqual(['/?a=b%20c']);
});

test('a byte order mark is removed from the body', async () => {
  answer = { body: '\ufeff{}' };
  expect((await get()).body).toBe('{}');
});

test('a body may be as long as the limit, and is cut above it', async () => {
  answer = { body: 'x'.repeat(MAX_BODY_BYTES) };
  expect(await get()).toMatchObject({ body: answer.body, isTruncated: false });
  answer = { body: 'x'.repeat(MAX_BODY_BYTES + 1) };
  expect(await get()).toMatchObject({ body: 'x'.repeat(MAX_BODY_BYTES), isTruncated: true });
});

describe('on a bare socket', () => {
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
      signal: never,
      timeoutMs: 2_000,
      ...options,
    });

  test('an endless body is cut, and its connection is closed', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    onConnection = (socket) => {
      closed = new Promise((resolve) => socket.on('close', resolve));
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      const more = () => {
        while (!socket.destroyed && socket.write('x'.repeat(16_384)));
      };
      socket.on('drain', more);
      more();
    };
    const { body, isTruncated } = await send();
    expect([body.length, isTruncated]).toEqual([MAX_BODY_BYTES, true]);
    await closed;
  });

  test('the time limit covers an answer that never begins', async () => {
    onConnection = () => {};
    expect(await rejection(send({ timeoutMs: 50 }))).toMatchObject({ name: 'TimeoutError' });
  });

  test('the time limit covers a body that stops half way', async () => {
    onConnection = (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc');
    expect(await rejection(send({ timeoutMs: 50 }))).toMatchObject({ name: 'TimeoutError' });
  });

  test('the caller’s signal ends a request, before and while it runs', async () => {
    onConnection = () => {};
    const before = AbortSignal.abort(new DOMException('', 'AbortError'));
    expect(await rejection(send({ signal: before }))).toMatchObject({ name: 'AbortError' });
    expect(server.connections).toHaveLength(0);

    const controller = new AbortController();
    onConnection = () => controller.abort();
    expect(await rejection(send({ signal: controller.signal }))).toMatchObject({ name: 'AbortError' });
  });

  test('a response that is not HTTP is an error', async () => {
    onConnection = (socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n');
    expect(await rejection(send())).toMatchObject({ name: 'HTTPParserError' });
  });

  test('each request has its own connection, which is closed', async () => {
    onConnection = (socket) =>
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'));
    const request = createSendRequest();
    const { url, connections } = server;
    for (let count = 0; count < 2; count += 1) {
      await request({ method: 'GET', url, headers: {}, signal: never, timeoutMs: 2_000 });
    }
    expect(connections).toHaveLength(2);
    await Promise.all(connections.map((socket) => socket.destroyed || once(socket, 'close')));
  });
});

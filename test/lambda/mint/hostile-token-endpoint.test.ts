import { generateKeyPairSync } from 'node:crypto';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { type BareServer, startBareServer } from '../../support/bare-server.ts';
import { expectNoLeak, rejection } from '../../support/leaks.ts';
import { type Recorder, startRecorder } from '../../support/recorder.ts';
import { minterFor, signal } from './minting.ts';

const SECRET = { client_id: 'ci', client_secret: 'canary/secret+' };
const { privateKey: KEY } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const OK = 'HTTP/1.1 200 OK\r\n';
const TOKEN = '{"access_token":"a-token","token_type":"Bearer","expires_in":600}';
const WHOLE = `${OK}content-length: ${TOKEN.length}\r\n\r\n${TOKEN}`;

describe('whatever bytes come from the token endpoint, a mint ends, with a token or with a code', () => {
  let server: BareServer;
  let play: (socket: Socket) => void;

  beforeEach(async () => {
    server = await startBareServer((socket) => play(socket));
  });

  afterEach(() => server.close());

  const mint = (requestTimeoutMs: number) => {
    const settings = { provider: 'oauth2', tokenUrl: `${server.url}/token` } as const;
    return minterFor(settings, { AWSCURRENT: SECRET }, { requestTimeoutMs }).mint({ signal: signal() });
  };
  const answering = (answer: string | Buffer) => (socket: Socket) =>
    socket.once('data', () => socket.end(answer));
  /** Writes `start`, then `more` without end. */
  const endlessly = (start: string, more: string) => (socket: Socket) => {
    const block = more.repeat(Math.ceil(65_536 / more.length));
    socket.write(start);
    const write = () => {
      while (!socket.destroyed && socket.write(block));
    };
    socket.on('drain', write);
    write();
  };

  test.each<[string, (socket: Socket) => void]>([
    ['interim answers before it', answering(`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${WHOLE}`)],
    ['a second answer behind it', answering(`${WHOLE}HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n`)],
    ['garbage behind it', answering(`${WHOLE}\0\r\n\r\nSSH-2.0`)],
    [
      'a name twice in its JSON: the last counts',
      answering(
        WHOLE.replace('{', `{"scope":1,"scope":"a",`).replace(/length: \d+/, `length: ${TOKEN.length + 22}`),
      ),
    ],
  ])('a token comes through %s', async (_case, answer) => {
    play = answer;

    expect(await mint(10_000)).toMatchObject({ accessToken: 'a-token' });
  });

  test.each<[string, (socket: Socket) => void, string]>([
    [
      'interim answers without end',
      endlessly('', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'),
      'UNAVAILABLE',
    ],
    ['headers without end', endlessly(OK, 'x-more: 1\r\n'), 'UNAVAILABLE'],
    ['a header without end', endlessly(`${OK}x-more: `, 'x'), 'UNAVAILABLE'],
    [
      'a chunk’s extension without end',
      endlessly(`${OK}transfer-encoding: chunked\r\n\r\n1;`, 'x'),
      'UNAVAILABLE',
    ],
    ['chunks without end', endlessly(`${OK}transfer-encoding: chunked\r\n\r\n`, '1\r\nx\r\n'), 'INVALID'],
    ['empty white space without end', endlessly(`${OK}\r\n`, ' '), 'INVALID'],
    [
      'trailers without end',
      endlessly(`${OK}transfer-encoding: chunked\r\n\r\n0\r\n`, 'x-more: 1\r\n'),
      'UNAVAILABLE',
    ],
    [
      'a changed protocol',
      answering('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
      'UNAVAILABLE',
    ],
    ['two lengths', answering(`${OK}content-length: 5\r\ncontent-length: 6\r\n\r\n{}    `), 'UNAVAILABLE'],
    [
      'a length beside chunks',
      answering(`${OK}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`),
      'UNAVAILABLE',
    ],
    ['a negative length', answering(`${OK}content-length: -1\r\n\r\n{}`), 'UNAVAILABLE'],
    ['a NUL in a header', answering(`${OK}x-nul: a\0b\r\n\r\n{}`), 'UNAVAILABLE'],
    ['HTTP/2', answering(Buffer.from('000012040000000000', 'hex')), 'UNAVAILABLE'],
    ['TLS', answering(Buffer.from('160301007a010000', 'hex')), 'UNAVAILABLE'],
    [
      'a compressed token, which was not asked for',
      answering(Buffer.concat([Buffer.from(`${OK}content-encoding: gzip\r\n\r\n`), gzipSync(TOKEN)])),
      'INVALID',
    ],
    [
      'a gigabyte, compressed',
      answering(
        Buffer.concat([
          Buffer.from(`${OK}content-encoding: gzip\r\n\r\n`),
          gzipSync(Buffer.alloc(2 ** 24, ' ')),
        ]),
      ),
      'INVALID',
    ],
    [
      'a token in UTF-16',
      answering(Buffer.concat([Buffer.from(`${OK}\r\n`), Buffer.from(`\ufeff${TOKEN}`, 'utf16le')])),
      'INVALID',
    ],
    [
      'a permanent redirect that keeps the method',
      answering(
        'HTTP/1.1 308 Permanent Redirect\r\nlocation: https://canary.example/\r\ncontent-length: 0\r\n\r\n',
      ),
      'UNAVAILABLE',
    ],
    ['arrays in arrays', answering(`${OK}\r\n${'['.repeat(65_000)}`), 'INVALID'],
  ])('%s', async (_case, answer, code) => {
    play = answer;

    const error = await rejection(mint(code === 'INVALID' ? 20_000 : 1_000));

    expect(error.code).toBe(code === 'INVALID' ? 'TOKEN_RESPONSE_INVALID' : 'TOKEN_ENDPOINT_UNAVAILABLE');
    expectNoLeak(error, [SECRET.client_secret, 'canary', 'a-token']);
  });
});

describe('what a token endpoint answers as JSON', () => {
  let recorder: Recorder;
  let body: string;
  let sent: string[];

  beforeEach(async () => {
    sent = [];
    recorder = await startRecorder((request) => {
      const [proof = ''] = request.headers.authorization ?? [
        new URLSearchParams(request.body).get('client_assertion') ?? '',
      ];
      sent.push(proof.replace('Basic ', ''));
      return { body: body.replace('$SENT', sent.at(-1) ?? '') };
    });
  });

  afterEach(() => recorder.close());

  const mint = (secret: object = SECRET, settings: object = {}) => {
    const tokenUrl = `http://127.0.0.1:${recorder.port}/token`;
    return minterFor({ provider: 'oauth2', tokenUrl, ...settings }, { AWSCURRENT: secret }).mint({
      signal: signal(),
    });
  };

  test.each([
    ['a token_type of white space and a letter', `"token_type":"${' '.repeat(65_000)}x"`],
    ['a token_type of white space', `"token_type":"${' '.repeat(65_000)}"`],
    ['an expires_in of white space', `"expires_in":"${' '.repeat(65_000)}x"`],
    ['an expires_in of digits', `"expires_in":"${'9'.repeat(65_000)}x"`],
    ['a number of 65,000 digits', `"expires_in":${'9'.repeat(65_000)}`],
    ['a scope of white space', `"scope":"${' '.repeat(65_000)}\\u0000"`],
    ['arrays in arrays', `"scope":${'['.repeat(32_000)}${']'.repeat(32_000)}`],
    ['many names', `${Array.from({ length: 5_000 }, (_, index) => `"n${index}":0`).join()}`],
  ])('takes no time to read: %s', async (_case, member) => {
    body = `{"access_token":"a-token",${member}}`;
    const before = process.cpuUsage();

    const outcome = await mint().catch((error: { code: string }) => error);

    const { user } = process.cpuUsage(before);
    expect('code' in outcome ? outcome.code : outcome.accessToken).toMatch(
      /^(TOKEN_RESPONSE_INVALID|a-token)$/,
    );
    // Microseconds of processor time, which no other process counts in: a pattern that tries again and again takes seconds.
    expect(user).toBeLessThan(1_500_000);
  });

  test.each<[string, string, object, object]>([
    ['the secret, form-encoded', 'x.canary%2Fsecret%2B', SECRET, {}],
    ['the credentials of Basic, as they were sent', 'x.$SENT', SECRET, {}],
    [
      'the client’s assertion, as it was sent',
      '$SENT',
      { client_id: 'ci', private_key: KEY.export({ type: 'pkcs8', format: 'pem' }) },
      { clientAuthentication: 'private_key_jwt' },
    ],
  ])('is not stored where it contains %s', async (_case, accessToken, secret, settings) => {
    body = JSON.stringify({ access_token: accessToken, expires_in: 600 });

    const error = await rejection(mint(secret, settings));

    expect(sent.join()).not.toBe('');
    expect(error.code).toBe('TOKEN_RESPONSE_INVALID');
    expect(error.message).toContain('contains a value of the secret');
    expectNoLeak(error, [SECRET.client_secret, ...sent]);
  });

  test('is not stored where Parameter Store would not: a reference to another parameter', async () => {
    body = JSON.stringify({ access_token: '{{ssm:/ci/other/access-token}}', expires_in: 600 });

    const error = await rejection(mint());

    expect(error.code).toBe('TOKEN_RESPONSE_INVALID');
    expect(error.message).toContain('"{{", which Parameter Store does not store');
  });
});

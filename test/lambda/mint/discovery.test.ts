import type { RefreshError } from '../../../lambda/errors.ts';
import { createDiscovery } from '../../../lambda/mint/discovery.ts';
import { createSendRequest } from '../../../lambda/mint/http.ts';
import { rejection } from '../../support/leaks.ts';
import { type Answer, type Recorder, startRecorder, type WireRequest } from '../../support/recorder.ts';

let recorder: Recorder;
let answers: (request: WireRequest) => Answer;
let issuer: string;

beforeEach(async () => {
  recorder = await startRecorder((request) => answers(request));
  issuer = `http://127.0.0.1:${recorder.port}`;
  answers = () => metadata();
});

afterEach(() => recorder.close());

const metadata = (changes: object = {}): Answer => ({
  body: JSON.stringify({ issuer, token_endpoint: `${issuer}/token`, ...changes }),
});
const make = (of = issuer) =>
  createDiscovery(of, { send: createSendRequest(), now: () => new Date(), timeoutMs: 2_000 });
const signal = () => AbortSignal.timeout(5_000);
const find = (of = issuer) => make(of)({ signal: signal() });
const found = (path = '/token') => ({ tokenUrl: `${issuer}${path}`, warnings: [] });
const paths = () => recorder.requests.map(({ method, path }) => `${method} ${path}`);

test('the token endpoint of an OpenID provider is found with one request', async () => {
  expect(await find()).toEqual(found());
  expect(paths()).toEqual(['GET /.well-known/openid-configuration']);
});

test('the issuer’s path comes before OpenID’s well-known path and after RFC 8414’s', async () => {
  issuer = `${issuer}/tenant/a`;
  answers = ({ path }) => (path.includes('openid') ? { status: 404 } : metadata());
  expect(await find()).toEqual(found());
  expect(paths()).toEqual([
    'GET /tenant/a/.well-known/openid-configuration',
    'GET /.well-known/oauth-authorization-server/tenant/a',
  ]);
});

test('a bare host may end with a slash on either side', async () => {
  answers = () => metadata({ issuer: `${issuer}/` });
  expect(await find()).toEqual(found());
  answers = () => metadata();
  expect(await find(`${issuer}/`)).toEqual(found());
});

test('the issuer is asked each time; while it does not answer, its last token endpoint is used, with a warning', async () => {
  const findAgain = make();
  const ask = () => findAgain({ signal: signal() });
  await ask();
  answers = () => metadata({ token_endpoint: `${issuer}/moved` });
  expect(await ask()).toEqual(found('/moved'));
  answers = () => ({ status: 503 });

  const { tokenUrl, warnings } = await ask();

  expect(tokenUrl).toBe(`${issuer}/moved`);
  expect(warnings).toEqual([
    expect.stringMatching(/could not be read \(HTTP 503\).*last known token endpoint was used\.$/),
  ]);
  const error = await rejection(findAgain({ signal: AbortSignal.abort() }));
  expect(error).toMatchObject({ code: 'TOKEN_ENDPOINT_UNAVAILABLE' });
});

test.each<[string, Answer]>([
  ['a web page', { body: '<html>Sign in</html>' }],
  ['a redirect to one', { status: 302, headers: { location: '/login' } }],
  ['an error', { status: 403 }],
])('at the OpenID address %s does not keep RFC 8414’s document from being found', async (_case, page) => {
  answers = ({ path }) => (path.includes('openid') ? page : metadata());

  expect(await find()).toEqual(found());
});

test.each<[string, () => Answer, RefreshError['code'], RegExp]>([
  ['404', () => ({ status: 404 }), 'TOKEN_ENDPOINT_UNAVAILABLE', /no discovery document.*set tokenUrl/],
  ['503', () => ({ status: 503 }), 'TOKEN_ENDPOINT_UNAVAILABLE', /HTTP 503\)\. The next invocation/],
  ['a redirect', () => ({ status: 301 }), 'TOKEN_ENDPOINT_UNAVAILABLE', /HTTP 301\)\. Redirects are not/],
  ['a web page', () => ({ body: '<html>' }), 'TOKEN_RESPONSE_INVALID', /is not a JSON object/],
  ['an array', () => ({ body: '[]' }), 'TOKEN_RESPONSE_INVALID', /is not a JSON object/],
  ['an endless body', () => ({ body: 'x'.repeat(70_000) }), 'TOKEN_RESPONSE_INVALID', /is not a JSON object/],
  [
    'another issuer',
    () => metadata({ issuer: 'https://a.test' }),
    'TOKEN_RESPONSE_INVALID',
    /another issuer/,
  ],
  ['no issuer', () => metadata({ issuer: undefined }), 'TOKEN_RESPONSE_INVALID', /another issuer/],
  ['a slash more', () => metadata({ issuer: `${issuer}//` }), 'TOKEN_RESPONSE_INVALID', /another issuer/],
  ...(
    [
      ['no token_endpoint', undefined, /has no token_endpoint/],
      ['a relative token_endpoint', '/token', /has no token_endpoint/],
      ['a token_endpoint without TLS', 'http://example.test/token', /is not https/],
      ['a token_endpoint with a password', 'https://a:b@example.test/', /a user name or a password/],
    ] as const
  ).map(([name, url, message]): [string, () => Answer, RefreshError['code'], RegExp] => [
    name,
    () => metadata({ token_endpoint: url }),
    'TOKEN_RESPONSE_INVALID',
    message,
  ]),
])('an unusable document is refused: %s', async (_case, answer, code, message) => {
  answers = answer;

  expect(await rejection(find())).toMatchObject({ code, message: expect.stringMatching(message) });
});

test('429 is TOKEN_ENDPOINT_THROTTLED, with the time to wait', async () => {
  answers = () => ({ status: 429, headers: { 'retry-after': '7' } });

  expect(await rejection(find())).toMatchObject({ code: 'TOKEN_ENDPOINT_THROTTLED', retryAfterMs: 7_000 });
});

test('a refused connection is TOKEN_ENDPOINT_UNAVAILABLE', async () => {
  // Nothing listens on port 1.
  expect(await rejection(find('http://127.0.0.1:1'))).toMatchObject({
    code: 'TOKEN_ENDPOINT_UNAVAILABLE',
    message: expect.stringContaining(
      'The discovery document of 127.0.0.1:1 could not be read (ECONNREFUSED).',
    ),
  });
});

test('of an issuer with TLS, a token endpoint on loopback without TLS is refused', async () => {
  const secure = 'https://login.example.test';
  const body = JSON.stringify({ issuer: secure, token_endpoint: 'http://127.0.0.1/token' });
  const send = async () => ({ status: 200, headers: {}, body, isTruncated: false });
  const findOf = createDiscovery(secure, { send, now: () => new Date(), timeoutMs: 2_000 });

  expect(await rejection(findOf({ signal: signal() }))).toMatchObject({
    code: 'TOKEN_RESPONSE_INVALID',
    message: expect.stringContaining('has a token_endpoint without TLS'),
  });
});

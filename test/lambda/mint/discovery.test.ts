import { createDiscovery } from '../../../lambda/mint/discovery.ts';
import { createSendRequest } from '../../../lambda/mint/http.ts';
import { rejection } from '../../support/leaks.ts';
import { type Answer, type Recorder, startRecorder, type WireRequest } from '../../support/recorder.ts';

const HOUR_MS = 3_600_000;
let recorder: Recorder;
let answers: (request: WireRequest) => Answer;
let issuer: string;
let time: number;

beforeEach(async () => {
  time = Date.parse('2026-11-20T14:00:00Z');
  recorder = await startRecorder((request) => answers(request));
  issuer = `http://127.0.0.1:${recorder.port}`;
  answers = () => metadata();
});

afterEach(() => recorder.close());

const metadata = (changes: object = {}): Answer => ({
  body: JSON.stringify({ issuer, token_endpoint: `${issuer}/token`, ...changes }),
});
const make = () =>
  createDiscovery({ send: createSendRequest(), now: () => new Date(time), timeoutMs: 2_000 });
const signal = () => AbortSignal.timeout(5_000);
const discover = (of = issuer) => make().find(of, { signal: signal() });
const paths = () => recorder.requests.map(({ method, path }) => `${method} ${path}`);

test('the token endpoint of an OpenID provider is found with one request', async () => {
  expect(await discover()).toBe(`${issuer}/token`);
  expect(paths()).toEqual(['GET /.well-known/openid-configuration']);
});

test('the issuer’s path comes before OpenID’s well-known path and after RFC 8414’s', async () => {
  issuer = `${issuer}/tenant/a`;
  answers = ({ path }) => (path.includes('openid') ? { status: 404 } : metadata());
  expect(await discover()).toBe(`${issuer}/token`);
  expect(paths()).toEqual([
    'GET /tenant/a/.well-known/openid-configuration',
    'GET /.well-known/oauth-authorization-server/tenant/a',
  ]);
});

test('a bare host may end with a slash on either side', async () => {
  answers = () => metadata({ issuer: `${issuer}/` });
  expect(await discover()).toBe(`${issuer}/token`);
  answers = () => metadata();
  expect(await discover(`${issuer}/`)).toBe(`${issuer}/token`);
});

test('a result is remembered for an hour', async () => {
  const remembering = make();
  await remembering.find(issuer, { signal: signal() });
  time += HOUR_MS - 1;
  await remembering.find(issuer, { signal: signal() });
  expect(recorder.requests).toHaveLength(1);
  time += 1;
  answers = () => metadata({ token_endpoint: `${issuer}/moved` });
  expect(await remembering.find(issuer, { signal: signal() })).toBe(`${issuer}/moved`);
});

test('an older result is used while the metadata cannot be read', async () => {
  const remembering = make();
  await remembering.find(issuer, { signal: signal() });
  time += 2 * HOUR_MS;
  answers = () => ({ status: 503 });
  expect(await remembering.find(issuer, { signal: signal() })).toBe(`${issuer}/token`);
  expect(recorder.requests).toHaveLength(2);
});

describe('a token endpoint that was forgotten', () => {
  test('is looked up anew', async () => {
    const discovery = make();
    await discovery.find(issuer, { signal: signal() });
    answers = () => metadata({ token_endpoint: `${issuer}/moved` });

    discovery.forget(issuer);

    expect(await discovery.find(issuer, { signal: signal() })).toBe(`${issuer}/moved`);
  });

  test('is used again while the metadata cannot be read', async () => {
    const discovery = make();
    await discovery.find(issuer, { signal: signal() });
    answers = () => ({ status: 503 });

    discovery.forget(issuer);

    expect(await discovery.find(issuer, { signal: signal() })).toBe(`${issuer}/token`);
    expect(recorder.requests).toHaveLength(2);
  });
});

test.each<[string, Answer]>([
  ['a web page', { body: '<html>Sign in</html>' }],
  ['a redirect to one', { status: 302, headers: { location: '/login' } }],
  ['an error', { status: 403 }],
])('at the OpenID address %s does not keep RFC 8414’s document from being found', async (_case, page) => {
  answers = ({ path }) => (path.includes('openid') ? page : metadata());

  expect(await discover()).toBe(`${issuer}/token`);
});

test.each<[string, (issuer: string) => Answer, string, RegExp]>([
  [
    '404 at both places',
    () => ({ status: 404 }),
    'TOKEN_ENDPOINT_UNAVAILABLE',
    /no discovery document.*set tokenUrl/,
  ],
  ['503', () => ({ status: 503 }), 'TOKEN_ENDPOINT_UNAVAILABLE', /HTTP 503\)\. The next invocation/],
  [
    'a redirect',
    () => ({ status: 301, headers: { location: '/x' } }),
    'TOKEN_ENDPOINT_UNAVAILABLE',
    /HTTP 301\)\. Redirects are not followed/,
  ],
  ['429', () => ({ status: 429, headers: { 'retry-after': '7' } }), 'TOKEN_ENDPOINT_THROTTLED', /HTTP 429/],
  ['a web page', () => ({ body: '<html>' }), 'TOKEN_RESPONSE_INVALID', /is not a JSON object/],
  ['an array', () => ({ body: '[]' }), 'TOKEN_RESPONSE_INVALID', /is not a JSON object/],
  [
    'an endless body',
    () => ({ body: `{"a":"${'x'.repeat(70_000)}"}` }),
    'TOKEN_RESPONSE_INVALID',
    /is not a JSON object/,
  ],
  [
    'another issuer',
    () => metadata({ issuer: 'https://attacker.example' }),
    'TOKEN_RESPONSE_INVALID',
    /names another issuer/,
  ],
  ['no issuer', () => metadata({ issuer: undefined }), 'TOKEN_RESPONSE_INVALID', /names another issuer/],
  [
    'an issuer with a slash more',
    () => metadata({ issuer: `${issuer}//` }),
    'TOKEN_RESPONSE_INVALID',
    /names another issuer/,
  ],
  [
    'no token_endpoint',
    () => metadata({ token_endpoint: undefined }),
    'TOKEN_RESPONSE_INVALID',
    /has no token_endpoint/,
  ],
  [
    'a relative token_endpoint',
    () => metadata({ token_endpoint: '/token' }),
    'TOKEN_RESPONSE_INVALID',
    /has no token_endpoint/,
  ],
  [
    'a token_endpoint without TLS',
    () => metadata({ token_endpoint: 'http://example.test/token' }),
    'TOKEN_RESPONSE_INVALID',
    /is not https/,
  ],
  [
    'a token_endpoint with a password',
    () => metadata({ token_endpoint: 'https://a:b@example.test/' }),
    'TOKEN_RESPONSE_INVALID',
    /a user name or a password/,
  ],
])('an unusable document is refused: %s', async (_case, answer, code, message) => {
  answers = () => answer(issuer);
  const error = await rejection(discover());
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  if (code === 'TOKEN_ENDPOINT_THROTTLED') expect(error).toMatchObject({ retryAfterMs: 7_000 });
});

test('a refused connection is TOKEN_ENDPOINT_UNAVAILABLE', async () => {
  const { port } = recorder;
  await recorder.close();
  const error = await rejection(discover());
  recorder = await startRecorder(() => ({}));
  expect(error).toMatchObject({ code: 'TOKEN_ENDPOINT_UNAVAILABLE' });
  expect(error.message).toContain(
    `The discovery document of 127.0.0.1:${port} could not be read (ECONNREFUSED).`,
  );
});

import type { RefreshError } from '../../../lambda/errors.ts';
import { createDiscovery } from '../../../lambda/mint/discovery.ts';
import type { HttpResponse } from '../../../lambda/mint/http.ts';
import { rejection } from '../../support/leaks.ts';

const ISSUER = 'https://id.example.test';
const FOUND = { tokenUrl: `${ISSUER}/token`, warnings: [] };

type Answer = Partial<HttpResponse> | Error;

/** What the server answers to one URL. */
let answers: (url: string) => Answer;
let asked: string[];

beforeEach(() => {
  asked = [];
  answers = () => metadata();
});

const metadata = (changes: object = {}): Answer => ({
  body: JSON.stringify({ issuer: ISSUER, token_endpoint: `${ISSUER}/token`, ...changes }),
});
const make = (issuer = ISSUER) => {
  const send = async ({ method, url }: { method: string; url: string }): Promise<HttpResponse> => {
    asked.push(`${method} ${url}`);
    const answer = answers(url);
    if (answer instanceof Error) throw answer;
    return { status: 200, headers: {}, body: '', isTruncated: false, ...answer };
  };
  return createDiscovery(issuer, { send, now: () => new Date(), timeoutMs: 2_000 });
};
const find = (issuer?: string) => make(issuer)({ signal: new AbortController().signal });

test('the issuer’s path comes before OpenID’s well-known path and after RFC 8414’s', async () => {
  const issuer = `${ISSUER}/tenant/a`;
  answers = (url) => (url.includes('openid') ? { status: 404 } : metadata({ issuer }));

  expect(await find(issuer)).toEqual(FOUND);
  expect(asked).toEqual([
    `GET ${ISSUER}/tenant/a/.well-known/openid-configuration`,
    `GET ${ISSUER}/.well-known/oauth-authorization-server/tenant/a`,
  ]);
});

test('a bare host may end with a slash on either side', async () => {
  expect(await find(`${ISSUER}/`)).toEqual(FOUND);
  expect(asked).toEqual([`GET ${ISSUER}/.well-known/openid-configuration`]);
  answers = () => metadata({ issuer: `${ISSUER}/` });
  expect(await find()).toEqual(FOUND);
});

test('the issuer is asked each time; while it does not answer, its last token endpoint is used, with a warning', async () => {
  const findAgain = make();
  const { signal } = new AbortController();
  await findAgain({ signal });
  answers = () => metadata({ token_endpoint: `${ISSUER}/moved` });
  expect((await findAgain({ signal })).tokenUrl).toBe(`${ISSUER}/moved`);
  answers = () => ({ status: 503 });

  const { tokenUrl, warnings } = await findAgain({ signal });

  expect(tokenUrl).toBe(`${ISSUER}/moved`);
  expect(warnings).toEqual([
    expect.stringMatching(/could not be read \(HTTP 503\).*last known token endpoint was used\.$/),
  ]);
  const error = await rejection(findAgain({ signal: AbortSignal.abort() }));
  expect(error).toMatchObject({ code: 'TOKEN_ENDPOINT_UNAVAILABLE' });
});

test.each<[string, Answer]>([
  ['a web page', { body: '<html>Sign in</html>' }],
  ['a redirect to one', { status: 302 }],
  ['an error', { status: 403 }],
])('at the OpenID address %s does not keep RFC 8414’s document from being found', async (_case, page) => {
  answers = (url) => (url.includes('openid') ? page : metadata());

  expect(await find()).toEqual(FOUND);
});

const INVALID = 'TOKEN_RESPONSE_INVALID';
const UNAVAILABLE = 'TOKEN_ENDPOINT_UNAVAILABLE';
test.each<[string, Answer, RefreshError['code'], string]>([
  ['404', { status: 404 }, UNAVAILABLE, 'does not exist. Check the setting'],
  ['503', { status: 503 }, UNAVAILABLE, 'could not be read (HTTP 503). The next invocation'],
  ['a redirect', { status: 301 }, UNAVAILABLE, 'could not be read (HTTP 301). Redirects are not'],
  ['429', { status: 429, headers: { 'retry-after': '7' } }, 'TOKEN_ENDPOINT_THROTTLED', '(HTTP 429)'],
  [
    'no answer',
    Object.assign(new Error('x'), { code: 'ENOTFOUND' }),
    UNAVAILABLE,
    '(ENOTFOUND). The name was',
  ],
  ['an array', { body: '[]' }, INVALID, 'is not a JSON object'],
  ['another issuer', metadata({ issuer: 'https://a.test' }), INVALID, 'names another issuer'],
  ['a slash more', metadata({ issuer: `${ISSUER}//` }), INVALID, 'names another issuer'],
  ['no endpoint', metadata({ token_endpoint: undefined }), INVALID, 'has no token_endpoint'],
  ['a relative endpoint', metadata({ token_endpoint: '/token' }), INVALID, 'is not an https URL'],
  ['plain http', metadata({ token_endpoint: 'http://example.test/t' }), INVALID, 'is not an https URL'],
  ['a password', metadata({ token_endpoint: 'https://a:b@example.test/' }), INVALID, 'is not an https URL'],
  // Only an issuer on loopback may have it.
  ['plain loopback', metadata({ token_endpoint: 'http://127.0.0.1/' }), INVALID, 'without TLS'],
])('an unusable document is refused: %s', async (_case, answer, code, message) => {
  answers = () => answer;

  const error = await rejection(find());

  expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
  expect(error).toHaveProperty('retryAfterMs', code === 'TOKEN_ENDPOINT_THROTTLED' ? 7_000 : undefined);
  expect(error.message).toContain('id.example.test ');
});

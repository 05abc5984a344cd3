import fc from 'fast-check';
import { RefreshError } from '../../../lambda/errors.ts';
import type { HttpResponse } from '../../../lambda/mint/http.ts';
import { type ResponseContext, readTokenResponse } from '../../../lambda/mint/token-response.ts';
import { expectNoLeak } from '../../support/leaks.ts';

const CANARY = 'canary-token-4711';
const issuedAt = new Date('2026-11-20T14:00:00Z');
const context: ResponseContext = {
  host: 'login.example.test',
  issuedAt,
  now: new Date('2026-11-20T14:00:01Z'),
  assumedLifetimeMs: 900_000,
  secrets: [],
  credentialErrors: [],
  areCredentialsEncoded: false,
  hints: {},
  secretAdvice: 'Store another secret.',
};

const answer = (body: unknown, rest: Partial<HttpResponse> = {}): HttpResponse => ({
  status: 200,
  headers: {},
  body: typeof body === 'string' ? body : JSON.stringify(body),
  isTruncated: false,
  ...rest,
});
const token = (body: unknown, rest?: Partial<HttpResponse>) => readTokenResponse(answer(body, rest), context);
const failure = (response: HttpResponse, changes: Partial<ResponseContext> = {}): RefreshError => {
  try {
    readTokenResponse(response, { ...context, ...changes });
  } catch (error) {
    expectNoLeak(error, [CANARY]);
    return error as RefreshError;
  }
  throw new Error('It did not fail.');
};
const lifetime = (read: { expiresAt: Date }) => (read.expiresAt.getTime() - issuedAt.getTime()) / 1000;
const jwt = (claims: unknown) => {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.c2lnbmF0dXJl`;
};
const atSeconds = (seconds: number) => issuedAt.getTime() / 1000 + seconds;

describe('a success', () => {
  test.each([
    ['as the RFC has it', { token_type: 'Bearer', expires_in: 3600 }],
    ['expires_in as a string', { expires_in: '3600' }],
    ['expires_in as a string with a fraction and white space', { expires_in: ' 3600.0 ' }],
    ['expires_in with a fraction', { expires_in: 3600.9 }],
    ['an empty error', { expires_in: 3600, error: '' }],
    ['an error of null', { expires_in: 3600, error: null }],
    ['token_type in capitals', { expires_in: 3600, token_type: 'BEARER' }],
    ['token_type with white space around it', { expires_in: 3600, token_type: ' Bearer\n' }],
    ['token_type empty', { expires_in: 3600, token_type: '' }],
    ['token_type null', { expires_in: 3600, token_type: null }],
  ])('is read: %s', (_case, members) => {
    expect(token({ access_token: CANARY, ...members })).toEqual({
      accessToken: CANARY,
      issuedAt,
      expiresAt: new Date('2026-11-20T15:00:00Z'),
      grantedScope: undefined,
      warnings: [],
    });
  });

  test('is read whatever its content type', () => {
    const headers = { 'content-type': 'text/html' };
    expect(lifetime(token({ access_token: CANARY, expires_in: 60 }, { headers }))).toBe(60);
  });

  test.each([[undefined], [null], ['']])(
    'without a lifetime (%s) has the assumed one, and a warning',
    (value) => {
      const read = token({ access_token: CANARY, expires_in: value });
      expect(lifetime(read)).toBe(900);
      expect(read.warnings).toEqual([
        'The server does not say how long the token lives (no expires_in, no exp). The function assumes 15 min (assumedLifetime).',
      ]);
    },
  );

  test.each([
    ['exp alone', undefined, atSeconds(1200), 1200],
    ['exp earlier than expires_in', 3600, atSeconds(1200), 1200],
    ['exp later than expires_in', 600, atSeconds(1200), 600],
    ['exp with a fraction', undefined, atSeconds(1200) + 0.7, 1200],
    ['exp that is a string', 600, 'tomorrow', 600],
    ['exp in milliseconds by mistake', 600, atSeconds(1200) * 1000, 600],
    ['exp at the end of time', undefined, 1e308, 900],
    ['no exp', 600, undefined, 600],
  ])('that is a JWT expires at the earlier of expires_in and exp: %s', (_case, expiresIn, exp, expected) => {
    expect(lifetime(token({ access_token: jwt({ exp }), expires_in: expiresIn }))).toBe(expected);
  });

  test('with a malformed JWT uses expires_in', () => {
    const early = jwt({ exp: atSeconds(30) });
    const parts = [`${early}.more`, early.slice(0, early.lastIndexOf('.'))];
    for (const accessToken of ['a.b.c', 'a..', jwt(null), jwt([1]), jwt('exp'), '.'.repeat(2), ...parts]) {
      expect(lifetime(token({ access_token: accessToken, expires_in: 60 }))).toBe(60);
    }
  });

  test.each([
    ['48 hours and a second', 172_801],
    ['milliseconds by mistake', 3_600_000],
    ['Infinity in JSON', '1e999'],
  ])('with a lifetime above 48 hours (%s) has the assumed one, and a warning', (_case, value) => {
    const read = token(`{"access_token":"${CANARY}","expires_in":${value}}`);

    expect(lifetime(read)).toBe(900);
    expect(read.warnings).toEqual([
      'The server claims a lifetime of more than 48 hours, which is ignored. The function assumes 15 min (assumedLifetime).',
    ]);
  });

  test('may live for 48 hours, the most that Genesys Cloud can be set to', () => {
    const read = token({ access_token: CANARY, expires_in: 172_800 });

    expect(lifetime(read)).toBe(172_800);
    expect(read.warnings).toEqual([]);
  });

  test('returns the granted scope, or none if it is malformed', () => {
    const scope = (value: unknown) =>
      token({ access_token: CANARY, expires_in: 60, scope: value }).grantedScope;
    expect(scope('read write')).toBe('read write');
    expect(scope(['read', 'write'])).toBe('read write');
    for (const none of ['', 7, {}, 'a\nb', null]) expect(scope(none)).toBeUndefined();
  });

  test('may be as long as Parameter Store holds, and contain a short secret by chance', () => {
    const accessToken = 'x'.repeat(8192);
    const read = readTokenResponse(answer({ access_token: accessToken }), { ...context, secrets: ['xxx'] });
    expect(read.accessToken).toBe(accessToken);
  });

  // Microseconds of processor time, which no other process counts in: a pattern that tries again and again takes seconds.
  test.each([
    `"token_type":"${' '.repeat(65_000)}x"`,
    `"token_type":"${' '.repeat(65_000)}"`,
    `"expires_in":"${' '.repeat(65_000)}x"`,
    `"expires_in":"${'9'.repeat(65_000)}x"`,
    `"expires_in":${'9'.repeat(65_000)}`,
    `"scope":"${' '.repeat(65_000)}\\u0000"`,
    `"scope":${'['.repeat(32_000)}${']'.repeat(32_000)}`,
    Array.from({ length: 5_000 }, (_, index) => `"n${index}":0`).join(),
  ])('takes no time to read: %.30s', (member) => {
    const before = process.cpuUsage();
    try {
      token(`{"access_token":"${CANARY}",${member}}`);
    } catch (error) {
      expect(error).toMatchObject({ code: 'TOKEN_RESPONSE_INVALID' });
    }
    expect(process.cpuUsage(before).user).toBeLessThan(1_500_000);
  });
});

describe('an invalid success', () => {
  const ok = { access_token: CANARY, expires_in: 60 };
  test.each([
    ['an empty body', '', 'is empty'],
    ['a web page', ` <!DOCTYPE html><p>${CANARY}`, 'is a web page'],
    ['nonsense', CANARY, 'is not a JSON object'],
    ['an array', [ok], 'is not a JSON object'],
    ['null', 'null', 'is not a JSON object'],
    ['no token', { expires_in: 60 }, 'has no access_token'],
    ['an empty token', { ...ok, access_token: '' }, 'has no access_token'],
    ['a token of null', { ...ok, access_token: null }, 'has no access_token'],
    ['a token that is a number', { ...ok, access_token: 7 }, 'has an access_token that is not a string'],
    ['a token with a newline', { ...ok, access_token: `${CANARY}\n` }, 'white space, a newline'],
    ['a token with a space', { ...ok, access_token: `a ${CANARY}` }, 'white space, a newline'],
    ['a token with an umlaut', { ...ok, access_token: `ä${CANARY}` }, 'a non-ASCII character'],
    [
      'a reference to a parameter',
      { ...ok, access_token: '{{ssm:/ci/other}}' },
      '"{{", which Parameter Store',
    ],
    ['an inherited token', `{"__proto__":{"access_token":"${CANARY}"}}`, 'has no access_token'],
    ['another type', { ...ok, token_type: 'DPoP' }, 'another token_type than Bearer'],
    ['a type of an earlier draft', { ...ok, token_type: 'mac' }, 'another token_type than Bearer'],
    ['a type that is no string', { ...ok, token_type: {} }, 'another token_type than Bearer'],
    ['expires_in 0', { ...ok, expires_in: 0 }, 'expires_in of 0 or less'],
    ['expires_in below a second', { ...ok, expires_in: 0.9 }, 'expires_in of 0 or less'],
    ['expires_in "NaN"', { ...ok, expires_in: 'NaN' }, 'expires_in that is not a number'],
    ['expires_in true', { ...ok, expires_in: true }, 'expires_in that is not a number'],
    ['expires_in a list', { ...ok, expires_in: [60] }, 'expires_in that is not a number'],
    [
      'a JWT that has expired',
      { ...ok, access_token: jwt({ exp: atSeconds(-1) }) },
      'that has expired by its own exp claim',
    ],
  ])('is TOKEN_RESPONSE_INVALID: %s', (_case, body, problem) => {
    const error = failure(answer(body));
    expect([error.code, error.credentialsRefused]).toEqual(['TOKEN_RESPONSE_INVALID', false]);
    expect(error.message).toContain(problem);
    expect(error.message).toContain('Check that the URL is that of a token endpoint');
  });

  test.each([
    ['', `{"access_token":"${CANARY}"`],
    [', also where what was read is whole', `{"access_token":"${CANARY}","expires_in":60}  `],
  ])('an endless body is cut and refused%s', (_case, body) => {
    const error = failure(answer(body, { isTruncated: true }));
    expect(error.message).toContain('is longer than 65,536 bytes');
  });

  test.each([
    ['is', 'hunter2'],
    ['is', 'canary-secret'],
    ['contains', 'prefix.canary-secret.suffix'],
  ])('a token that %s the client’s secret is TOKEN_RESPONSE_INVALID', (_how, accessToken) => {
    const secrets = ['hunter2', 'canary-secret'];
    const error = failure(answer({ access_token: accessToken, expires_in: 60 }), { secrets });

    expect(error.code).toBe('TOKEN_RESPONSE_INVALID');
    expect(error.message).toContain('has an access_token that contains a value of the secret');
    expectNoLeak(error, secrets);
  });

  test('a token of 8,193 bytes is TOKEN_TOO_LARGE', () => {
    const error = failure(answer({ access_token: 'x'.repeat(8193), expires_in: 60 }));
    expect(error.code).toBe('TOKEN_TOO_LARGE');
    expect(error.message).toMatch(/has 8193 bytes; .* Request fewer scopes/);
    expectNoLeak(error, ['x'.repeat(100)]);
  });
});

describe('a refusal', () => {
  const error = (name: string, description = CANARY) => ({ error: name, error_description: description });
  test.each([
    ['invalid_client', 400, error('invalid_client'), 'TOKEN_REJECTED', true],
    ['invalid_client', 401, error('invalid_client'), 'TOKEN_REJECTED', true],
    ['invalid_client with status 200', 200, error('invalid_client'), 'TOKEN_REJECTED', true],
    ['invalid_scope', 400, error('invalid_scope'), 'TOKEN_REJECTED', false],
    ['unauthorized_client', 400, error('unauthorized_client'), 'TOKEN_REJECTED', false],
    ['unauthorized_client as Keycloak says it', 401, error('unauthorized_client'), 'TOKEN_REJECTED', true],
    ['any other error with 401', 401, error('invalid_scope'), 'TOKEN_REJECTED', true],
    ['invalid_request', 400, error('invalid_request'), 'TOKEN_REJECTED', false],
    ['access_denied', 403, error('access_denied'), 'TOKEN_REJECTED', false],
    ['a name of its own', 400, error(CANARY), 'TOKEN_REJECTED', false],
    ['an object as error', 400, { error: { code: CANARY } }, 'TOKEN_REJECTED', false],
    ['an error beside a token', 200, { access_token: CANARY, error: 'x' }, 'TOKEN_REJECTED', false],
    ['401 without a body', 401, '', 'TOKEN_REJECTED', true],
    ['403 with a web page', 403, `<html>${CANARY}`, 'TOKEN_REJECTED', false],
    ['404', 404, 'not here', 'TOKEN_ENDPOINT_UNAVAILABLE', false],
    ['405', 405, '', 'TOKEN_ENDPOINT_UNAVAILABLE', false],
    ['410', 410, '', 'TOKEN_ENDPOINT_UNAVAILABLE', false],
    ['404 with an OAuth error', 404, error('invalid_client'), 'TOKEN_REJECTED', true],
    ['408', 408, '', 'TOKEN_ENDPOINT_UNAVAILABLE', false],
    ['425', 425, '', 'TOKEN_ENDPOINT_UNAVAILABLE', false],
    ['500', 500, error('server_error'), 'TOKEN_ENDPOINT_UNAVAILABLE', false],
    ['500 with an OAuth error', 500, error('invalid_client'), 'TOKEN_ENDPOINT_UNAVAILABLE', false],
    ['502 with a web page', 502, `<html>${CANARY}`, 'TOKEN_ENDPOINT_UNAVAILABLE', false],
    ['temporarily_unavailable', 400, error('temporarily_unavailable'), 'TOKEN_ENDPOINT_UNAVAILABLE', false],
    ['302', 302, '', 'TOKEN_ENDPOINT_UNAVAILABLE', false],
    ['429', 429, '', 'TOKEN_ENDPOINT_THROTTLED', false],
    ['slow_down', 400, error('slow_down'), 'TOKEN_ENDPOINT_THROTTLED', false],
    [
      'the Genesys way of throttling',
      400,
      error('invalid_request', 'Rate limit exceeded; expires in 30 seconds'),
      'TOKEN_ENDPOINT_THROTTLED',
      false,
    ],
  ] as const)('has its code: %s', (_case, status, body, code, credentialsRefused) => {
    const refused = failure(answer(body, { status }));
    expect([refused.code, refused.credentialsRefused]).toEqual([code, credentialsRefused]);
    expect(refused.name).toBe(code);
    expect(refused.message).toContain('login.example.test');
    expect(refused.message.split('. ').length).toBeGreaterThan(1);
  });

  const REFUSED = 'login.example.test refused the token request';
  const hints = { invalid_client: 'This is also what a wrong region answers.' };
  test.each<[number, unknown, string, Partial<ResponseContext>?]>([
    [500, '', 'is not available (HTTP 500). The stored token is unchanged'],
    [429, '', 'limits the rate of token requests (HTTP 429)'],
    [404, '', 'There is no token endpoint at this URL of login.example.test (HTTP 404)'],
    [403, '', '(HTTP 403 without a known OAuth error). A firewall or an IP allow-list in front'],
    [
      400,
      error('invalid_scope'),
      `${REFUSED} (invalid_scope, HTTP 400). The client may not have this scope, or there is`,
    ],
    // Of credentials: the provider's hint instead of the general one, and how to store others.
    [
      400,
      error('invalid_client'),
      `(invalid_client, HTTP 400). ${hints.invalid_client} Store another secret.`,
      { hints },
    ],
    // The advice for wrong credentials comes first.
    [
      401,
      error('unauthorized_client'),
      `${REFUSED} (unauthorized_client, HTTP 401). The client id, secret or key is wrong, or the server expects another clientAuthentication. If they are right: The client may not use this grant: enable it for the client at the provider. Store another secret.`,
    ],
  ])('with HTTP %d and %j says what to do', (status, body, says, changes = {}) => {
    expect(failure(answer(body, { status }), changes).message).toContain(says);
  });

  test('of the grant’s credentials makes the mint try another stage', () => {
    const response = answer(error('invalid_grant'), { status: 400 });
    expect(failure(response, { credentialErrors: ['invalid_grant'] }).credentialsRefused).toBe(true);
  });

  test.each([
    [429, {}],
    [503, {}],
    [400, error('invalid_request', 'rate limit exceeded')],
  ])('returns the time to wait: HTTP %d', (status, body) => {
    const retryAfter = (value: string) =>
      failure(answer(body, { status, headers: { 'retry-after': value } })).retryAfterMs;
    expect(retryAfter('30')).toBe(30_000);
    expect(retryAfter('Fri, 20 Nov 2026 14:00:31 GMT')).toBe(30_000);
    expect(retryAfter('whenever')).toBeUndefined();
  });

  test('of credentials that Basic encodes hints at another way', () => {
    const response = answer(error('invalid_client'), { status: 401 });
    const hints = { encoded: 'Try client_secret_post.' };

    expect(failure(response, { hints, areCredentialsEncoded: true }).message).toContain(hints.encoded);
    expect(failure(response, { hints }).message).not.toContain(hints.encoded);
  });

  test('by a redirect does not name its target', () => {
    const headers = { location: `https://${CANARY}.example.test/${CANARY}` };

    expect(failure(answer('', { status: 302, headers })).message).toBe(
      "login.example.test redirects the token request (HTTP 302). Redirects are not followed, because the secret would be sent along. Set tokenUrl, region or issuer to the token endpoint's own host.",
    );
  });
});

test('generated responses each give a token with valid dates or a known error, and leak nothing', () => {
  const CODE = /^TOKEN_(REJECTED|ENDPOINT_(THROTTLED|UNAVAILABLE)|RESPONSE_INVALID|TOO_LARGE)$/;
  // Made once: they are slow to make.
  const [jsonValue, jsonText, binary] = [fc.jsonValue(), fc.json(), fc.string({ unit: 'binary' })];
  const response = fc.stringMatching(/^[A-Za-z0-9]{24}$/).chain((secret) => {
    const text = fc.oneof(
      fc.constantFrom(secret, '', 'Bearer', 'invalid_client', 'slow_down', 'rate limit exceeded'),
      binary.map((rest) => `${secret}${rest}`),
      fc.integer({ min: 8000, max: 9000 }).map((size) => secret.padEnd(size, 'x')),
      fc.double().map((exp) => jwt({ secret, exp })),
    );
    const member = fc.oneof(text, fc.double(), fc.integer(), fc.double().map(String), jsonValue);
    const success = fc.record({
      access_token: fc.oneof({ weight: 3, arbitrary: fc.constant(secret) }, text),
      expires_in: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1 }) }, member),
    });
    const names = [
      'access_token',
      'expires_in',
      'token_type',
      'scope',
      'error',
      'error_description',
      'description',
    ];
    const object = fc.dictionary(fc.constantFrom(...names), member);
    const json = fc.oneof({ weight: 3, arbitrary: success }, object).map((one) => JSON.stringify(one));
    return fc.record({
      secret: fc.constant(secret),
      status: fc.oneof({ weight: 3, arbitrary: fc.constant(200) }, fc.integer({ min: 100, max: 999 })),
      headers: fc.dictionary(fc.constantFrom('retry-after', 'date', 'location'), text),
      body: fc.oneof({ weight: 4, arbitrary: json }, jsonText, text),
      isTruncated: fc.integer({ min: 0, max: 9 }).map((digit) => digit === 0),
    });
  });
  let tokens = 0;

  fc.assert(
    fc.property(response, ({ secret, ...rest }) => {
      try {
        const read = readTokenResponse(rest, context);
        tokens += 1;
        expect(read.accessToken).toMatch(/^[\x21-\x7e]{1,8192}$/);
        expect(lifetime(read)).toBeGreaterThan(0);
        expect(lifetime(read)).toBeLessThanOrEqual(2 * 86_400);
        expect(read.warnings.join()).not.toContain(secret);
      } catch (error) {
        if (!(error instanceof RefreshError)) throw error;
        expect(error.code).toMatch(CODE);
        expect(Object.values(error).join() + error.message).not.toContain(secret);
        expect(error.cause).toBeUndefined();
        expect(error.retryAfterMs ?? 1).toBeGreaterThan(0);
      }
    }),
    { numRuns: 2_000 },
  );
  // The generator has to reach both outcomes, or the property says little.
  expect(tokens).toBeGreaterThan(300);
});

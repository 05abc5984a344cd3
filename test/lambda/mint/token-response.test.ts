import type { RefreshError } from '../../../lambda/errors.ts';
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
const failure = (response: HttpResponse, changes: Partial<ResponseContext> = {}): RefreshError => {
  try {
    readTokenResponse(response, { ...context, ...changes });
  } catch (error) {
    expectNoLeak(error, [CANARY]);
    return error as RefreshError;
  }
  throw new Error('It did not fail.');
};
const jwt = (claims: unknown) => {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.c2lnbmF0dXJl`;
};
const atSeconds = (seconds: number) => issuedAt.getTime() / 1000 + seconds;
const read = (body: unknown) => readTokenResponse(answer(body), context);

describe('a success', () => {
  const hour = { expires_in: 3600 };
  const ten = { expires_in: 600 };
  const withExp = (exp: unknown) => ({ access_token: jwt({ exp }) });
  const early = jwt({ exp: atSeconds(30) });
  const malformed = ['a.b.c', jwt(null), `${early}.x`, early.slice(0, -13)];
  const NONE = 'The server does not say how long the token lives (no expires_in, no exp).';
  const TOO_LONG = 'The server claims a lifetime of more than 48 hours, which is ignored.';

  /** The members besides `access_token`, the seconds that the token lives, and the warning. */
  test.each<[string, object, number, string?]>([
    ['as the RFC has it', { ...hour, token_type: 'Bearer' }, 3600],
    ['expires_in as a string with a fraction and white space', { expires_in: ' 3600.9 ' }, 3600],
    ['an empty error', { ...hour, error: '' }, 3600],
    ['token_type in capitals, with white space', { ...hour, token_type: ' BEARER\n' }, 3600],
    ['token_type null', { ...hour, token_type: null }, 3600],
    ['no lifetime', {}, 900, NONE],
    ['a lifetime of null', { expires_in: null }, 900, NONE],
    ['an empty lifetime', { expires_in: '' }, 900, NONE],
    ['a lifetime of -1, which means for ever', { expires_in: -1 }, 900, NONE],
    ['48 hours, the most that Genesys Cloud can be set to', { expires_in: 172_800 }, 172_800],
    ['48 hours and a second', { expires_in: 172_801 }, 900, TOO_LONG],
    ['exp earlier than expires_in', { ...withExp(atSeconds(1200)), ...hour }, 1200],
    ['exp later than expires_in', { ...withExp(atSeconds(1200)), ...ten }, 600],
    ['exp with a fraction', withExp(atSeconds(1200) + 0.7), 1200],
    ['exp at the end of time', withExp(1e308), 900, TOO_LONG],
    ...malformed.map((token): [string, object, number] => [
      `a malformed JWT, ${token}`,
      { access_token: token, ...ten },
      600,
    ]),
  ])('is read: %s', (_case, members, seconds, warning) => {
    expect(read({ access_token: CANARY, ...members })).toEqual({
      accessToken: 'access_token' in members ? members.access_token : CANARY,
      issuedAt,
      expiresAt: new Date(issuedAt.getTime() + seconds * 1000),
      ...(warning && { isLifetimeAssumed: true }),
      grantedScope: undefined,
      warnings: warning ? [`${warning} The function assumes 15 min (assumedLifetime).`] : [],
    });
  });

  test.each(['Bearer Token', 'urn:ietf:params:oauth:token-type:bearer', 'OAuth2', 'access_token'])(
    'with the token_type %s, which means bearer, is taken with a warning',
    (token_type) => {
      const { warnings } = read({ access_token: CANARY, ...hour, token_type });

      expect(warnings).toEqual([expect.stringMatching(/^The server gives token_type a name of its own: /)]);
    },
  );

  test('returns the granted scope, or none if it is malformed', () => {
    const scope = (value: unknown) => read({ access_token: CANARY, ...hour, scope: value }).grantedScope;

    expect(scope('read write')).toBe('read write');
    expect(scope(['read', 'write'])).toBe('read write');
    for (const none of ['', 7, {}, 'a\nb', null]) expect(scope(none)).toBeUndefined();
  });

  test('may be as long as Parameter Store holds, and contain a short secret by chance', () => {
    const accessToken = 'x'.repeat(8192);

    const token = readTokenResponse(answer({ access_token: accessToken }), { ...context, secrets: ['xxx'] });

    expect(token.accessToken).toBe(accessToken);
  });
});

describe('an invalid success', () => {
  const secrets = ['hunter2', 'canary-secret'];
  const ok = { access_token: CANARY, expires_in: 60 };
  test.each([
    ['an empty body', '', 'is empty'],
    ['a web page', ` <!DOCTYPE html><p>${CANARY}`, 'is a web page'],
    ['an array', [ok], 'is not a JSON object'],
    ['no token', { expires_in: 60 }, 'has no access_token. Check that the URL is that of a token endpoint'],
    ['a token that is a number', { ...ok, access_token: 7 }, 'has an access_token that is not a string'],
    ['a token with a space', { ...ok, access_token: `a ${CANARY}` }, 'white space, a newline'],
    ['a token with an umlaut', { ...ok, access_token: `ä${CANARY}` }, 'a non-ASCII character'],
    ['a reference', { ...ok, access_token: '{{ssm:/ci/other}}' }, '"{{", which Parameter Store'],
    ['the type of another token', { ...ok, token_type: 'id_token' }, 'another token_type than Bearer'],
    ['the type of a bound token', { ...ok, token_type: 'bearer-pop' }, 'another token_type than Bearer'],
    ['no name as type', { ...ok, token_type: '-' }, 'another token_type than Bearer'],
    ['a token that is bound to a key', { ...ok, token_type: 'DPoP' }, 'no job has. Turn DPoP off for this'],
    ['a type that is no string', { ...ok, token_type: {} }, 'another token_type than Bearer'],
    ['expires_in below a second', { ...ok, expires_in: 0.9 }, 'expires_in of 0 or less'],
    ['expires_in "NaN"', { ...ok, expires_in: 'NaN' }, 'expires_in that is not a number'],
    ['expires_in a list', { ...ok, expires_in: [60] }, 'expires_in that is not a number'],
    ['an expired JWT', { ...ok, access_token: jwt({ exp: atSeconds(-1) }) }, 'expired by its own exp claim'],
    ['a short secret', { ...ok, access_token: 'hunter2' }, 'contains a value of the secret'],
    ['a secret in a token', { ...ok, access_token: 'x.canary-secret.y' }, 'contains a value of the secret'],
  ])('is TOKEN_RESPONSE_INVALID: %s', (_case, body, problem) => {
    const error = failure(answer(body), { secrets });

    expect([error.code, error.credentialsRefused]).toEqual(['TOKEN_RESPONSE_INVALID', false]);
    expect(error.message).toContain(problem);
    expectNoLeak(error, secrets);
  });

  test('is a token of 8,193 bytes: TOKEN_TOO_LARGE', () => {
    const error = failure(answer({ access_token: 'x'.repeat(8193), expires_in: 60 }));

    expect(error.code).toBe('TOKEN_TOO_LARGE');
    expect(error.message).toMatch(/has 8193 bytes; .* Request fewer scopes/);
    expectNoLeak(error, ['x'.repeat(100)]);
  });
});

describe('a refusal', () => {
  const error = (name: string, description = CANARY) => ({ error: name, error_description: description });
  const RATE = error('invalid_request', 'Rate limit exceeded; expires in 30 seconds');
  const [REJECTED, UNAVAILABLE] = ['TOKEN_REJECTED', 'TOKEN_ENDPOINT_UNAVAILABLE'];
  const THROTTLED = 'TOKEN_ENDPOINT_THROTTLED';

  /** Whether the credentials were refused. */
  test.each<[number, unknown, string, boolean?]>([
    [401, error('invalid_client'), REJECTED, true],
    [200, error('invalid_client'), REJECTED, true],
    [400, error('invalid_grant'), REJECTED],
    // An app that is still being replicated (Entra ID, AADSTS700016).
    [400, error('unauthorized_client'), REJECTED, true],
    // Answers to a wrong secret: Keycloak, ServiceNow, Spring, Salesforce, and vendors' members.
    [401, error('unauthorized_client'), REJECTED, true],
    [401, error('server_error'), REJECTED, true],
    [400, error('invalid_client_id'), REJECTED, true],
    [400, { errorCode: 'invalid_client', errorSummary: CANARY }, REJECTED, true],
    [400, { error: { code: 'invalid_client' } }, REJECTED, true],
    [403, error('server_error'), REJECTED],
    [400, error('server_error'), UNAVAILABLE],
    [401, error('invalid_scope'), REJECTED, true],
    [403, error('access_denied'), REJECTED],
    [400, error(CANARY), REJECTED],
    [200, { access_token: CANARY, error: 'x' }, REJECTED],
    [404, error('invalid_client'), REJECTED, true],
    [404, 'not here', UNAVAILABLE],
    [405, '', UNAVAILABLE],
    [410, '', UNAVAILABLE],
    [408, '', UNAVAILABLE],
    [425, '', UNAVAILABLE],
    [500, error('invalid_client'), UNAVAILABLE],
    [302, '', UNAVAILABLE],
    [429, '', THROTTLED],
    [400, error('slow_down'), THROTTLED],
    // Genesys Cloud's way, Salesforce's, and others'.
    [400, RATE, THROTTLED],
    [400, error('invalid_grant', 'login rate exceeded'), THROTTLED],
    [401, error('access_denied', 'Too many failed login attempts'), THROTTLED],
    [400, error('invalid_grant', 'Account locked; try again in 15 minutes'), THROTTLED],
    [400, error('invalid_grant', 'The quota has been exceeded'), THROTTLED],
    [403, { error: 'access_denied', retry_after: 30 }, THROTTLED],
    [401, { error: 'invalid_client', retry_after: 30 }, REJECTED, true],
    [400, error('invalid_grant', 'The assertion expired after 5 minutes'), REJECTED],
  ])('has its code: HTTP %i %j', (status, body, code, credentialsRefused = false) => {
    const refused = failure(answer(body, { status }));

    expect(refused).toMatchObject({ code, name: code, credentialsRefused });
    expect(refused.message).toContain('login.example.test');
  });

  test('of the grant’s credentials makes the mint try another stage', () => {
    const response = answer(error('invalid_grant'), { status: 400 });

    expect(failure(response, { credentialErrors: ['invalid_grant'] }).credentialsRefused).toBe(true);
  });

  const hints = { invalid_client: 'A wrong region?' };
  const WRONG = 'The client id, secret or key is wrong, or the server expects another clientAuthentication.';
  test.each<[number, unknown, string, Partial<ResponseContext>?]>([
    [400, error('invalid_dpop_proof'), 'turn DPoP off for this client at the provider.'],
    [400, error('invalid_client_id'), `HTTP 400). ${WRONG} Store another secret.`],
    [400, error('invalid_client_id'), 'HTTP 400). A wrong region? Store another secret.', { hints }],
    // A server's own name is not a firewall's.
    [400, error('canary_error'), "OAuth error). The server's error name is not one of OAuth 2.0: look"],
    [403, error('canary_error'), 'OAuth error). The server denies this client'],
    [400, '<html>No required SSL certificate was sent', 'OAuth error). The server wants a client cert'],
    [404, '', 'There is no token endpoint at this URL of login.example.test (HTTP 404)'],
    [403, '', '(HTTP 403 without a known OAuth error). A firewall or an IP allow-list in front'],
    [
      400,
      error('invalid_scope'),
      'refused the token request (invalid_scope, HTTP 400). The client may not have',
    ],
    [401, error('server_error'), 'HTTP 401). A wrong region? Store another secret.', { hints }],
    // The advice for wrong credentials comes first.
    [
      401,
      error('unauthorized_client'),
      `(unauthorized_client, HTTP 401). ${WRONG} If they are right: The client may not use this grant`,
    ],
    [302, '', 'redirects the token request (HTTP 302). Redirects are not followed, because'],
  ])('says what to do: HTTP %i %j', (status, body, says, changes = {}) => {
    const headers = { location: `https://${CANARY}.example.test/${CANARY}` };

    expect(failure(answer(body, { status, headers }), changes).message).toContain(says);
  });

  test.each<[number, string | undefined, number | undefined, unknown?, string?]>([
    [429, ' 120 ', 120_000],
    [400, undefined, 120_000, { error: 'access_denied', retry_after: '120' }],
    [429, 'Fri, 20 Nov 2026 14:02:01 GMT', 120_000],
    [429, 'Friday, 20-Nov-26 14:02:01 GMT', 120_000],
    // By the server's own clock.
    [429, 'Fri, 20 Nov 2026 15:00:30 GMT', 30_000, '', 'Fri, 20 Nov 2026 15:00:00 GMT'],
    ...[undefined, '0', '-5', '1.5', 'Fri, 20 Nov 2026 13:00:00 GMT', '9'.repeat(400), 'soon, 12'].map(
      (value): [number, string | undefined, undefined] => [429, value, undefined],
    ),
  ])('with HTTP %i and Retry-After: %s has the time to wait: %s ms', (...row) => {
    const [status, value, expected, body = '', date = ''] = row;
    const headers = { ...(value === undefined ? {} : { 'retry-after': value }), date };

    expect(failure(answer(body, { status, headers })).retryAfterMs).toBe(expected);
  });
});

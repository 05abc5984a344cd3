import type { ProviderSettings } from '../../../lambda/contract.ts';
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../../local/authorization-server/authorization-server.ts';
import {
  BAD_GATEWAY,
  type Fault,
  GENESYS_INVALID_CLIENT,
  GENESYS_THROTTLED,
  jsonAnswer,
  oauthError,
  redirect,
  throttled,
  withExpiresInSource,
  withMembers,
} from '../../../local/authorization-server/faults.ts';
import { createCertificateAuthority } from '../../../local/certificate-authority.ts';
import { expectNoLeak, rejection } from '../../support/leaks.ts';
import { minterFor, signal } from './minting.ts';

const SECRET = { client_id: 'ci', client_secret: 'canary-current' };

let server: AuthorizationServer;
let settings: ProviderSettings;

beforeEach(async () => {
  server = await startAuthorizationServer({
    clients: [{ clientId: 'ci', clientSecret: SECRET.client_secret }],
  });
  settings = { provider: 'oauth2', tokenUrl: server.tokenUrl };
});

afterEach(() => server.close());

describe('a mint that fails has its code and says what to do', () => {
  test.each<[string, Fault, string, RegExp]>([
    [
      'a connection that is cut',
      { kind: 'reset' },
      'TOKEN_ENDPOINT_UNAVAILABLE',
      /\((UND_ERR_\w+|ECONNRESET)\)\. Check/,
    ],
    [
      'a body that is cut',
      { kind: 'reset-mid-response' },
      'TOKEN_ENDPOINT_UNAVAILABLE',
      /\((UND_ERR_\w+|ECONNRESET)\)\. Check/,
    ],
    [
      'no answer',
      { kind: 'hang' },
      'TOKEN_ENDPOINT_UNAVAILABLE',
      /\(TimeoutError\)\. It did not answer in time/,
    ],
    [
      'a body that trickles',
      { kind: 'slow-body', intervalMs: 50 },
      'TOKEN_ENDPOINT_UNAVAILABLE',
      /\(TimeoutError\)/,
    ],
    [
      'a body that never ends',
      { kind: 'endless-body' },
      'TOKEN_RESPONSE_INVALID',
      /longer than 65,536 bytes/,
    ],
    [
      'a redirect',
      redirect('https://sso.example.test/login?x=canary'),
      'TOKEN_ENDPOINT_UNAVAILABLE',
      /redirects the token request \(HTTP 302\)\. Redirects are not followed/,
    ],
    [
      'a redirect that keeps the method',
      redirect('https://sso.example.test/', 307),
      'TOKEN_ENDPOINT_UNAVAILABLE',
      /redirects the token request \(HTTP 307\)\. Redirects are not followed/,
    ],
    [
      'Genesys Cloud’s invalid_client',
      GENESYS_INVALID_CLIENT,
      'TOKEN_REJECTED',
      /invalid_client, HTTP 400.*put-secret-value/,
    ],
    ['invalid_scope', oauthError(400, 'invalid_scope', 'canary'), 'TOKEN_REJECTED', /correct scope/],
    [
      'unauthorized_client',
      oauthError(400, 'unauthorized_client', 'canary'),
      'TOKEN_REJECTED',
      /enable it for the client/,
    ],
    ['401', jsonAnswer(401, {}), 'TOKEN_REJECTED', /HTTP 401.*put-secret-value/],
    ['403', jsonAnswer(403, {}), 'TOKEN_REJECTED', /HTTP 403.*IP allow-list/],
    ['an error with status 200', oauthError(200, 'invalid_client', 'canary'), 'TOKEN_REJECTED', /HTTP 200/],
    ['429', throttled(30), 'TOKEN_ENDPOINT_THROTTLED', /limits the rate/],
    ['Genesys Cloud’s throttling', GENESYS_THROTTLED, 'TOKEN_ENDPOINT_THROTTLED', /limits the rate/],
    [
      '500',
      jsonAnswer(500, { message: 'canary' }),
      'TOKEN_ENDPOINT_UNAVAILABLE',
      /HTTP 500\)\. The stored token is unchanged/,
    ],
    ['502 with a web page', BAD_GATEWAY, 'TOKEN_ENDPOINT_UNAVAILABLE', /HTTP 502/],
    [
      'nonsense',
      { kind: 'answer', status: 200, body: 'canary' },
      'TOKEN_RESPONSE_INVALID',
      /is not a JSON object/,
    ],
    ['no body', { kind: 'answer', status: 204 }, 'TOKEN_RESPONSE_INVALID', /is empty/],
    ['no token', withMembers({ access_token: undefined }), 'TOKEN_RESPONSE_INVALID', /has no access_token/],
    [
      'a token of 9,000 bytes',
      withMembers({ access_token: 'x'.repeat(9_000) }),
      'TOKEN_TOO_LARGE',
      /9000 bytes/,
    ],
    [
      'a newline in the token',
      withMembers({ access_token: 'canary\n' }),
      'TOKEN_RESPONSE_INVALID',
      /newline/,
    ],
    ['expires_in 0', withMembers({ expires_in: 0 }), 'TOKEN_RESPONSE_INVALID', /expires_in of 0/],
    ['expires_in negative', withMembers({ expires_in: -1 }), 'TOKEN_RESPONSE_INVALID', /expires_in of 0/],
    ['expires_in NaN', withExpiresInSource('NaN'), 'TOKEN_RESPONSE_INVALID', /is not a JSON object/],
  ])('%s', async (_case, fault, code, message) => {
    server.faults.always('token', fault);
    const minter = minterFor(settings, { AWSCURRENT: SECRET }, { requestTimeoutMs: 2_000 });
    const error = await rejection(minter.mint({ signal: signal() }));

    expect(error).toMatchObject({ code, name: code, message: expect.stringMatching(message) });
    expect(error.message).toContain(new URL(server.url).host);
    expectNoLeak(error, [SECRET.client_secret, 'canary']);
  });

  test('429 and the time to wait', async () => {
    server.faults.always('token', throttled(new Date(Date.now() + 90_000)));
    const error = await rejection(minterFor(settings, { AWSCURRENT: SECRET }).mint({ signal: signal() }));
    expect(error).toMatchObject({ retryAfterMs: expect.any(Number) });
    const { retryAfterMs } = error as unknown as { retryAfterMs: number };
    // By the server's Date header: whole seconds.
    expect(Math.abs(retryAfterMs - 90_000)).toBeLessThanOrEqual(1_000);
  });

  test('a refused connection', async () => {
    await server.faults.goOffline();
    const error = await rejection(minterFor(settings, { AWSCURRENT: SECRET }).mint({ signal: signal() }));
    expect(error.code).toBe('TOKEN_ENDPOINT_UNAVAILABLE');
    expect(error.message).toContain(
      `The token request to 127.0.0.1:${server.port} got no answer (ECONNREFUSED).`,
    );
    await server.faults.goOnline();
  });

  test('a name that is not found', async () => {
    const tokenUrl = 'https://login.nowhere.invalid/token';
    const minter = minterFor({ provider: 'oauth2', tokenUrl }, { AWSCURRENT: SECRET });
    const error = await rejection(minter.mint({ signal: signal() }));
    expect(error.code).toBe('TOKEN_ENDPOINT_UNAVAILABLE');
    expect(error.message).toMatch(
      /login\.nowhere\.invalid .* \((ENOTFOUND|EAI_AGAIN)\)\. The name was not found/,
    );
  });

  test('an untrusted certificate', async () => {
    const authority = await createCertificateAuthority();
    const tls = await authority.issue(['localhost']);
    const secure = await startAuthorizationServer({ hostname: 'localhost', tls });
    try {
      const minter = minterFor({ provider: 'oauth2', tokenUrl: secure.tokenUrl }, { AWSCURRENT: SECRET });
      const error = await rejection(minter.mint({ signal: signal() }));
      expect(error.code).toBe('TOKEN_ENDPOINT_UNAVAILABLE');
      expect(error.message).toMatch(/\((UNABLE_TO|SELF_SIGNED|CERT)\w+\)\. The TLS connection failed/);
      expect(secure.requests).toHaveLength(0);
    } finally {
      await secure.close();
    }
  });

  test('a time limit that ends first', async () => {
    server.faults.always('token', { kind: 'hang' });
    const controller = new AbortController();
    const minting = minterFor(settings, { AWSCURRENT: SECRET }).mint({ signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    const error = await rejection(minting);
    expect(error).toMatchObject({ code: 'TOKEN_ENDPOINT_UNAVAILABLE' });
    expect(error.message).toContain('It did not answer in time.');
  });
});

describe('a response that deviates from the RFC', () => {
  test.each<[string, Fault, number]>([
    ['expires_in as a string', withExpiresInSource('"60"'), 60],
    ['expires_in huge', withExpiresInSource('1e999'), 900],
    ['no expires_in', withMembers({ expires_in: undefined }), 900],
    ['an empty error', withMembers({ error: '', expires_in: 60 }), 60],
    ['a type in lower case', withMembers({ token_type: 'bearer', expires_in: 60 }), 60],
  ])('is accepted: %s', async (_case, fault, lifetimeSeconds) => {
    server.faults.always('token', fault);
    const minted = await minterFor(settings, { AWSCURRENT: SECRET }).mint({ signal: signal() });
    expect((minted.expiresAt.getTime() - minted.issuedAt.getTime()) / 1000).toBe(lifetimeSeconds);
    expectNoLeak(minted.warnings, [minted.accessToken, SECRET.client_secret]);
  });
});

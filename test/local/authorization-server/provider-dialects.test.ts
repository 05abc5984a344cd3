import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../../local/authorization-server/authorization-server.ts';
import { oauthError } from '../../../local/authorization-server/faults.ts';
import { basic, exchange, members, postForm, tokenOf } from './plain-client.ts';

const AUTHORIZATION = basic('ci', 'secret-1');
const KEY = { accessKeyId: 'KEY+ID====', accessKeySecret: 'key/secret====' };

let server: AuthorizationServer;
let elapsedMs: number;

beforeEach(async () => {
  elapsedMs = 0;
  server = await startAuthorizationServer({
    clients: [
      { clientId: 'ci', clientSecret: 'secret-1' },
      { clientId: 'other', clientSecret: 'secret-2' },
    ],
    accessKeys: [KEY],
    scopes: ['read'],
    now: () => new Date(Date.now() + elapsedMs),
  });
});

afterEach(() => server.close());

const mint = (authorization = AUTHORIZATION, form: Record<string, string> = {}) =>
  postForm(server.tokenUrl, { grant_type: 'client_credentials', ...form }, { authorization });
const tokenInfo = (token: string) =>
  exchange(server.genesysTokenInfoUrl, { headers: { authorization: `Bearer ${token}` } });

describe('Genesys Cloud', () => {
  test('the token info names the client of a live token', async () => {
    const answer = await tokenInfo(tokenOf(await mint()));

    expect([answer.status, members(answer)]).toEqual([200, { OAuthClient: { id: 'ci' } }]);
    expect(server.probes).toHaveLength(1);
    expect(server.probes[0]?.path).toBe('/api/v2/tokens/me');
  });

  test('the token info refuses a token that nobody issued, and a request without one', async () => {
    expect((await tokenInfo('made-up')).status).toBe(401);
    expect((await exchange(server.genesysTokenInfoUrl)).status).toBe(401);
  });

  test('a token that is used in time outlives the inactivity timeout, and dies when it is not', async () => {
    server.setInactivityTimeout(300);
    const token = tokenOf(await mint());
    elapsedMs += 299_000;
    expect((await tokenInfo(token)).status).toBe(200);
    elapsedMs += 299_000;
    // Introspection is no use of the token: it would keep a parked token alive that nobody reads.
    expect((await server.introspect(token)).active).toBe(true);
    elapsedMs += 1000;

    expect((await server.introspect(token)).active).toBe(false);
    expect((await tokenInfo(token)).status).toBe(401);
    server.setInactivityTimeout(undefined);
    expect((await tokenInfo(token)).status).toBe(401);
  });
});

describe('NICE CXone', () => {
  const password = (form: Record<string, string>, authorization = AUTHORIZATION) =>
    postForm(server.tokenUrl, { grant_type: 'password', ...form }, { authorization });
  const accessKeyRoute = (body: string) =>
    exchange(server.cxoneAccessKeyUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });

  test('an access key and a client together are granted a token at the discovered endpoint', async () => {
    const discovery = members(await exchange(`${server.issuer}/.well-known/openid-configuration`));
    const answer = await postForm(
      String(discovery.token_endpoint),
      { grant_type: 'password', username: KEY.accessKeyId, password: KEY.accessKeySecret },
      { authorization: AUTHORIZATION },
    );

    expect(answer.status).toBe(200);
    expect(await server.introspect(tokenOf(answer))).toMatchObject({ active: true, client_id: 'ci' });
  });

  test('a wrong access key and a wrong client are told apart', async () => {
    const key = { username: KEY.accessKeyId, password: KEY.accessKeySecret };
    const [wrongKey, noKey, wrongClient] = [
      await password({ ...key, password: 'wrong' }),
      await password({}),
      await password(key, basic('ci', 'wrong')),
    ];

    expect([wrongKey, noKey, wrongClient].map((answer) => members(answer).error)).toEqual([
      'invalid_grant',
      'invalid_grant',
      'invalid_client',
    ]);
  });

  test('the access-key route trades a JSON key for a token that the server accepts', async () => {
    const answer = await accessKeyRoute(JSON.stringify(KEY));

    expect(members(answer)).toMatchObject({ token_type: 'Bearer', expires_in: 3600 });
    expect((await server.introspect(tokenOf(answer))).active).toBe(true);
    expect(server.requests[0]).toMatchObject({
      path: '/authentication/v1/token/access-key',
      body: JSON.stringify(KEY),
    });
  });

  test.each(['{"accessKeyId":"KEY+ID====","accessKeySecret":"wrong"}', 'no JSON', 'null'])(
    'the access-key route refuses %s',
    async (body) => {
      expect((await accessKeyRoute(body)).status).toBe(401);
      expect(server.mints.count).toBe(0);
    },
  );

  test('a replaced access key secret is refused on both ways', async () => {
    server.replaceAccessKeySecret(KEY.accessKeyId, 'new====');

    expect((await accessKeyRoute(JSON.stringify(KEY))).status).toBe(401);
    expect((await accessKeyRoute(JSON.stringify({ ...KEY, accessKeySecret: 'new====' }))).status).toBe(200);
    expect((await password({ username: KEY.accessKeyId, password: KEY.accessKeySecret })).status).toBe(400);
  });

  test('the access-key route meets the faults of the token endpoint', async () => {
    server.faults.next('token', oauthError(403, 'access_denied'));

    expect((await accessKeyRoute(JSON.stringify(KEY))).status).toBe(403);
  });

  test('the password grant gives JWTs too', async () => {
    server.setTokenFormat('jwt');
    const token = tokenOf(await password({ username: KEY.accessKeyId, password: KEY.accessKeySecret }));

    expect(token.split('.')).toHaveLength(3);
    expect((await server.introspect(token)).active).toBe(true);
  });
});

describe('tokens that depend on each other', () => {
  test('a same-token server repeats the live token with less and less of its life', async () => {
    server.setIssuing('same-token');
    const first = await mint();
    elapsedMs += 600_000;
    const second = await mint();

    expect(tokenOf(second)).toBe(tokenOf(first));
    const { expires_in: remaining } = members(second);
    expect(remaining).toBeLessThanOrEqual(3000);
    expect(remaining).toBeGreaterThan(2990);
    expect([server.mints.count, server.mints.tokensIssued]).toEqual([2, 1]);
    expect((await server.introspect(tokenOf(second))).active).toBe(true);
  });

  test('a same-token server keeps clients and scopes apart, and replaces a dead token', async () => {
    server.setIssuing('same-token');
    const token = tokenOf(await mint());

    expect(tokenOf(await mint(basic('other', 'secret-2')))).not.toBe(token);
    expect(tokenOf(await mint(AUTHORIZATION, { scope: 'read' }))).not.toBe(token);
    server.revoke(token);
    const fresh = await mint();
    expect(tokenOf(fresh)).not.toBe(token);
    expect((await server.introspect(tokenOf(fresh))).active).toBe(true);
  });

  test('a same-token server still refuses a wrong secret', async () => {
    server.setIssuing('same-token');
    await mint();

    expect((await mint(basic('ci', 'wrong'))).status).toBe(401);
  });

  test('a single-active server ends the older token of the same client only', async () => {
    server.setIssuing('single-active');
    const [older, others] = [tokenOf(await mint()), tokenOf(await mint(basic('other', 'secret-2')))];
    const newer = tokenOf(await mint());
    const active = async (token: string) => (await server.introspect(token)).active;

    expect([await active(older), await active(newer), await active(others)]).toEqual([false, true, true]);
  });

  test('tokens live side by side unless told otherwise', async () => {
    const [older, newer] = [tokenOf(await mint()), tokenOf(await mint())];

    expect((await server.introspect(older)).active).toBe(true);
    expect(newer).not.toBe(older);
  });
});

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../../local/authorization-server/authorization-server.ts';
import { basic, exchange, members, postForm, tokenOf } from './plain-client.ts';

const AUTHORIZATION = basic('ci', 'secret-1');
const GRANT = { grant_type: 'client_credentials' };
const { privateKey, publicKey } = await generateKeyPair('RS256');

let server: AuthorizationServer;

beforeEach(async () => {
  server = await startAuthorizationServer({
    clients: [
      { clientId: 'ci', clientSecret: 'secret-1' },
      { clientId: 'odd:id%+&= ', clientSecret: ' s:e%c+r&e=t', scope: 'read' },
      { clientId: 'form', clientSecret: 'secret-2', authMethod: 'client_secret_post' },
      { clientId: 'key', authMethod: 'private_key_jwt', jwks: { keys: [await exportJWK(publicKey)] } },
    ],
    lifetimeSeconds: 12,
    scopes: ['read', 'write'],
    resources: { 'https://api.example.test/': { scope: 'read', tokenFormat: 'jwt' } },
  });
});

afterEach(() => server.close());

describe('client authentication', () => {
  test('a client with a secret is granted a token by Basic', async () => {
    const answer = await postForm(server.tokenUrl, GRANT, { authorization: AUTHORIZATION });

    expect(answer.status).toBe(200);
    expect(members(answer)).toMatchObject({ expires_in: 12, token_type: 'Bearer' });
    expect(await server.introspect(tokenOf(answer))).toMatchObject({ active: true, client_id: 'ci' });
  });

  test('special characters survive form encoding in Basic, and are refused without it', async () => {
    const encoded = await postForm(server.tokenUrl, GRANT, {
      authorization: basic('odd:id%+&= ', ' s:e%c+r&e=t'),
    });
    const raw = await postForm(server.tokenUrl, GRANT, {
      authorization: `Basic ${Buffer.from('odd:id%+&= : s:e%c+r&e=t').toString('base64')}`,
    });

    expect([encoded.status, raw.status]).toEqual([200, 400]);
  });

  test('a client with a secret is granted a token by form parameters', async () => {
    const answer = await postForm(server.tokenUrl, {
      ...GRANT,
      client_id: 'form',
      client_secret: 'secret-2',
    });

    expect(answer.status).toBe(200);
  });

  test('a client with a key is granted a token once per signed assertion', async () => {
    const assertion = await new SignJWT()
      .setProtectedHeader({ alg: 'RS256' })
      .setIssuer('key')
      .setSubject('key')
      .setAudience(server.issuer)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(privateKey);
    const form = {
      ...GRANT,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    };

    expect((await postForm(server.tokenUrl, form)).status).toBe(200);
    expect(members(await postForm(server.tokenUrl, form)).error).toBe('invalid_client');
  });

  test('two ways of authentication in one request are refused', async () => {
    const answer = await postForm(
      server.tokenUrl,
      { ...GRANT, client_id: 'ci', client_secret: 'secret-1' },
      { authorization: AUTHORIZATION },
    );

    expect(answer.status).toBe(400);
    expect(server.mints.count).toBe(0);
  });

  test('a replaced secret is refused at once and the new one is taken', async () => {
    await postForm(server.tokenUrl, GRANT, { authorization: AUTHORIZATION });
    server.replaceClientSecret('ci', 'secret-3');
    const old = await postForm(server.tokenUrl, GRANT, { authorization: AUTHORIZATION });
    const current = await postForm(server.tokenUrl, GRANT, { authorization: basic('ci', 'secret-3') });

    expect([old.status, members(old).error]).toEqual([401, 'invalid_client']);
    expect(current.status).toBe(200);
  });

  test('only a client that exists and has a secret can have it replaced', () => {
    expect(() => server.replaceClientSecret('nobody', 'x')).toThrow('no client nobody');
    expect(() => server.replaceClientSecret('key', 'x')).toThrow('no client key');
  });
});

describe('tokens', () => {
  const mint = (form: Record<string, string> = {}) =>
    postForm(server.tokenUrl, { ...GRANT, ...form }, { authorization: AUTHORIZATION });

  test('the lifetime can be changed for the tokens to come', async () => {
    server.setLifetime(3600);
    const long = members(await mint());
    const lifetimes = [300, 60];
    server.setLifetime(() => lifetimes.shift() ?? 1);

    expect(long.expires_in).toBe(3600);
    expect([members(await mint()).expires_in, members(await mint()).expires_in]).toEqual([300, 60]);
  });

  test('an expired token is inactive and refused by the probe', async () => {
    server.setLifetime(1);
    const token = tokenOf(await mint());
    const deadline = Date.now() + 3000;
    while ((await server.introspect(token)).active && Date.now() < deadline);

    expect(await server.introspect(token)).toEqual({ active: false });
    expect((await probe(token)).status).toBe(401);
  });

  test('a scope nobody knows is left out, one the client may not have is an error', async () => {
    const partly = members(await mint({ scope: 'read nonsense' }));
    const forbidden = await postForm(
      server.tokenUrl,
      { ...GRANT, scope: 'write' },
      { authorization: basic('odd:id%+&= ', ' s:e%c+r&e=t') },
    );

    expect(partly.scope).toBe('read');
    expect([forbidden.status, members(forbidden).error]).toEqual([400, 'invalid_scope']);
  });

  test.each(['resource', 'audience'])(
    'a token for the %s is a JWT where the resource wants that',
    async (name) => {
      const token = tokenOf(await mint({ [name]: 'https://api.example.test/', scope: 'read' }));

      expect(await server.introspect(token)).toMatchObject({
        active: true,
        aud: 'https://api.example.test/',
        scope: 'read',
      });
      server.revoke(token);
      expect(await server.introspect(token)).toEqual({ active: false });
    },
  );

  test('an unknown resource is refused', async () => {
    expect(members(await mint({ resource: 'https://other.example.test/' })).error).toBe('invalid_target');
  });

  test('the format of all tokens can be changed; a JWT of another issuer is not accepted', async () => {
    server.setTokenFormat('jwt');
    const jwt = tokenOf(await mint());
    const [header, payload] = jwt.split('.');
    const { privateKey: foreignKey } = await generateKeyPair('ES256');
    const forged = await new SignJWT({ client_id: 'ci' })
      .setProtectedHeader({ alg: 'ES256', kid: 'local' })
      .setIssuer(server.issuer)
      .setExpirationTime('1m')
      .sign(foreignKey);

    expect([header, payload].map((part) => part?.slice(0, 2))).toEqual(['ey', 'ey']);
    expect((await server.introspect(jwt)).active).toBe(true);
    expect((await server.introspect(forged)).active).toBe(false);
  });

  test.each([4097, 9000])('an opaque token of %d characters is as good as a short one', async (length) => {
    server.setTokenLength(length);
    const token = tokenOf(await mint());

    expect(token).toHaveLength(length);
    expect((await probe(token)).status).toBe(200);
  });

  test('a token can be revoked by the server and over the wire', async () => {
    const [one, other] = [tokenOf(await mint()), tokenOf(await mint())];
    server.revoke(one);
    const revocation = await postForm(
      `${server.url}/oauth/revoke`,
      { token: other },
      { authorization: AUTHORIZATION },
    );

    expect(revocation.status).toBe(200);
    expect([await server.introspect(one), await server.introspect(other)]).toEqual([
      { active: false },
      { active: false },
    ]);
  });

  const probe = (token: string) =>
    exchange(server.probeUrl, { headers: { authorization: `Bearer ${token}` } });
});

test.each(['openid-configuration', 'oauth-authorization-server'])('discovery answers at %s', async (name) => {
  const document = members(await exchange(`${server.url}/.well-known/${name}`));

  expect(document).toMatchObject({ issuer: server.issuer, token_endpoint: server.tokenUrl });
  expect(server.discoveries).toHaveLength(1);
});

test('requests are recorded as they were sent, and mints and tokens counted', async () => {
  await postForm(`${server.tokenUrl}?a=b`, { ...GRANT, scope: 'read' }, { authorization: AUTHORIZATION });
  await postForm(server.tokenUrl, GRANT, { authorization: basic('ci', 'wrong') });

  expect(server.requests).toHaveLength(2);
  expect(server.requests[0]).toMatchObject({
    method: 'POST',
    path: '/oauth/token?a=b',
    headers: { authorization: AUTHORIZATION, 'content-type': 'application/x-www-form-urlencoded' },
    body: 'grant_type=client_credentials&scope=read',
  });
  expect([server.mints.count, server.mints.tokensIssued]).toEqual([1, 1]);
});

test('a whole life of the server, refusals and a server error included, prints nothing', async () => {
  const program = `
    import { startAuthorizationServer } from '${new URL('../../../local/authorization-server/authorization-server.ts', import.meta.url).href}';
    const server = await startAuthorizationServer({ clients: [{ clientId: 'ci', clientSecret: 'canary-secret' }] });
    const mint = (secret, form = {}) => fetch(server.tokenUrl, {
      method: 'POST',
      headers: { authorization: 'Basic ' + btoa('ci:' + secret) },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...form }),
    });
    const { access_token: token } = await (await mint('canary-secret')).json();
    await mint('canary-wrong');
    await mint('canary-secret', { resource: 'https://unknown.example.test/' });
    await server.introspect(token);
    server.setLifetime(0);
    const failed = await mint('canary-secret');
    if (failed.status !== 500) throw new Error('A lifetime of 0 was taken.');
    await fetch(server.probeUrl, { headers: { authorization: 'Bearer ' + token } });
    await fetch(server.issuer + '/.well-known/openid-configuration');
    await fetch(server.url + '/oauth/revoke', { method: 'POST', body: new URLSearchParams({ token }) });
    await fetch(server.url + '/nothing-here');
    await server.close();
  `;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '--eval',
    program,
  ]);

  expect([stdout, stderr]).toEqual(['', '']);
});

import { generateKeyPairSync } from 'node:crypto';
import type { ProviderSettings } from '../../../lambda/contract.ts';
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../../local/authorization-server/authorization-server.ts';
import {
  BAD_GATEWAY,
  type Fault,
  GENESYS_THROTTLED,
  jsonAnswer,
  oauthError,
  redirect,
  throttled,
} from '../../../local/authorization-server/faults.ts';
import { createCertificateAuthority } from '../../../local/certificate-authority.ts';
import { expectNoLeak, rejection } from '../../support/leaks.ts';
import { startRecorder } from '../../support/recorder.ts';
import { loopbackAgent, minterFor, signal } from './minting.ts';

const AWKWARD = 'canary:s%c+d&e=f g/!~()';
const KEY = { accessKeyId: 'KEY+ID====', accessKeySecret: 'canary/key====' };
const SECRET = { client_id: 'ci', client_secret: 'canary-current' };
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const edKeys = generateKeyPairSync('ed25519');

let server: AuthorizationServer;
let settings: ProviderSettings;

beforeEach(async () => {
  server = await startAuthorizationServer({
    clients: [
      { clientId: 'ci', clientSecret: SECRET.client_secret },
      { clientId: 'awk:ward %+', clientSecret: AWKWARD },
      { clientId: 'post', clientSecret: AWKWARD, authMethod: 'client_secret_post' },
      {
        clientId: 'signer',
        authMethod: 'private_key_jwt',
        jwks: { keys: [{ ...keys.publicKey.export({ format: 'jwk' }), kty: 'EC' }] },
      },
      {
        clientId: 'ed-signer',
        authMethod: 'private_key_jwt',
        jwks: { keys: [{ ...edKeys.publicKey.export({ format: 'jwk' }), kty: 'OKP' }] },
      },
    ],
    accessKeys: [KEY],
    scopes: ['read'],
  });
  settings = { provider: 'oauth2', tokenUrl: server.tokenUrl, probeUrl: server.probeUrl };
});

afterEach(() => server.close());

const isActive = async (token: string) => (await server.introspect(token)).active;

describe('a certified authorization server accepts', () => {
  test.each<[string, () => ProviderSettings, object]>([
    ['Basic', () => settings, SECRET],
    [
      'Basic with characters that need encoding',
      () => settings,
      { client_id: 'awk:ward %+', client_secret: AWKWARD },
    ],
    [
      'client_secret_post with characters that need encoding',
      () => ({ provider: 'oauth2', tokenUrl: server.tokenUrl, clientAuthentication: 'client_secret_post' }),
      { client_id: 'post', client_secret: AWKWARD },
    ],
    [
      'private_key_jwt at a tokenUrl',
      () => ({ provider: 'oauth2', tokenUrl: server.tokenUrl, clientAuthentication: 'private_key_jwt' }),
      { client_id: 'signer', private_key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) },
    ],
    [
      'private_key_jwt after discovery',
      () => ({ provider: 'oauth2', issuer: server.issuer, clientAuthentication: 'private_key_jwt' }),
      { client_id: 'signer', private_key: keys.privateKey.export({ format: 'jwk' }) },
    ],
    [
      'private_key_jwt with an Ed25519 key',
      () => ({ provider: 'oauth2', issuer: server.issuer, clientAuthentication: 'private_key_jwt' }),
      { client_id: 'ed-signer', private_key: edKeys.privateKey.export({ type: 'pkcs8', format: 'pem' }) },
    ],
    [
      'private_key_jwt for the token endpoint as audience',
      () => ({
        provider: 'oauth2',
        issuer: server.issuer,
        clientAuthentication: 'private_key_jwt',
        assertionAudience: server.tokenUrl,
      }),
      { client_id: 'signer', private_key: keys.privateKey.export({ format: 'jwk' }) },
    ],
    [
      'the password grant of NICE CXone',
      () => ({ provider: 'nice-cxone', issuer: server.issuer }),
      { ...SECRET, access_key_id: KEY.accessKeyId, access_key_secret: KEY.accessKeySecret },
    ],
  ])('%s', async (_case, given, secret) => {
    const minted = await minterFor(given(), { AWSCURRENT: secret }).mint({ signal: signal() });

    expect(await isActive(minted.accessToken)).toBe(true);
    expect(minted).toMatchObject({ secretStage: 'AWSCURRENT', warnings: [] });
  });
});

test('over TLS the providers with fixed paths are served under their own names', async () => {
  const authority = await createCertificateAuthority();
  const tls = await authority.issue(['login.example.test', 'api.example.test', 'na1.example.test']);
  const dispatcher = loopbackAgent(authority.certificate);
  const secure = await startAuthorizationServer({
    clients: [{ clientId: 'ci', clientSecret: SECRET.client_secret }],
    accessKeys: [KEY],
    hostname: 'login.example.test',
    tls,
  });
  try {
    const genesys = minterFor(
      { provider: 'genesys-cloud', region: `example.test:${secure.port}` },
      { AWSCURRENT: SECRET },
      { dispatcher },
    );
    const { accessToken } = await genesys.mint({ signal: signal() });
    expect(await genesys.probe?.(accessToken, { signal: signal() })).toBe('accepted');
    expect(await genesys.probe?.('made-up', { signal: signal() })).toBe('refused');
    expect(secure.probes.map(({ path }) => path)).toEqual(['/api/v2/tokens/me', '/api/v2/tokens/me']);

    const cxone = minterFor(
      { provider: 'nice-cxone-access-key', area: `na1.example.test:${secure.port}` },
      { AWSCURRENT: KEY },
      { dispatcher },
    );
    const minted = await cxone.mint({ signal: signal() });
    expect((await secure.introspect(minted.accessToken)).active).toBe(true);
  } finally {
    await dispatcher.destroy();
    await secure.close();
  }
});

test('a mint reads the secret once and sends one token request; issuedAt is before the request', async () => {
  const times = [1_000, 9_000].map((ms) => new Date(Date.parse('2026-11-20T14:00:00Z') + ms));
  const now = () => (times.length > 1 ? (times.shift() as Date) : (times[0] as Date));
  const minter = minterFor(settings, { AWSCURRENT: SECRET }, { now });
  const minted = await minter.mint({ signal: signal() });

  expect(minter.stagesRead).toEqual(['AWSCURRENT']);
  expect(server.requests).toHaveLength(1);
  expect(server.discoveries).toHaveLength(0);
  expect(minted.issuedAt).toEqual(new Date('2026-11-20T14:00:01Z'));
  expect(minted.expiresAt).toEqual(new Date('2026-11-20T15:00:01Z'));
});

test('the issue time is after discovery', async () => {
  // Five seconds pass with each discovery.
  const time = () => Date.parse('2026-11-20T14:00:00Z') + 5_000 * server.discoveries.length;
  const minter = minterFor(
    { provider: 'oauth2', issuer: server.issuer },
    { AWSCURRENT: SECRET },
    { now: () => new Date(time()) },
  );
  const minted = await minter.mint({ signal: signal() });
  expect(minted.issuedAt).toEqual(new Date('2026-11-20T14:00:05Z'));

  await minter.mint({ signal: signal() });
  expect(server.discoveries).toHaveLength(1);
});

describe('while a rotation is in flight', () => {
  const other = { client_id: 'ci', client_secret: 'canary-other' };
  const mint = async (stages: Parameters<typeof minterFor>[1]) => {
    const minter = minterFor(settings, stages);
    return { minter, minted: await minter.mint({ signal: signal() }) };
  };

  test.each(['AWSPENDING', 'AWSPREVIOUS'] as const)(
    '%s is used where AWSCURRENT is refused',
    async (stage) => {
      const { minted } = await mint({ AWSCURRENT: other, [stage]: SECRET });
      expect(await isActive(minted.accessToken)).toBe(true);
      expect(minted.secretStage).toBe(stage);
      expect(minted.warnings).toEqual([
        `The server refused the secret's AWSCURRENT version and accepted ${stage}: finish or correct the rotation of the secret.`,
      ]);
      expectNoLeak(minted.warnings, [SECRET.client_secret, other.client_secret]);
    },
  );

  test.each(['unauthorized_client', 'invalid_scope', 'canary-unregistered'])(
    'the other stages are tried once for any 401: %s, as Keycloak says to a wrong secret',
    async (name) => {
      server.faults.next('token', oauthError(401, name));

      const { minter, minted } = await mint({ AWSCURRENT: other, AWSPREVIOUS: SECRET });

      expect(minted.secretStage).toBe('AWSPREVIOUS');
      expect(minter.stagesRead).toEqual(['AWSCURRENT', 'AWSPENDING', 'AWSPREVIOUS']);
    },
  );

  test('AWSPENDING is tried before AWSPREVIOUS', async () => {
    const { minter, minted } = await mint({ AWSCURRENT: other, AWSPENDING: SECRET, AWSPREVIOUS: SECRET });
    expect(minted.secretStage).toBe('AWSPENDING');
    expect(minter.stagesRead).toEqual(['AWSCURRENT', 'AWSPENDING']);
  });

  test('each value is tried once, and AWSCURRENT’s error is reported', async () => {
    const third = { client_id: 'ci', client_secret: 'canary-third' };
    const minter = minterFor(settings, {
      AWSCURRENT: other,
      AWSPENDING: { clientId: 'ci', clientSecret: other.client_secret },
      AWSPREVIOUS: third,
    });
    const error = await rejection(minter.mint({ signal: signal() }));
    expect(error.code).toBe('TOKEN_REJECTED');
    expect(server.requests).toHaveLength(2);
    expectNoLeak(error, [other.client_secret, third.client_secret]);
  });

  test('if another stage is malformed or fails, AWSCURRENT’s error is reported', async () => {
    server.faults.next('token', oauthError(401, 'invalid_client'));
    server.faults.next('token', BAD_GATEWAY);
    const minter = minterFor(settings, { AWSCURRENT: other, AWSPENDING: 'no JSON', AWSPREVIOUS: SECRET });
    expect((await rejection(minter.mint({ signal: signal() }))).code).toBe('TOKEN_REJECTED');
    expect(server.requests).toHaveLength(2);
  });

  test.each([
    ['a scope that is refused', oauthError(400, 'invalid_scope'), 'TOKEN_REJECTED'],
    ['throttling', GENESYS_THROTTLED, 'TOKEN_ENDPOINT_THROTTLED'],
    ['an outage', BAD_GATEWAY, 'TOKEN_ENDPOINT_UNAVAILABLE'],
  ])('no other stage is read for %s', async (_case, fault, code) => {
    server.faults.always('token', fault);
    const minter = minterFor(settings, { AWSCURRENT: SECRET, AWSPENDING: other });
    expect((await rejection(minter.mint({ signal: signal() }))).code).toBe(code);
    expect(minter.stagesRead).toEqual(['AWSCURRENT']);
  });

  test('a malformed AWSCURRENT is reported', async () => {
    const minter = minterFor(settings, { AWSCURRENT: 'no JSON', AWSPREVIOUS: SECRET });
    expect((await rejection(minter.mint({ signal: signal() }))).code).toBe('SECRET_MALFORMED');
    expect(minter.stagesRead).toEqual(['AWSCURRENT']);
    expect(server.requests).toHaveLength(0);
  });

  test('a refused access key of NICE CXone is tried from the other stages too', async () => {
    const secret = { ...SECRET, ...KEY };
    const minter = minterFor(
      { provider: 'nice-cxone', issuer: server.issuer },
      { AWSCURRENT: { ...secret, accessKeySecret: 'canary-old' }, AWSPREVIOUS: secret },
    );
    expect((await minter.mint({ signal: signal() })).secretStage).toBe('AWSPREVIOUS');
  });
});

describe('the probe', () => {
  const probe = (token = 'canary', given = settings) =>
    minterFor(given, {}).probe?.(token, { signal: AbortSignal.timeout(3_000) });

  test('accepts a live token and refuses one that nobody issued', async () => {
    const minted = await minterFor(settings, { AWSCURRENT: SECRET }).mint({ signal: signal() });
    expect(await probe(minted.accessToken)).toBe('accepted');
    expect(await probe()).toBe('refused');
  });

  test.each<[string, Fault, string]>([
    ['204', { kind: 'answer', status: 204 }, 'accepted'],
    ['401', { kind: 'answer', status: 401 }, 'refused'],
    [
      '403 of a server that knows the token',
      { kind: 'answer', status: 403, headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' } },
      'accepted',
    ],
    ['403 of a firewall', { kind: 'answer', status: 403 }, 'unanswered'],
    ['302', redirect('/login'), 'unanswered'],
    ['429', throttled(5), 'unanswered'],
    ['503', jsonAnswer(503, {}), 'unanswered'],
    ['no answer', { kind: 'hang' }, 'unanswered'],
    ['a connection that is cut', { kind: 'reset' }, 'unanswered'],
  ])('takes %s for what it proves', async (_case, fault, expected) => {
    server.faults.always('probe', fault);
    expect(await probe()).toBe(expected);
  });

  test('is unanswered for a token that a header cannot carry', async () => {
    expect(await probe('a\nb')).toBe('unanswered');
    expect(server.probes).toHaveLength(0);
  });

  test('is absent where the provider has none', () => {
    expect(minterFor({ provider: 'oauth2', tokenUrl: server.tokenUrl }, {}).probe).toBeUndefined();
    expect(minterFor({ provider: 'nice-cxone', issuer: server.issuer }, {}).probe).toBeUndefined();
  });
});

describe('a token endpoint that moved', () => {
  test.each<[string, Fault]>([
    ['404', { kind: 'answer', status: 404 }],
    ['405', { kind: 'answer', status: 405 }],
    ['410', { kind: 'answer', status: 410 }],
    ['a redirect', redirect('https://login.example.test/', 308)],
    ['a web page', { kind: 'answer', status: 200, body: '<html></html>' }],
    ['a connection that is cut', { kind: 'reset' }],
  ])('is looked up anew by the next mint: %s', async (_case, fault) => {
    const minter = minterFor({ provider: 'oauth2', issuer: server.issuer }, { AWSCURRENT: SECRET });
    await minter.mint({ signal: signal() });
    server.faults.next('token', fault);
    await rejection(minter.mint({ signal: signal() }));

    const minted = await minter.mint({ signal: signal() });

    expect(await isActive(minted.accessToken)).toBe(true);
    expect(server.discoveries).toHaveLength(2);
  });

  test('is not looked up again after a refusal or an outage', async () => {
    const minter = minterFor({ provider: 'oauth2', issuer: server.issuer }, { AWSCURRENT: SECRET });
    for (const fault of [oauthError(400, 'invalid_scope'), BAD_GATEWAY, throttled(1)]) {
      server.faults.next('token', fault);
      await rejection(minter.mint({ signal: signal() }));
    }

    await minter.mint({ signal: signal() });

    expect(server.discoveries).toHaveLength(1);
  });
});

test('a refusal of credentials that Basic encodes hints at client_secret_post', async () => {
  const secret = { client_id: 'ci', client_secret: 'canary wrong+secret' };

  const error = await rejection(minterFor(settings, { AWSCURRENT: secret }).mint({ signal: signal() }));

  expect(error.code).toBe('TOKEN_REJECTED');
  expect(error.message).toContain('try clientAuthentication client_secret_post');
  expectNoLeak(error, [secret.client_secret]);
});

test('a refused assertion hints at its audience', async () => {
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const secret = { client_id: 'signer', private_key: stranger.export({ format: 'jwk' }) };
  const given: ProviderSettings = {
    ...settings,
    clientAuthentication: 'private_key_jwt',
  } as ProviderSettings;

  const error = await rejection(minterFor(given, { AWSCURRENT: secret }).mint({ signal: signal() }));

  expect(error.code).toBe('TOKEN_REJECTED');
  expect(error.message).toContain('set assertionAudience');
});

test('messages name the configured host, not the one that a server names', async () => {
  const evil = 'https://canary-chosen.invalid/token';
  const recorder = await startRecorder(() => ({
    body: JSON.stringify({ issuer: `http://localhost:${recorder.port}`, token_endpoint: evil }),
  }));
  try {
    const given: ProviderSettings = { provider: 'oauth2', issuer: `http://localhost:${recorder.port}` };

    const error = await rejection(minterFor(given, { AWSCURRENT: SECRET }).mint({ signal: signal() }));

    expect(error.code).toBe('TOKEN_ENDPOINT_UNAVAILABLE');
    expect(error.message).toContain(`The token request to localhost:${recorder.port} got no answer`);
    expect(error.message).not.toContain('canary-chosen');
  } finally {
    await recorder.close();
  }
});

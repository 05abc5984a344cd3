import { generateKeyPairSync } from 'node:crypto';
import type { ProviderSettings } from '../../../lambda/contract.ts';
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../../local/authorization-server/authorization-server.ts';
import { BAD_GATEWAY, type Fault, oauthError, redirect } from '../../../local/authorization-server/faults.ts';
import { createCertificateAuthority } from '../../../local/certificate-authority.ts';
import { expectNoLeak, rejection } from '../../support/leaks.ts';
import { startRecorder } from '../../support/recorder.ts';
import { minterFor, signal } from './minting.ts';

const KEY = { accessKeyId: 'KEY+ID====', accessKeySecret: 'canary/key====' };
const SECRET = { client_id: 'ci', client_secret: 'canary-current' };
const OTHER = { client_id: 'ci', client_secret: 'canary-other' };
let server: AuthorizationServer;
let settings: ProviderSettings & { provider: 'oauth2' };

beforeEach(async () => {
  server = await startAuthorizationServer({
    clients: [{ clientId: 'ci', clientSecret: SECRET.client_secret }],
    accessKeys: [KEY],
  });
  settings = { provider: 'oauth2', tokenUrl: server.tokenUrl, probeUrl: server.probeUrl };
});

afterEach(() => server.close());

const failureOf = (given: ProviderSettings, secret: object) =>
  rejection(minterFor(given, { AWSCURRENT: secret }).mint({ signal: signal() }));

test('a mint reads the secret once and sends one token request', async () => {
  const minter = minterFor(settings, { AWSCURRENT: SECRET });

  await minter.mint({ signal: signal() });

  expect(minter.stagesRead).toEqual(['AWSCURRENT']);
  expect(server.requests).toHaveLength(1);
  expect(server.discoveries).toHaveLength(0);
});

test('the issue time is after discovery and before the token request', async () => {
  // Five seconds pass with each discovery, and a minute with each token request.
  const time = () =>
    Date.parse('2026-11-20T14:00:00Z') + 5_000 * server.discoveries.length + 60_000 * server.requests.length;
  const given: ProviderSettings = { provider: 'oauth2', issuer: server.issuer };
  const minter = minterFor(given, { AWSCURRENT: SECRET }, { now: () => new Date(time()) });

  const minted = await minter.mint({ signal: signal() });

  expect(minted.issuedAt).toEqual(new Date('2026-11-20T14:00:05Z'));
  expect(minted.expiresAt).toEqual(new Date('2026-11-20T15:00:05Z'));
});

test('a token that was minted at the last known token endpoint has a warning', async () => {
  const minter = minterFor({ provider: 'oauth2', issuer: server.issuer }, { AWSCURRENT: SECRET });
  expect((await minter.mint({ signal: signal() })).warnings).toEqual([]);
  server.faults.always('discovery', BAD_GATEWAY);

  const { warnings } = await minter.mint({ signal: signal() });

  expect(warnings).toEqual([expect.stringContaining('The last known token endpoint was used.')]);
});

describe('while a rotation is in flight', () => {
  const mint = async (stages: Parameters<typeof minterFor>[1]) => {
    const minter = minterFor(settings, stages);
    return { minter, minted: await minter.mint({ signal: signal() }) };
  };

  test.each(['AWSPENDING', 'AWSPREVIOUS'] as const)('%s is used if AWSCURRENT is refused', async (stage) => {
    const { minted } = await mint({ AWSCURRENT: OTHER, [stage]: SECRET });

    expect((await server.introspect(minted.accessToken)).active).toBe(true);
    expect(minted.secretStage).toBe(stage);
    expect(minted.warnings).toEqual([
      `The server refused the secret's AWSCURRENT version and accepted ${stage}: finish or correct the rotation of the secret.`,
    ]);
  });

  test('AWSPENDING is tried before AWSPREVIOUS', async () => {
    const { minter, minted } = await mint({ AWSCURRENT: OTHER, AWSPENDING: SECRET, AWSPREVIOUS: SECRET });

    expect(minted.secretStage).toBe('AWSPENDING');
    expect(minter.stagesRead).toEqual(['AWSCURRENT', 'AWSPENDING']);
  });

  test.each<[string, Record<string, unknown>, number]>([
    [
      'with the same values, which are tried once',
      { AWSPENDING: { clientId: 'ci', clientSecret: 'canary-other' } },
      1,
    ],
    ['that is refused too', { AWSPREVIOUS: { client_id: 'ci', client_secret: 'canary-third' } }, 2],
    ['that is malformed', { AWSPENDING: 'no JSON' }, 1],
  ])('AWSCURRENT’s error is reported, despite another stage %s', async (_case, others, requests) => {
    server.faults.next('token', oauthError(401, 'invalid_client'));
    server.faults.next('token', BAD_GATEWAY);
    const minter = minterFor(settings, { AWSCURRENT: OTHER, ...others });

    const error = await rejection(minter.mint({ signal: signal() }));

    expect(error.code).toBe('TOKEN_REJECTED');
    expect(server.requests).toHaveLength(requests);
    expectNoLeak(error, ['canary']);
  });

  test('no other stage is read if something else than the credentials is refused', async () => {
    server.faults.always('token', oauthError(400, 'invalid_scope'));
    const minter = minterFor(settings, { AWSCURRENT: SECRET, AWSPENDING: OTHER });

    expect((await rejection(minter.mint({ signal: signal() }))).code).toBe('TOKEN_REJECTED');
    expect(minter.stagesRead).toEqual(['AWSCURRENT']);
  });

  test('a malformed AWSCURRENT is reported', async () => {
    const minter = minterFor(settings, { AWSCURRENT: 'no JSON', AWSPREVIOUS: SECRET });

    expect((await rejection(minter.mint({ signal: signal() }))).code).toBe('SECRET_MALFORMED');
    expect(minter.stagesRead).toEqual(['AWSCURRENT']);
  });

  test('a refused access key of NICE CXone is tried from the other stages too', async () => {
    const secret = { ...SECRET, ...KEY };
    const stages = { AWSCURRENT: { ...secret, accessKeySecret: 'canary-old' }, AWSPREVIOUS: secret };
    const minter = minterFor({ provider: 'nice-cxone', issuer: server.issuer }, stages);

    expect((await minter.mint({ signal: signal() })).secretStage).toBe('AWSPREVIOUS');
  });
});

describe('the probe', () => {
  const probe = (token = 'canary', given: ProviderSettings = settings) =>
    minterFor(given, {}).probe?.(token, { signal: AbortSignal.timeout(1_000) });

  test('accepts a live token and refuses one that nobody issued', async () => {
    const minted = await minterFor(settings, { AWSCURRENT: SECRET }).mint({ signal: signal() });

    expect(await probe(minted.accessToken)).toBe('accepted');
    expect(await probe()).toBe('refused');
  });

  const scope = { 'www-authenticate': 'Bearer error="insufficient_scope"' };
  test.each<[string, Fault, string]>([
    ['204', { kind: 'answer', status: 204 }, 'accepted'],
    ['401', { kind: 'answer', status: 401 }, 'refused'],
    ['403 of a server that knows the token', { kind: 'answer', status: 403, headers: scope }, 'accepted'],
    ['403 of a firewall', { kind: 'answer', status: 403 }, 'unanswered'],
    ['302', redirect('/login'), 'unanswered'],
    ['503', { kind: 'answer', status: 503, headers: scope }, 'unanswered'],
    ['no answer', { kind: 'hang' }, 'unanswered'],
  ])('understands %s', async (_case, fault, expected) => {
    server.faults.always('probe', fault);

    expect(await probe()).toBe(expected);
  });

  test('is unanswered for a token that a header cannot carry', async () => {
    expect(await probe('a\nb')).toBe('unanswered');
    expect(server.probes).toHaveLength(0);
  });

  test('is absent if the provider has none', () => {
    expect(probe('canary', { provider: 'oauth2', tokenUrl: server.tokenUrl })).toBeUndefined();
  });
});

describe('a refusal hints at', () => {
  test('client_secret_post, if Basic encodes the credentials', async () => {
    const error = await failureOf(settings, { client_id: 'ci', client_secret: 'canary wrong+secret' });

    expect(error.code).toBe('TOKEN_REJECTED');
    expect(error.message).toContain('try clientAuthentication client_secret_post');
  });

  test('the audience of an assertion', async () => {
    server.faults.always('token', oauthError(401, 'invalid_client'));
    const given: ProviderSettings = { ...settings, clientAuthentication: 'private_key_jwt' };
    const { privateKey } = generateKeyPairSync('ed25519');

    const error = await failureOf(given, {
      client_id: 'ci',
      private_key: privateKey.export({ format: 'jwk' }),
    });

    expect(error.message).toContain('set assertionAudience');
  });
});

describe('a mint without an answer is TOKEN_ENDPOINT_UNAVAILABLE, and says what to check', () => {
  test('a refused connection', async () => {
    const error = await failureOf({ provider: 'oauth2', tokenUrl: 'http://127.0.0.1:1/' }, SECRET);

    expect(error.code).toBe('TOKEN_ENDPOINT_UNAVAILABLE');
    expect(error.message).toMatch(
      /^The token request to 127\.0\.0\.1:1 got no answer \(ECONNREFUSED\)\. Check its/,
    );
    expectNoLeak(error, [SECRET.client_secret]);
  });

  test('a server that hangs', async () => {
    server.faults.always('token', { kind: 'hang' });
    const minter = minterFor(settings, { AWSCURRENT: SECRET }, { requestTimeoutMs: 100 });

    const error = await rejection(minter.mint({ signal: signal() }));

    expect(error.message).toContain('got no answer (TimeoutError). It did not answer in time.');
  });

  test('an untrusted certificate, before anything is sent', async () => {
    const tls = await (await createCertificateAuthority()).issue(['localhost']);
    const recorder = await startRecorder(() => ({}), tls);

    const error = await failureOf(
      { provider: 'oauth2', tokenUrl: `https://localhost:${recorder.port}/` },
      SECRET,
    );

    expect(error.message).toMatch(/\((UNABLE_TO|SELF_SIGNED)\w+\)\. The TLS connection failed/);
    expect(recorder.requests).toEqual([]);
    await recorder.close();
  });

  test('messages name the configured host, not the one that a server names', async () => {
    const recorder = await startRecorder(() => ({
      body: JSON.stringify({
        issuer: `http://localhost:${recorder.port}`,
        token_endpoint: 'https://canary-chosen.invalid/token',
      }),
    }));
    const { port } = recorder;

    const error = await failureOf({ provider: 'oauth2', issuer: `http://localhost:${port}` }, SECRET);

    expect(error.message).toContain(`The token request to localhost:${port} got no answer`);
    expect(error.message).not.toContain('canary-chosen');
    await recorder.close();
  });
});

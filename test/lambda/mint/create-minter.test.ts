import type { ProviderSettings } from '../../../lambda/contract.ts';
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../../local/authorization-server/authorization-server.ts';
import { type Fault, oauthError } from '../../../local/authorization-server/faults.ts';
import { expectNoLeak, rejection } from '../../support/leaks.ts';
import { minterFor, signal } from './minting.ts';

const KEY = { accessKeyId: 'KEY+ID====', accessKeySecret: 'canary/key====' };
const SECRET = { client_id: 'ci', client_secret: 'canary-current' };
const OTHER = { client_id: 'ci', client_secret: 'canary-other' };
let server: AuthorizationServer;
let settings: ProviderSettings & { provider: 'oauth2' };

beforeAll(async () => {
  server = await startAuthorizationServer({
    clients: [{ clientId: 'ci', clientSecret: SECRET.client_secret }],
    accessKeys: { [KEY.accessKeyId]: KEY.accessKeySecret },
  });
  settings = { provider: 'oauth2', tokenUrl: server.tokenUrl, probeUrl: server.probeUrl };
});

afterEach(() => server.faults.clear());
afterAll(() => server.close());

test('the issue time is after discovery, which may fail with a warning, and before the token request', async () => {
  const [discoveries, requests] = [server.discoveries.length, server.requests.length];
  // Five seconds pass with each discovery, and a minute with each token request.
  const seconds = () =>
    5 * (server.discoveries.length - discoveries) + 60 * (server.requests.length - requests);
  const now = () => new Date(Date.parse('2026-11-20T14:00:00Z') + 1_000 * seconds());
  const minter = minterFor({ provider: 'oauth2', issuer: server.issuer }, { AWSCURRENT: SECRET }, { now });

  const first = await minter.mint({ signal: signal() });
  server.faults.always('discovery', { kind: 'answer', status: 502 });
  const { warnings } = await minter.mint({ signal: signal() });

  expect(first).toMatchObject({
    issuedAt: new Date('2026-11-20T14:00:05Z'),
    expiresAt: new Date('2026-11-20T15:00:05Z'),
    warnings: [],
  });
  expect(warnings).toEqual([expect.stringContaining('The last known token endpoint was used.')]);
});

describe('the versions of the secret', () => {
  const [C, P, V] = ['AWSCURRENT', 'AWSPENDING', 'AWSPREVIOUS'] as const;
  const REJECTED = 'TOKEN_REJECTED';
  const CAMEL = { clientId: 'ci', clientSecret: 'canary-other' };
  const UNREACHED = [oauthError(401, 'invalid_client'), oauthError(502, 'server_error')];
  const OF_SCOPE = [oauthError(400, 'invalid_scope')];

  /** The stages, what the server is scripted to answer, the token's stage or the error of AWSCURRENT. */
  test.each<[string, Parameters<typeof minterFor>[1], Fault[], string, string[], number]>([
    ['AWSCURRENT alone is read and used', { [C]: SECRET, [P]: OTHER }, [], C, [C], 1],
    ['AWSPENDING comes before AWSPREVIOUS', { [C]: OTHER, [P]: SECRET, [V]: SECRET }, [], P, [C, P], 2],
    ['AWSPREVIOUS is the last', { [C]: OTHER, [V]: SECRET }, [], V, [C, P, V], 2],
    ['the same values are tried once', { [C]: OTHER, [P]: CAMEL }, [], REJECTED, [C, P, V], 1],
    ['another failure comes later', { [C]: OTHER, [V]: SECRET }, UNREACHED, REJECTED, [C, P, V], 2],
    ['AWSPENDING is malformed', { [C]: OTHER, [P]: 'no JSON' }, [], REJECTED, [C, P, V], 1],
    ['AWSCURRENT is malformed', { [C]: 'no JSON', [V]: SECRET }, [], 'SECRET_MALFORMED', [C], 0],
    ['the scope is refused', { [C]: SECRET, [P]: SECRET }, OF_SCOPE, REJECTED, [C], 1],
  ])('%s', async (_case, stages, faults, expected, read, requests) => {
    for (const fault of faults) server.faults.next('token', fault);
    const sentBefore = server.requests.length;
    const minter = minterFor(settings, stages);

    const minted = await minter.mint({ signal: signal() }).catch((error: Error & { code: string }) => error);

    expect('secretStage' in minted ? minted.secretStage : minted.code).toBe(expected);
    expect(minter.stagesRead).toEqual(read);
    expect(server.requests.length - sentBefore).toBe(requests);
    if (minted instanceof Error) return expectNoLeak(minted, ['canary']);
    expect((await server.introspect(minted.accessToken)).active).toBe(true);
    const warning = `The server refused the secret's AWSCURRENT version and accepted ${expected}: finish or correct the rotation of the secret.`;
    expect(minted.warnings).toEqual(expected === C ? [] : [warning]);
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
    minterFor(given, {}).probe?.(token, { signal: AbortSignal.timeout(500) });

  test('accepts a live token, refuses one that nobody issued, and sends none that a header cannot carry', async () => {
    const { accessToken } = await minterFor(settings, { AWSCURRENT: SECRET }).mint({ signal: signal() });

    expect(await probe(accessToken)).toBe('accepted');
    expect(await probe()).toBe('refused');
    expect(await probe('a\nb')).toBe('unanswered');
    expect(server.probes).toHaveLength(2);
    expect(probe('canary', { provider: 'oauth2', tokenUrl: server.tokenUrl })).toBeUndefined();
  });

  const scope = { 'www-authenticate': 'Bearer error="insufficient_scope"' };
  test.each<[string, Fault, string]>([
    ['204', { kind: 'answer', status: 204 }, 'accepted'],
    ['403 of a server that knows the token', { kind: 'answer', status: 403, headers: scope }, 'accepted'],
    ['403 of a firewall', { kind: 'answer', status: 403 }, 'unanswered'],
    ['503', { kind: 'answer', status: 503, headers: scope }, 'unanswered'],
    ['no answer', { kind: 'hang' }, 'unanswered'],
  ])('understands %s', async (_case, fault, expected) => {
    server.faults.always('probe', fault);

    expect(await probe()).toBe(expected);
  });
});

test('a refusal has the provider’s hint', async () => {
  const secret = { client_id: 'ci', client_secret: 'canary wrong+secret' };

  const error = await rejection(minterFor(settings, { AWSCURRENT: secret }).mint({ signal: signal() }));

  expect(error).toMatchObject({
    code: 'TOKEN_REJECTED',
    message: expect.stringContaining('try client_secret_post'),
  });
});

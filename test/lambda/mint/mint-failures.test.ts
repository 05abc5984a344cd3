import type { ProviderSettings } from '../../../lambda/contract.ts';
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../../local/authorization-server/authorization-server.ts';
import { type Fault, throttled } from '../../../local/authorization-server/faults.ts';
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

describe('a mint without an answer is TOKEN_ENDPOINT_UNAVAILABLE and says what to check', () => {
  test.each<[string, Fault, RegExp]>([
    ['a connection that is cut', { kind: 'reset' }, /\((UND_ERR_\w+|ECONNRESET)\)\. Check/],
    ['a body that is cut', { kind: 'reset-mid-response' }, /\((UND_ERR_\w+|ECONNRESET)\)\. Check/],
    ['no answer', { kind: 'hang' }, /\(TimeoutError\)\. It did not answer in time/],
    ['a body that trickles', { kind: 'slow-body', intervalMs: 50 }, /\(TimeoutError\)/],
  ])('%s', async (_case, fault, message) => {
    server.faults.always('token', fault);
    const minter = minterFor(settings, { AWSCURRENT: SECRET }, { requestTimeoutMs: 2_000 });
    const error = await rejection(minter.mint({ signal: signal() }));

    expect(error).toMatchObject({
      code: 'TOKEN_ENDPOINT_UNAVAILABLE',
      message: expect.stringMatching(message),
    });
    expect(error.message).toContain(new URL(server.url).host);
    expectNoLeak(error, [SECRET.client_secret]);
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

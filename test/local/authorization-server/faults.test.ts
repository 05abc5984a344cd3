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
import { basic, type ExchangeOptions, exchange, members, postForm } from './plain-client.ts';

const AUTHORIZATION = basic('ci', 'secret-1');

let server: AuthorizationServer;

beforeEach(async () => {
  server = await startAuthorizationServer({ clients: [{ clientId: 'ci', clientSecret: 'secret-1' }] });
});

afterEach(() => server.close());

const mint = (options: ExchangeOptions = {}) =>
  postForm(
    server.tokenUrl,
    { grant_type: 'client_credentials' },
    { authorization: AUTHORIZATION, ...options },
  );

describe('the script', () => {
  test('the next requests meet their faults in order, then all is well again', async () => {
    server.faults.next('token', oauthError(400, 'invalid_scope'), 2);
    server.faults.next('token', BAD_GATEWAY);
    const statuses = [await mint(), await mint(), await mint(), await mint()].map(({ status }) => status);

    expect(statuses).toEqual([400, 400, 502, 200]);
    expect(server.requests).toHaveLength(4);
    expect(server.mints.count).toBe(1);
  });

  test('a standing fault lasts until it is cleared, and a next one goes before it', async () => {
    server.faults.always('token', jsonAnswer(500, {}));
    server.faults.next('token', oauthError(401, 'invalid_client'));
    const before = [await mint(), await mint(), await mint()].map(({ status }) => status);
    server.faults.clear('token');

    expect(before).toEqual([401, 500, 500]);
    expect((await mint()).status).toBe(200);
  });

  test('a fault meets its own endpoint only', async () => {
    server.faults.always('probe', jsonAnswer(503, {}));
    server.faults.always('discovery', BAD_GATEWAY);
    const discovery = () => exchange(`${server.url}/.well-known/openid-configuration`);

    expect((await mint()).status).toBe(200);
    expect((await exchange(server.probeUrl)).status).toBe(503);
    expect((await exchange(server.genesysTokenInfoUrl)).status).toBe(503);
    expect((await discovery()).status).toBe(502);
    server.faults.clear();
    expect([(await exchange(server.probeUrl)).status, (await discovery()).status]).toEqual([401, 200]);
  });
});

describe('connections', () => {
  test('an offline server refuses connections and comes back on the same port', async () => {
    await server.faults.goOffline();
    await server.faults.goOffline();
    await expect(mint()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await server.faults.goOnline();
    await server.faults.goOnline();

    expect((await mint()).status).toBe(200);
  });

  test('a reset ends the connection before any answer', async () => {
    server.faults.next('token', { kind: 'reset' });

    await expect(mint()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(server.mints.count).toBe(0);
  });

  test('a reset in the middle comes after a part of the body, and after the mint', async () => {
    server.faults.next('token', { kind: 'reset-mid-response' });
    let received = '';

    await expect(
      mint({
        onData: (chunk) => {
          received += chunk.toString();
        },
      }),
    ).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(received).toMatch(/^\{"access_token"/);
    expect(received).not.toContain('}');
    expect(server.mints.count).toBe(1);
  });

  test('a hanging request gets no answer for as long as the client waits', async () => {
    server.faults.next('token', { kind: 'hang' });

    await expect(mint({ signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ code: 'ABORT_ERR' });
  });

  test('a delayed answer comes when it is released', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    server.faults.next('token', { kind: 'delay', until: promise });
    const order: string[] = [];
    const delayed = mint().then(({ status }) => order.push(`delayed ${status}`));
    await mint().then(({ status }) => order.push(`next ${status}`));
    resolve();
    await delayed;

    expect(order).toEqual(['next 200', 'delayed 200']);
  });
});

describe('bodies', () => {
  test('a slow body arrives byte by byte', async () => {
    server.faults.next('token', { kind: 'slow-body', intervalMs: 1 });
    const pieces: number[] = [];
    const answer = await mint({ onData: (chunk) => pieces.push(chunk.length) });

    expect(members(answer).token_type).toBe('Bearer');
    expect(pieces.length).toBeGreaterThan(10);
  });

  test('an endless body does not stop before the client does', async () => {
    server.faults.next('token', { kind: 'endless-body' });

    await expect(mint({ maxBytes: 1_000_000 })).rejects.toMatchObject({ code: 'BODY_TOO_LONG' });
    expect((await mint()).status).toBe(200);
  });

  test.each<[string, Fault, Record<string, unknown>]>([
    ['expires_in as a string', withMembers({ expires_in: '3600' }), { expires_in: '3600' }],
    ['expires_in of 0', withMembers({ expires_in: 0 }), { expires_in: 0 }],
    ['a negative expires_in', withMembers({ expires_in: -1 }), { expires_in: -1 }],
    ['a huge expires_in', withExpiresInSource('1e308'), { expires_in: 1e308 }],
    ['an empty error beside the token', withMembers({ error: '' }), { error: '' }],
    ['another case of token_type', withMembers({ token_type: 'bEaReR' }), { token_type: 'bEaReR' }],
    ['a newline in the token', withMembers({ access_token: 'a\nb' }), { access_token: 'a\nb' }],
    ['a long token', withMembers({ access_token: 'x'.repeat(9000) }), { access_token: 'x'.repeat(9000) }],
  ])('a success can be rewritten: %s', async (_name, fault, expected) => {
    server.faults.next('token', fault);
    const answer = await mint();

    expect(answer.status).toBe(200);
    expect(members(answer)).toMatchObject({ access_token: expect.any(String), ...expected });
  });

  test('a member of a success can be left out', async () => {
    server.faults.next('token', withMembers({ expires_in: undefined }));

    expect(Object.keys(members(await mint()))).toEqual(['access_token', 'token_type']);
  });

  test('a success can be rewritten to what JSON does not know', async () => {
    server.faults.next('token', withExpiresInSource('NaN'));
    const { body, headers } = await mint();

    expect(body).toContain('{"expires_in":NaN,"access_token":"');
    expect(headers['content-length']).toBe(String(body.length));
  });

  test('an error is not rewritten', async () => {
    server.replaceClientSecret('ci', 'secret-2');
    server.faults.next('token', withMembers({ expires_in: 1 }));

    expect(Object.keys(members(await mint()))).toEqual(['error', 'error_description']);
  });
});

describe('answers', () => {
  test('the Genesys ways of saying invalid client and throttled are HTTP 400', async () => {
    server.faults.next('token', GENESYS_INVALID_CLIENT);
    server.faults.next('token', GENESYS_THROTTLED);
    const [refused, slowedDown] = [await mint(), await mint()];

    expect([refused.status, slowedDown.status]).toEqual([400, 400]);
    expect(members(refused)).toEqual({
      error: 'invalid_client',
      description: 'authentication failed',
      error_description: 'authentication failed',
    });
    expect(members(slowedDown)).toMatchObject({
      error: 'invalid_request',
      error_description: expect.stringMatching(/^rate limit exceeded;/),
    });
  });

  test('Retry-After comes as seconds or as a date', async () => {
    server.faults.next('token', throttled(30));
    server.faults.next('token', throttled(new Date('2026-11-20T14:00:00.000Z')));
    const [seconds, date] = [await mint(), await mint()];

    expect([seconds.status, seconds.headers['retry-after']]).toEqual([429, '30']);
    expect(date.headers['retry-after']).toBe('Fri, 20 Nov 2026 14:00:00 GMT');
  });

  test('a redirect names another URL', async () => {
    server.faults.next('token', redirect(server.probeUrl, 307));
    const { status, headers } = await mint();

    expect([status, headers.location]).toEqual([307, server.probeUrl]);
  });

  test('a 502 is an HTML page', async () => {
    server.faults.next('token', BAD_GATEWAY);
    const { status, headers, body } = await mint();

    expect([status, headers['content-type']]).toEqual([502, 'text/html']);
    expect(body).toContain('<h1>502 Bad Gateway</h1>');
  });

  test('a 200 can hold any JSON', async () => {
    server.faults.next('token', jsonAnswer(200, ['nonsense']));

    expect((await mint()).body).toBe('["nonsense"]');
  });
});

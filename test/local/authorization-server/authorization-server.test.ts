import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../../local/authorization-server/authorization-server.ts';

/*
 * What the tests of the function would not notice: a token that is called active and is dead, a refusal that is none, a
 * fault that is another one than its name says. They notice everything else, because they would fail.
 */

const KEY = { accessKeyId: 'KEY+ID====', accessKeySecret: 'key/secret====' };

let server: AuthorizationServer;

beforeEach(async () => {
  server = await startAuthorizationServer({
    clients: [
      { clientId: 'ci', clientSecret: 'secret-1' },
      { clientId: 'other', clientSecret: 'secret-2' },
    ],
    accessKeys: [KEY],
  });
});

afterEach(() => server.close());

const post = (path: string, form: Record<string, string>, client = 'ci:secret-1') =>
  fetch(server.url + path, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(client)}` },
    body: new URLSearchParams(form),
  });
const request = (client?: string) => post('/oauth/token', { grant_type: 'client_credentials' }, client);
const jsonOf = async (answer: Response) => (await answer.json()) as Record<string, string>;
const mint = async (client?: string) => (await jsonOf(await request(client))).access_token ?? '';
const isActive = async (token: string) => (await server.introspect(token)).active;
const probe = async (token: string, path = '/probe') =>
  (await fetch(server.url + path, { headers: { authorization: `Bearer ${token}` } })).status;

describe('a token', () => {
  test('is live for its own lifetime: then it is inactive, and refused by the probe', async () => {
    server.setLifetime(3);
    const token = await mint();
    const live = await isActive(token);
    const deadline = Date.now() + 10_000;
    while ((await isActive(token)) && Date.now() < deadline) await sleep(100);

    expect([live, await isActive(token), await probe(token)]).toEqual([true, false, 401]);
  });

  test.each(['/probe', '/api/v2/tokens/me'])('that nobody issued is refused at %s', async (path) => {
    expect(await probe('made-up', path)).toBe(401);
    expect(await isActive('made-up')).toBe(false);
  });

  test('can be revoked', async () => {
    const token = await mint();
    server.revoke(token);

    expect([await isActive(token), await probe(token)]).toEqual([false, 401]);
  });
});

describe('credentials that are wrong', () => {
  test('a secret that was replaced is refused at once', async () => {
    server.replaceClientSecret('ci', 'secret-3');

    expect([(await request()).status, (await request('ci:secret-3')).status]).toEqual([401, 200]);
  });

  test.each(['{"accessKeyId":"KEY+ID====","accessKeySecret":"wrong"}', 'no JSON', 'null'])(
    'the access-key route refuses %s',
    async (body) => {
      const path = '/authentication/v1/token/access-key';
      const answer = await fetch(server.url + path, { method: 'POST', body });

      expect(answer.status).toBe(401);
      expect(server.mints.count).toBe(0);
    },
  );
});

describe('a fault', () => {
  test('a reset ends the connection before any answer, and before the mint', async () => {
    server.faults.next('token', { kind: 'reset' });

    await expect(request()).rejects.toMatchObject({ cause: { code: expect.stringMatching(/RESET|SOCKET/) } });
    expect(server.mints.count).toBe(0);
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../../local/authorization-server/authorization-server.ts';

/*
 * What the tests of the function would not notice: a token that is called active and is dead, a refusal that is none, a
 * fault that is another one than its name says. They notice everything else, because they would fail.
 */

let server: AuthorizationServer;

beforeAll(async () => {
  server = await startAuthorizationServer({
    clients: [{ clientId: 'ci', clientSecret: 'secret-1' }],
    accessKeys: { 'KEY+ID====': 'key/secret====' },
  });
});
afterAll(() => server.close());

const request = (secret = 'secret-1') =>
  fetch(server.tokenUrl, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`ci:${secret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
const mint = async () => ((await (await request()).json()) as Record<string, string>).access_token ?? '';
const statesOf = async (token: string) => {
  const headers = { authorization: `Bearer ${token}` };
  const paths = ['/probe', '/api/v2/tokens/me'];
  const probes = await Promise.all(paths.map((path) => fetch(server.issuer + path, { headers })));
  return [server.introspect(token).active, ...probes.map(({ status }) => status)];
};

const LIVE = [true, 200, 200];
const DEAD = [false, 401, 401];

test('a token is live for its own lifetime, and until it is revoked; one that nobody issued never is', async () => {
  const revoked = await mint();
  server.setLifetime(1);
  const short = await mint();

  expect(await statesOf(revoked)).toEqual(LIVE);
  server.revoke(revoked);
  expect(await statesOf(revoked)).toEqual(DEAD);
  await sleep(1_100);
  expect(await statesOf(short)).toEqual(DEAD);
  expect(await statesOf('made-up')).toEqual(DEAD);
});

test('wrong credentials, and a secret that was replaced, are refused', async () => {
  const body = '{"accessKeyId":"KEY+ID====","accessKeySecret":"wrong"}';
  const wrongKey = await fetch(`${server.issuer}/authentication/v1/token/access-key`, {
    method: 'POST',
    body,
  });
  server.replaceClientSecret('ci', 'secret-2');
  const replaced = await request();

  expect([wrongKey.status, replaced.status]).toEqual([401, 401]);
  server.replaceClientSecret('ci', 'secret-1');
});

test('a reset ends the connection before any answer', async () => {
  server.faults.next('token', { kind: 'reset' });

  await expect(request()).rejects.toMatchObject({ cause: { code: expect.stringMatching(/RESET|SOCKET/) } });
});

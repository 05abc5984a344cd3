import { join } from 'node:path';
import { run } from '../support/process.ts';
import { echo, startGenesysApi } from './support/genesys-api.ts';
import { createStoredToken, GATEWAY, runJob } from './support/job.ts';

/** Needs Go, which fetches golang.org/x/oauth2: `npm run prove -- go`. */
test('golang.org/x/oauth2 gets a token for each client of a pool, and calls the API through the gateway', async () => {
  const stored = createStoredToken('unused');
  const client = join(stored.directory, 'client');
  stored.storeEach('token');
  const api = await startGenesysApi(echo);
  const source = 'test/ci/token-endpoint/clients/go';
  const built = await run(['go', 'build', '-o', client, '.'], { cwd: source, env: process.env });
  expect(built).toMatchObject({ status: 0 });

  const job = await runJob(stored, [client], {
    args: ['a,b,c', ...GATEWAY.slice(1)],
    env: api.environment,
  });
  await api.close();

  expect(job).toMatchObject({ status: 0, stdout: '1 200\n2 200\n3 200\ntoken-b\ntoken-c\ntoken-a\n' });
  expect(api.calls.map(({ path, token }) => [path, token])).toEqual(
    ['a', 'b', 'c'].map((name, page) => [`/api/v2/users?pageNumber=${page + 1}`, `token-${name}`]),
  );
}, 300_000);

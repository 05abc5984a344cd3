import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../support/process.ts';
import { echo, type GenesysApi, startGenesysApi } from './support/genesys-api.ts';
import { createStoredTokenDirectory } from './support/stored-token.ts';

/** Needs Go, which fetches golang.org/x/oauth2: `npm run prove -- go`. */
const stored = createStoredTokenDirectory();
const directory = mkdtempSync(join(tmpdir(), 'go-client-'));
const client = join(directory, 'client');
let api: GenesysApi;

beforeAll(async () => {
  const built = await run(['go', 'build', '-o', client, '.'], {
    cwd: 'test/ci/token-endpoint/clients/go',
    env: process.env,
  });
  expect(built).toMatchObject({ status: 0 });
  api = await startGenesysApi(echo);
}, 300_000);

afterAll(async () => {
  await api.close();
  stored.remove();
  rmSync(directory, { recursive: true });
});

test('golang.org/x/oauth2 gets its token from the endpoint, and calls the API through the gateway', async () => {
  stored.store('the-stored-token');

  const job = await run(
    [process.execPath, stored.program, 'genesys', '--genesys-region', 'eu-central-1', '--', client],
    { env: { PATH: process.env.PATH, AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', ...api.environment } },
  );

  expect(job).toMatchObject({ status: 0, stdout: '1 200\n2 200\n3 200\n' });
  expect(api.calls.map(({ path, token }) => [path, token])).toEqual(
    [1, 2, 3].map((page) => [`/api/v2/users?pageNumber=${page}`, 'the-stored-token']),
  );
});

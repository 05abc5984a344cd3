import { join } from 'node:path';
import { type ApiServer, startApiServer } from './support/api-server.ts';
import { accountContent, installStandIn, type StandIn, statusOf } from './support/aws-stand-in.ts';
import { run } from './support/process.ts';

/** The SDK that `.ci/install-oauth-clients.sh` installs. */
const SDK = join(process.cwd(), '.venv/oauth-clients/node_modules');
const QUEUES = 'queue-1 Queue 1\nqueue-2 Queue 2\nqueue-3 Queue 3\n';

let standIn: StandIn;
let api: ApiServer;

beforeEach(() => {
  standIn = installStandIn();
  const minted = { token: 'new', version: 43, status: statusOf(43, 3500) };
  standIn.serve(accountContent({ payload: '{"satisfied":true,"tokenVersion":43}', minted }));
});
afterEach(async () => {
  standIn.remove();
  await api.close();
});

const list = () =>
  run([process.execPath, 'ci/examples/javascript/list-queues.cjs'], {
    env: { ...standIn.environment, GENESYS_API: api.url, NODE_PATH: SDK },
  });

test('the JavaScript SDK lists every page', async () => {
  api = await startApiServer(async (token) => token === 'old');

  expect(await list()).toMatchObject({ status: 0, stdout: QUEUES });
});

test('the JavaScript example takes another token where the API refuses the stored one', async () => {
  api = await startApiServer(async (token) => token === 'new');

  const job = await list();

  expect(job).toMatchObject({ status: 0, stdout: QUEUES });
  expect(api.calls.map(({ accepted }) => accepted)).toEqual([false, true, true, true]);
  expect(standIn.events()).toBe('{"force":true}');
});

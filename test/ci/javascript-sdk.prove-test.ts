import { join } from 'node:path';
import { startApiServer } from './support/api-server.ts';
import { accountContent, installStandIn, statusOf } from './support/aws-stand-in.ts';
import { run } from './support/process.ts';

/** The SDK that `.ci/install-oauth-clients.sh` installs. */
const SDK = join(process.cwd(), '.venv/oauth-clients/node_modules');

test('the JavaScript SDK gets another token if the API refuses the stored one, and lists every page', async () => {
  const standIn = installStandIn();
  const minted = { token: 'new', version: 43, status: statusOf(43, 3500) };
  standIn.serve(accountContent({ payload: '{"satisfied":true,"tokenVersion":43}', minted }));
  const api = await startApiServer(async (token) => token === 'new');

  const job = await run([process.execPath, 'ci/examples/javascript/list-queues.cjs'], {
    env: { ...standIn.environment, GENESYS_API: api.url, NODE_PATH: SDK },
  });
  const events = standIn.events();
  standIn.remove();
  await api.close();

  expect(job).toMatchObject({ status: 0, stdout: 'queue-1 Queue 1\nqueue-2 Queue 2\nqueue-3 Queue 3\n' });
  expect(api.calls.map(({ accepted }) => accepted)).toEqual([false, true, true, true]);
  expect(events).toBe('{"force":true}');
});

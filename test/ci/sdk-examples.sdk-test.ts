import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { temporaryDirectory } from '../../local/temporary-directory.ts';
import { startApiServer } from './support/api-server.ts';
import { accountContent, installStandIn, statusOf } from './support/aws-stand-in.ts';
import { run } from './support/process.ts';

/** Compiles the Java example, for which Maven fetches the SDK. @returns the command that runs it */
async function buildJava(): Promise<string[]> {
  const directory = temporaryDirectory();
  const jars = join(directory, 'classpath');
  const java = 'ci/examples/java';
  const maven = ['mvn', '--quiet', '--batch-mode', '--file', `${java}/pom.xml`, 'dependency:build-classpath'];
  const fetched = await run([...maven, `-Dmdep.outputFile=${jars}`], { env: process.env });
  expect(fetched).toMatchObject({ status: 0 });
  const classpath = `${directory}:${readFileSync(jars, 'utf8').trim()}`;
  const javac = ['javac', '-cp', classpath, '-d', directory, `${java}/ListQueues.java`];
  expect(await run(javac, { env: process.env })).toMatchObject({ status: 0, stderr: '' });
  return ['java', '-cp', classpath, 'ListQueues'];
}

/* `npm run prove -- sdks`: needs a JDK and Maven, and the SDK that `.ci/install-oauth-clients.sh` installs. */
test.each<[string, () => Promise<string[]>]>([
  ['Java', buildJava],
  ['JavaScript', async () => [process.execPath, 'ci/examples/javascript/list-queues.cjs']],
])(
  'the %s SDK gets another token if the API refuses the stored one, and lists every page',
  async (_language, build) => {
    const command = await build();
    const standIn = installStandIn();
    // With the read that follows the first read, the one that asks for another token, and the invocation.
    const changes = { 4: { token: 'new', version: 43, status: statusOf(43, 3500) } };
    standIn.serve(accountContent({ payload: '{"satisfied":true,"tokenVersion":43}', changes }));
    const api = await startApiServer(async (token) => token === 'new');

    const NODE_PATH = resolve('.venv/oauth-clients/node_modules');
    const job = await run(command, { env: { ...standIn.environment, GENESYS_API: api.url, NODE_PATH } });
    const events = standIn.events();
    await api.close();

    expect(job).toMatchObject({ status: 0, stdout: 'queue-1 Queue 1\nqueue-2 Queue 2\nqueue-3 Queue 3\n' });
    expect(api.calls.map(({ accepted }) => accepted)).toEqual([false, true, true, true]);
    expect(events).toEqual(['{"force":true}']);
  },
  300_000,
);

import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApiServer } from './support/api-server.ts';
import { accountContent, installStandIn, statusOf } from './support/aws-stand-in.ts';
import { run } from './support/process.ts';

/** Needs a JDK and Maven, which fetches the SDK: `npm run prove -- java`. */
test('the Java SDK gets another token if the API refuses the stored one, and lists every page', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'java-'));
  const jars = join(directory, 'classpath');
  const java = 'ci/examples/java';
  const maven = ['mvn', '--quiet', '--batch-mode', '--file', `${java}/pom.xml`, 'dependency:build-classpath'];
  const fetched = await run([...maven, `-Dmdep.outputFile=${jars}`], { env: process.env });
  expect(fetched).toMatchObject({ status: 0 });
  const classpath = `${directory}:${readFileSync(jars, 'utf8').trim()}`;
  const javac = ['javac', '-cp', classpath, '-d', directory, `${java}/ListQueues.java`];
  expect(await run(javac, { env: process.env })).toMatchObject({ status: 0, stderr: '' });
  const standIn = installStandIn();
  const minted = { token: 'new', version: 43, status: statusOf(43, 3500) };
  standIn.serve(accountContent({ payload: '{"satisfied":true,"tokenVersion":43}', minted }));
  const api = await startApiServer(async (token) => token === 'new');

  const job = await run(['java', '-cp', classpath, 'ListQueues'], {
    env: { ...standIn.environment, GENESYS_API: api.url },
  });
  standIn.remove();
  await api.close();

  expect(job).toMatchObject({ status: 0, stdout: 'queue-1 Queue 1\nqueue-2 Queue 2\nqueue-3 Queue 3\n' });
  expect(api.calls.map(({ accepted }) => accepted)).toEqual([false, true, true, true]);
}, 300_000);

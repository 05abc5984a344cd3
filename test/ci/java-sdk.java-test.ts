import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AwsCli, findAwsClis } from './support/aws-cli.ts';
import { openPipelineHarness, type PipelineHarness } from './support/pipeline-harness.ts';
import { run } from './support/process.ts';

/** Needs a JDK and Maven, which fetches the SDK: `npm run prove -- java`. */
let harness: PipelineHarness;
let classpath: string;

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'java-'));
  const jars = join(directory, 'classpath');
  const java = 'ci/examples/java';
  const maven = ['mvn', '--quiet', '--batch-mode', '--file', `${java}/pom.xml`, 'dependency:build-classpath'];
  expect(await run([...maven, `-Dmdep.outputFile=${jars}`], { env: process.env })).toMatchObject({
    status: 0,
  });
  classpath = `${directory}:${readFileSync(jars, 'utf8').trim()}`;
  const javac = ['javac', '-cp', classpath, '-d', directory, `${java}/ListQueues.java`];
  expect(await run(javac, { env: process.env })).toMatchObject({ status: 0, stderr: '' });
  harness = await openPipelineHarness(findAwsClis()[0] as AwsCli);
}, 300_000);
afterAll(() => harness.close());

test('lists every page', async () => {
  const env = { ...harness.jobEnvironment(harness.readerPolicies), GENESYS_API: harness.api.url };

  const job = await run(['java', '-cp', classpath, 'ListQueues'], { cwd: harness.checkout, env });

  expect(job).toMatchObject({ status: 0, stdout: 'queue-1 Queue 1\nqueue-2 Queue 2\nqueue-3 Queue 3\n' });
}, 60_000);

test('gets another token if the API refuses the stored one', async () => {
  const env = { ...harness.jobEnvironment(harness.readerPolicies), GENESYS_API: harness.api.url };
  const callsBefore = harness.api.calls.length;
  await harness.authorizationServer.revoke(harness.storedToken());

  const job = await run(['java', '-cp', classpath, 'ListQueues'], { cwd: harness.checkout, env });

  expect(job.status).toBe(0);
  expect(harness.api.calls.slice(callsBefore).map(({ accepted }) => accepted)).toEqual([
    false,
    true,
    true,
    true,
  ]);
}, 60_000);

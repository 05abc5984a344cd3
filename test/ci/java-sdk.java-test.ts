import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AwsCli, findAwsClis } from './support/aws-cli.ts';
import { openPipeline, type Pipeline } from './support/pipeline.ts';
import { run } from './support/process.ts';

/** Needs a JDK and Maven, which fetches the SDK: `npm run prove -- java`. */
let pipeline: Pipeline;
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
  pipeline = await openPipeline(findAwsClis()[0] as AwsCli);
}, 300_000);
afterAll(() => pipeline.close());

test('lists every page', async () => {
  const env = { ...pipeline.environment(), GENESYS_API: pipeline.api.url };

  const job = await run(['java', '-cp', classpath, 'ListQueues'], { cwd: pipeline.checkout, env });

  expect(job).toMatchObject({ status: 0, stdout: 'queue-1 Queue 1\nqueue-2 Queue 2\nqueue-3 Queue 3\n' });
}, 60_000);

test('gets another token if the API refuses the stored one', async () => {
  const env = { ...pipeline.environment(), GENESYS_API: pipeline.api.url };
  const callsBefore = pipeline.api.calls.length;
  await pipeline.authorizationServer.revoke(pipeline.token());

  const job = await run(['java', '-cp', classpath, 'ListQueues'], { cwd: pipeline.checkout, env });

  expect(job.status).toBe(0);
  expect(pipeline.api.calls.slice(callsBefore).map(({ accepted }) => accepted)).toEqual([
    false,
    true,
    true,
    true,
  ]);
}, 60_000);

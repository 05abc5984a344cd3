import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { type AwsEndpoint, startAwsEndpoint } from '../../../local/aws/endpoint.ts';
import { createFunctionProcess, type FunctionProcess } from '../../../local/aws/function-process.ts';

const place = { region: 'eu-central-1', accountId: '111122223333' };
let folder: string;
let endpoint: AwsEndpoint;
let fn: FunctionProcess | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'function-process-'));
  endpoint = await startAwsEndpoint(place);
});
afterEach(() => fn?.stop());
afterAll(async () => {
  await endpoint.close();
  await rm(folder, { recursive: true });
});

async function start(
  source: string,
  options: { environment?: Record<string, string>; timeoutMs?: number } = {},
) {
  const handlerFile = join(folder, `${Math.random().toString(36).slice(2)}.mjs`);
  await writeFile(handlerFile, source);
  fn = createFunctionProcess({
    name: 'refresher',
    region: place.region,
    handlerFile,
    environment: options.environment ?? {},
    endpointUrl: endpoint.url,
    credentials: endpoint.iam.registerAdministrator(),
    timeoutMs: options.timeoutMs ?? 5_000,
  });
  return fn;
}

const context = {
  awsRequestId: 'request-1',
  functionName: 'refresher',
  invokedFunctionArn: 'arn:aws:lambda:eu-central-1:111122223333:function:refresher',
};

test('a handler gets the event and the context, and its result comes back', async () => {
  const process = await start(`export const handler = async (event, context) => ({
    event, id: context.awsRequestId, arn: context.invokedFunctionArn, left: context.getRemainingTimeInMillis() });`);

  const outcome = await process.invoke({ a: 1 }, context);

  expect(outcome).toMatchObject({
    payload: { event: { a: 1 }, id: 'request-1', arn: context.invokedFunctionArn },
  });
  const { left } = (outcome as { payload: { left: number } }).payload;
  expect(left).toBeGreaterThan(1_000);
  expect(left).toBeLessThanOrEqual(5_000);
});

test('the process sees its template environment and nothing of the parent but PATH', async () => {
  process.env.PARENT_ONLY = 'leak';
  const started = await start('export const handler = () => Object.keys(process.env);', {
    environment: { TOKEN_NAME: 'demo' },
  });
  const outcome = await started.invoke({}, context);
  delete process.env.PARENT_ONLY;
  const names = (outcome as { payload: string[] }).payload.filter((name) => !name.startsWith('AWS_'));

  expect(names.sort()).toEqual(['PATH', 'TOKEN_NAME', 'TZ']);
});

test('a thrown error becomes a function error with its name as the type', async () => {
  const process = await start(`export const handler = () => {
    const error = new Error('say what to do'); error.name = 'TOKEN_REJECTED'; throw error; };`);

  expect(await process.invoke({}, context)).toMatchObject({
    failure: { errorType: 'TOKEN_REJECTED', errorMessage: 'say what to do', trace: expect.any(Array) },
  });
});

test('an error while loading the bundle is the error of the invocation', async () => {
  const process = await start(`throw new RangeError('bad environment'); export const handler = () => 1;`);

  expect(await process.invoke({}, context)).toMatchObject({
    failure: { errorType: 'RangeError', errorMessage: 'bad environment' },
  });
});

test('a warm process is used again', async () => {
  const process = await start('let count = 0; export const handler = () => ++count;');

  await process.invoke({}, context);

  expect(await process.invoke({}, context)).toMatchObject({ payload: 2 });
  expect(process.starts).toBe(1);
});

test('concurrent invocations run in processes of their own', async () => {
  const process = await start(`export const handler = async () => {
    await new Promise((resolve) => setTimeout(resolve, 50)); return globalThis.process.pid; };`);

  const outcomes = await Promise.all([process.invoke({}, context), process.invoke({}, context)]);

  expect(new Set(outcomes.map((outcome) => (outcome as { payload: number }).payload)).size).toBe(2);
});

test('an invocation over its time limit is killed, and the next one starts afresh', async () => {
  const process = await start(
    'export const handler = (event) => event.hang ? new Promise(() => setInterval(() => {}, 1000)) : "fine";',
    { timeoutMs: 200 },
  );

  expect(await process.invoke({ hang: true }, context)).toMatchObject({
    failure: {
      errorType: 'Sandbox.Timedout',
      errorMessage: 'RequestId: request-1 Error: Task timed out after 0.20 seconds',
    },
  });
  expect(await process.invoke({}, context)).toMatchObject({ payload: 'fine' });
  expect(process.starts).toBe(2);
});

test('a process killed from outside fails its invocation', async () => {
  const started = await start(
    'export const handler = () => { process.kill(process.pid, "SIGKILL"); return new Promise(() => {}); };',
  );

  expect(await started.invoke({}, context)).toMatchObject({
    failure: { errorType: 'Runtime.ExitError', errorMessage: expect.stringContaining('signal: killed') },
  });
  expect(started.pids).toEqual([]);
});

test('lines on stdout and stderr are kept', async () => {
  const process = await start('export const handler = () => { console.log("out"); console.error("err"); };');
  const outcome = await process.invoke({}, context);

  await process.stop();

  expect(outcome).toMatchObject({ payload: null });
  expect([...process.lines].sort()).toEqual(['err', 'out']);
});

test('the SDK invokes the function through the endpoint', async () => {
  const process = await start(
    'export const handler = (event) => { if (event.fail) throw new Error("no"); return event; };',
  );
  endpoint.registerFunction({ name: 'refresher', invoke: process.invoke });
  const client = new LambdaClient({
    region: place.region,
    endpoint: endpoint.url,
    credentials: endpoint.iam.registerAdministrator(),
  });

  const good = await client.send(new InvokeCommand({ FunctionName: 'refresher', Payload: '{"a":1}' }));

  expect([good.StatusCode, good.FunctionError, Buffer.from(good.Payload ?? '').toString()]).toEqual([
    200,
    undefined,
    '{"a":1}',
  ]);
  const bad = await client.send(new InvokeCommand({ FunctionName: 'refresher', Payload: '{"fail":true}' }));
  expect(bad.FunctionError).toBe('Unhandled');
  expect(JSON.parse(Buffer.from(bad.Payload ?? '').toString())).toMatchObject({
    errorType: 'Error',
    errorMessage: 'no',
  });
});

test('a process killed between two AWS calls has made the first and not the second', async () => {
  // What the SDK sends, by hand: a bundle in a temporary folder has no node_modules.
  const started = await start(`export const handler = async () => {
    for (const Name of ['/ci/first', '/ci/second']) await fetch(process.env.AWS_ENDPOINT_URL, {
      method: 'POST',
      headers: { 'x-amz-target': 'AmazonSSM.PutParameter',
        authorization: 'AWS4-HMAC-SHA256 Credential=' + process.env.AWS_ACCESS_KEY_ID + '/20261120/eu-central-1/ssm' },
      body: JSON.stringify({ Name, Value: 'v', Type: 'String' }),
    }); };`);

  const hook = endpoint.faults.hook('after-executing', { name: '/ci/first' }, () => started.kill());

  expect(await started.invoke({}, context)).toMatchObject({ failure: { errorType: 'Runtime.ExitError' } });
  hook.remove();
  expect([...endpoint.ssm.parameters.keys()]).toEqual(['/ci/first']);
  expect(await started.invoke({}, context)).toMatchObject({ payload: null });
  expect([...endpoint.ssm.parameters.keys()]).toEqual(['/ci/first', '/ci/second']);
});

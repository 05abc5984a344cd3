import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { type AwsEndpoint, startAwsEndpoint } from '../../../local/aws/endpoint.ts';

const place = { region: 'eu-central-1', accountId: '111122223333' };
const open: LambdaClient[] = [];
let endpoint: AwsEndpoint;

beforeEach(async () => {
  endpoint = await startAwsEndpoint(place);
});
afterEach(async () => {
  for (const client of open.splice(0)) client.destroy();
  await endpoint.close();
});

function lambda(credentials = endpoint.iam.registerAdministrator()) {
  const client = new LambdaClient({
    endpoint: endpoint.url,
    region: place.region,
    credentials,
    maxAttempts: 1,
  });
  open.push(client);
  return client;
}
const invoke = (client: LambdaClient, more = {}) =>
  client.send(new InvokeCommand({ FunctionName: 'refresher', Payload: '{}', ...more }));

test('a function at its reserved concurrency refuses the next invocation', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  endpoint.registerFunction({
    name: 'refresher',
    concurrency: 1,
    invoke: async () => {
      started.resolve();
      await promise;
      return { payload: null };
    },
  });
  const client = lambda();
  const first = invoke(client);

  await started.promise;

  await expect(invoke(client)).rejects.toMatchObject({
    name: 'TooManyRequestsException',
    Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
    $metadata: { httpStatusCode: 429 },
  });
  resolve();
  expect((await first).StatusCode).toBe(200);
});

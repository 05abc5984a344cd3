import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { createReadSecret } from '../../../lambda/mint/secret.ts';
import { type AwsEndpoint, startAwsEndpoint } from '../../../local/aws/endpoint.ts';
import { administratorPolicy } from '../../../local/aws/iam.ts';
import { expectNoLeak, rejection } from '../../support/leaks.ts';
import { startRecorder } from '../../support/recorder.ts';

const CANARY = 'canary-secret-4711';
const createdAt = new Date('2026-11-20T14:00:00Z');

let aws: AwsEndpoint;
let client: SecretsManagerClient;
let secretArn: string;

beforeEach(async () => {
  aws = await startAwsEndpoint({ region: 'eu-central-1', accountId: '111122223333', now: () => createdAt });
  client = clientFor([administratorPolicy]);
  const { ARN = '' } = await client.send(new CreateSecretCommand({ Name: 'ci', SecretString: CANARY }));
  secretArn = ARN;
});

afterEach(async () => {
  client.destroy();
  await aws.close();
});

function clientFor(policies: (typeof administratorPolicy)[]) {
  const arn = 'arn:aws:sts::111122223333:assumed-role/refresher/session';
  const credentials = aws.registerPrincipal({ arn, policies });
  return new SecretsManagerClient({
    region: aws.region,
    endpoint: aws.url,
    credentials,
    maxAttempts: 2,
    retryStrategy: { ...noWait },
  });
}

/** Retries at once: the SDK's own backoff would only take time here. */
const noWait = {
  acquireInitialRetryToken: async () => ({ getRetryCount: () => 0, getRetryDelay: () => 0 }),
  refreshRetryTokenForRetry: async (token: { getRetryCount(): number }) => {
    if (token.getRetryCount() > 0) throw new Error('No more attempts.');
    return { getRetryCount: () => 1, getRetryDelay: () => 0 };
  },
  recordSuccess: () => {},
};

const read = (
  options: { stage?: 'AWSCURRENT' | 'AWSPENDING'; arn?: string; by?: SecretsManagerClient } = {},
) =>
  createReadSecret({ secretArn: options.arn ?? secretArn, client: options.by ?? client })(
    options.stage ?? 'AWSCURRENT',
    { signal: AbortSignal.timeout(5_000) },
  );

async function expectUnavailable(reading: Promise<unknown>, message: RegExp) {
  const error = await rejection(reading);
  expect(error.code).toBe('SECRET_UNAVAILABLE');
  expect(error.message).toContain('secretsmanager:GetSecretValue on arn:aws:secretsmanager:');
  expect(error.message).toMatch(message);
  expect(error.cause).toBeUndefined();
  expectNoLeak(error, [CANARY]);
}

test('the value of a stage is read with its age, by one call and one permission', async () => {
  const before = aws.calls.length;
  expect(await read()).toEqual({ text: CANARY, createdAt });
  expect(aws.calls.slice(before)).toMatchObject([
    { iamAction: 'secretsmanager:GetSecretValue', resource: secretArn },
  ]);
});

test('stages are told apart', async () => {
  const pending = { SecretId: secretArn, SecretString: 'next', VersionStages: ['AWSPENDING'] };
  await client.send(new PutSecretValueCommand(pending));
  expect((await read({ stage: 'AWSPENDING' })).text).toBe('next');
  expect((await read()).text).toBe(CANARY);
});

test('a stage that is not there is SECRET_UNAVAILABLE and says how to store one', async () => {
  await expectUnavailable(
    read({ stage: 'AWSPENDING' }),
    /\(AWSPENDING\) failed: ResourceNotFoundException\. The secret has no version staged AWSPENDING: store one with aws secretsmanager put-secret-value/,
  );
});

test('a secret without any value is SECRET_UNAVAILABLE and says how to store one', async () => {
  const { ARN = '' } = await client.send(new CreateSecretCommand({ Name: 'empty' }));
  await expectUnavailable(read({ arn: ARN }), /no version staged AWSCURRENT: store one/);
});

test('a secret that does not exist is SECRET_UNAVAILABLE and says what to check', async () => {
  const arn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:nowhere-AbCdEf';
  await expectUnavailable(read({ arn }), /There is no such secret: check secretArn or secretName/);
});

test('a secret that is marked for deletion is SECRET_UNAVAILABLE and says how to restore it', async () => {
  await client.send(new DeleteSecretCommand({ SecretId: secretArn }));
  await expectUnavailable(read(), /InvalidRequestException.*aws secretsmanager restore-secret/);
});

test('a denied read is SECRET_UNAVAILABLE and says where to allow it', async () => {
  await expectUnavailable(read({ by: clientFor([]) }), /AccessDeniedException\. Deploy the stack again/);
});

test('a throttled read is tried again, and SECRET_UNAVAILABLE when that does not help', async () => {
  const match = { service: 'secretsmanager', operation: 'GetSecretValue' } as const;
  aws.faults.add({ match, fault: { kind: 'throttle' }, times: 1 });
  expect((await read()).text).toBe(CANARY);

  aws.faults.add({ match, fault: { kind: 'throttle' } });
  await expectUnavailable(
    read(),
    /ThrottlingException\. Secrets Manager throttled the account. The next invocation/,
  );
});

test('an incomplete response is SECRET_UNAVAILABLE, and the error does not repeat it', async () => {
  aws.faults.add({ fault: { kind: 'cut-half-way-through-answer' } });
  await expectUnavailable(read(), /The next invocation tries again/);
});

test('a response that stalls in its body costs one attempt, not the mint', async () => {
  let answers = 0;
  const stalling = await startRecorder((_request, response) => {
    answers += 1;
    const body = JSON.stringify({ ARN: secretArn, SecretString: CANARY });
    response.writeHead(200, {
      'content-type': 'application/x-amz-json-1.1',
      'content-length': Buffer.byteLength(body),
    });
    if (answers > 1) response.end(body);
    else response.write(body.slice(0, 10));
    return undefined;
  });
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'none' };
  const awsClient = {
    endpoint: `http://127.0.0.1:${stalling.port}`,
    credentials: async () => credentials,
  };
  try {
    const { text } = await createReadSecret({ secretArn, awsClient })('AWSCURRENT', {
      signal: AbortSignal.timeout(20_000),
    });

    expect(text).toBe(CANARY);
    expect(answers).toBe(2);
  } finally {
    await stalling.close();
  }
});

test('a read that hangs ends with the signal', async () => {
  aws.faults.add({ fault: { kind: 'hang' } });
  const controller = new AbortController();
  const reading = createReadSecret({ secretArn, client })('AWSCURRENT', { signal: controller.signal });
  controller.abort();
  await expectUnavailable(reading, /AbortError\. The next invocation tries again/);
});

test('a binary secret is SECRET_MALFORMED and says how to store text', async () => {
  const { ARN = '' } = await client.send(
    new CreateSecretCommand({ Name: 'binary', SecretBinary: Buffer.from(CANARY) }),
  );
  const error = await rejection(read({ arn: ARN }));
  expect(error.code).toBe('SECRET_MALFORMED');
  expect(error.message).toMatch(
    /is stored as binary\. Store it as text: aws secretsmanager put-secret-value/,
  );
  expectNoLeak(error, [CANARY]);
});

test.each([
  ['AccessDeniedException', 'Access to KMS is not allowed', /kms:Decrypt on the secret's KMS key is denied/],
  ['DecryptionFailure', CANARY, /kms:Decrypt on the secret's KMS key failed/],
  ['UnrecognizedClientException', CANARY, /AWS did not accept the function's own credentials/],
  ['InternalServiceError', CANARY, /The next invocation tries again/],
])('%s says which action to look at, never AWS’s own words', async (name, message, expected) => {
  const failing = { send: async () => Promise.reject(Object.assign(new Error(message), { name })) };
  await expectUnavailable(read({ by: failing as unknown as SecretsManagerClient }), expected);
});

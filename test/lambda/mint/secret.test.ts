import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { createReadSecret } from '../../../lambda/mint/secret.ts';
import { expectNoLeak, rejection } from '../../support/leaks.ts';
import { startRecorder } from '../../support/recorder.ts';

const CANARY = 'canary-secret-4711';
const ARN = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci-AbCdEf';
const signal = AbortSignal.timeout(20_000);

/** Reads AWSPENDING with a client whose only answer is given. */
const readFrom = (send: (...call: unknown[]) => Promise<object>) => {
  const client = { send } as unknown as SecretsManagerClient;
  return createReadSecret({ secretArn: ARN, client })('AWSPENDING', { signal });
};

test('one version of the secret is read with its age, by one call that the signal ends', async () => {
  const createdAt = new Date('2026-11-20T14:00:00Z');
  const calls: unknown[][] = [];

  const version = await readFrom(async (...call) => {
    calls.push(call);
    return { SecretString: CANARY, CreatedDate: createdAt };
  });

  expect(version).toEqual({ text: CANARY, createdAt });
  const input = { SecretId: ARN, VersionStage: 'AWSPENDING' };
  expect(calls).toEqual([[expect.objectContaining({ input }), { abortSignal: signal }]]);
});

test('the region is the ARN’s; a response that stalls in its body costs one attempt, not the mint', async () => {
  const stalling = await startRecorder((_request, response) => {
    const body = JSON.stringify({ ARN, SecretString: CANARY });
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1', 'content-length': body.length });
    if (stalling.requests.length > 1) response.end(body);
    else response.write(body.slice(0, 10));
    return undefined;
  });
  const awsClient = {
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${stalling.port}`,
    credentials: async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'none' }),
  };

  const { text } = await createReadSecret({ secretArn: ARN, awsClient })('AWSCURRENT', { signal });

  expect(text).toBe(CANARY);
  const scopes = stalling.requests.map(({ headers }) => headers.authorization?.[0]);
  expect(scopes).toEqual(Array(2).fill(expect.stringContaining('/eu-central-1/secretsmanager/')));
  await stalling.close();
});

test('a binary secret is SECRET_MALFORMED and says how to store text', async () => {
  const error = await rejection(readFrom(async () => ({ SecretBinary: Buffer.from(CANARY) })));

  expect(error.code).toBe('SECRET_MALFORMED');
  expect(error.message).toContain(
    'is stored as binary. Store it as text: aws secretsmanager put-secret-value',
  );
  expectNoLeak(error, [CANARY]);
});

const NO_STAGE = `Secrets Manager can't find the specified secret value for staging label: AWSPENDING ${CANARY}`;
const CREDENTIALS = /did not accept the function's own credentials/;
test.each([
  [
    'ResourceNotFoundException',
    NO_STAGE,
    /no version staged AWSPENDING: store one with aws secrets/,
    'secret',
  ],
  ['ResourceNotFoundException', CANARY, /There is no such secret: check secretArn or secretName/, 'secret'],
  ['InvalidRequestException', CANARY, /aws secretsmanager restore-secret/, 'secret'],
  ['AccessDeniedException', 'Access to KMS is not allowed', /secret's KMS key is denied/, 'KMS'],
  ['AccessDeniedException', CANARY, /Deploy the stack again/, 'IAM'],
  ['DecryptionFailure', CANARY, /kms:Decrypt on the secret's KMS key failed/, 'KMS'],
  ['KMSAccessDeniedException', CANARY, /kms:Decrypt on the secret's KMS key failed/, 'KMS'],
  ['ThrottlingException', CANARY, /throttled the account\. The next invocation/, 'Secrets Manager'],
  ['CredentialsProviderError', CANARY, CREDENTIALS, 'IAM'],
  ['UnrecognizedClientException', CANARY, CREDENTIALS, 'IAM'],
  ['ExpiredTokenException', CANARY, CREDENTIALS, 'IAM'],
  ['InvalidSignatureException', CANARY, CREDENTIALS, 'IAM'],
  ['TimeoutError', CANARY, /The next invocation tries again\. .*route to Secrets Manager/, 'network'],
])(
  '%s says what to do and whose fault it is, never AWS’s own words',
  async (name, message, remedy, fault) => {
    const error = await rejection(
      readFrom(() => Promise.reject(Object.assign(new Error(message), { name }))),
    );

    expect(error).toMatchObject({ code: 'SECRET_UNAVAILABLE', fault });
    expect(error.message).toContain(`secretsmanager:GetSecretValue on ${ARN} (AWSPENDING) failed: ${name}. `);
    expect(error.message).toMatch(remedy);
    expect(error.cause).toBeUndefined();
    expectNoLeak(error, [CANARY]);
  },
);

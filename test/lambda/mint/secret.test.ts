import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { faultOfAwsCall } from '../../../lambda/aws-client.ts';
import { parseCredentials } from '../../../lambda/mint/credentials.ts';
import { parsePrivateKey } from '../../../lambda/mint/private-key.ts';
import { createReadSecret } from '../../../lambda/mint/secret.ts';
import { expectNoLeak, rejection } from '../../support/leaks.ts';
import { startRecorder } from '../../support/recorder.ts';
import { SECRET_ARN, signal } from './minting.ts';

const CANARY = 'canary-Secret-4711';
const KEYS = ['client_id', 'client_secret'] as const;
const STORE = `store it: aws secretsmanager put-secret-value --secret-id ${SECRET_ARN} --secret-string file://credentials.json`;

const failure = (call: () => unknown) => rejection((async () => call())());

describe('Secrets Manager', () => {
  /** Reads AWSPENDING with a client whose only answer is given. */
  const readFrom = (answer: () => Promise<object>) => {
    const ending = signal();
    const send = async (_command: unknown, { abortSignal }: { abortSignal: AbortSignal }) => {
      expect(abortSignal).toBe(ending);
      return await answer();
    };
    const client = { send } as unknown as SecretsManagerClient;
    return createReadSecret({ secretArn: SECRET_ARN, client })('AWSPENDING', { signal: ending });
  };

  test('of the ARN’s region gives one version and its age; an answer that stalls costs one attempt', async () => {
    const stored = JSON.stringify({ SecretString: CANARY, CreatedDate: 1_763_647_200 });
    const stalling = await startRecorder((_request, response) => {
      const length = { 'content-length': stored.length };
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1', ...length });
      if (stalling.requests.length > 1) response.end(stored);
      else response.write(stored.slice(0, 10));
      return undefined;
    });
    const awsClient = {
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${stalling.port}`,
      credentials: async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'none' }),
    };
    const read = createReadSecret({ secretArn: SECRET_ARN, awsClient });

    const version = await read('AWSPENDING', { signal: signal() });

    expect(version).toEqual({ text: CANARY, createdAt: new Date(1_763_647_200_000) });
    const sent = stalling.requests.map(({ headers, body }) => [headers.authorization?.[0], JSON.parse(body)]);
    const region = expect.stringContaining('/eu-central-1/secretsmanager/');
    const input = { SecretId: SECRET_ARN, VersionStage: 'AWSPENDING' };
    expect(sent).toEqual(Array(2).fill([region, input]));
    await stalling.close();
  });

  test('has a binary secret, which is SECRET_MALFORMED and says how to store text', async () => {
    const error = await rejection(readFrom(async () => ({ SecretBinary: Buffer.from(CANARY) })));

    expect(error.code).toBe('SECRET_MALFORMED');
    expect(error.message).toContain(`is stored as binary. Store it as text: ${STORE.slice(10)}`);
  });

  const NO_STAGE = `Secrets Manager can't find the specified secret value for staging label: AWSPENDING ${CANARY}`;
  test.each([
    ['ResourceNotFoundException', NO_STAGE, /no version staged AWSPENDING: store one with aws secrets/],
    ['ResourceNotFoundException', CANARY, /There is no such secret: check secretArn or secretName/],
    ['InvalidRequestException', CANARY, /aws secretsmanager restore-secret/],
    ['AccessDeniedException', CANARY, /Deploy the stack again/],
    ['KMSAccessDeniedException', CANARY, /kms:Decrypt on the secret's KMS key failed/],
    ['ThrottlingException', CANARY, /throttled the account\. The next invocation/],
    ['TimeoutError', CANARY, /The next invocation tries again\. .*route to Secrets Manager/],
  ])('fails with %s: the error says what to do, never AWS’s own words', async (name, message, remedy) => {
    const failed = Object.assign(new Error(message), { name });

    const error = await rejection(readFrom(() => Promise.reject(failed)));

    const fault = faultOfAwsCall(failed, 'Secrets Manager', 'secret');
    expect(error).toMatchObject({ code: 'SECRET_UNAVAILABLE', fault });
    expect(error.message).toMatch(remedy);
    const start = `secretsmanager:GetSecretValue on ${SECRET_ARN} (AWSPENDING) failed: ${name}. `;
    expect(error.message).toContain(start);
    expect(error.cause).toBeUndefined();
    expectNoLeak(error, [CANARY]);
  });
});

test.each([
  ['snake case', { client_id: 'ci', client_secret: CANARY }],
  ['camel case', { clientId: 'ci', clientSecret: CANARY }],
  ['both spellings with one value', { client_id: 'ci', clientId: 'ci', clientSecret: CANARY, note: 1 }],
])('credentials are read: %s', (_case, json) => {
  // Editors on Windows begin a file with a byte order mark, and many end it with a newline.
  expect(parseCredentials(`\ufeff${JSON.stringify(json)}\n`, KEYS, SECRET_ARN)).toEqual({
    client_id: 'ci',
    client_secret: CANARY,
  });
});

test('a secret may have names of its own, as Salesforce’s managed external secret', async () => {
  const names = { client_id: 'consumerKey', client_secret: 'consumerSecret' };
  const json = { consumerKey: 'ci', consumerSecret: CANARY, baseUri: 'https://a.example', clientId: 'no' };

  const read = parseCredentials(JSON.stringify(json), KEYS, SECRET_ARN, names);
  const { message } = await failure(() => parseCredentials('{"client_id":"ci"}', KEYS, SECRET_ARN, names));

  expect(read).toEqual({ client_id: 'ci', client_secret: CANARY });
  expect(message).toContain(
    'consumerKey is missing; consumerSecret is missing. Write {"consumerKey": "…", "c',
  );
});

const SECRET = `"client_secret":"${CANARY}"`;
test.each([
  ['it is empty', ' \n'],
  ['it is not a JSON object', `{${SECRET}`],
  ['it is not a JSON object', JSON.stringify([CANARY])],
  ['client_id is missing; client_secret is missing', '{}'],
  ['client_id is missing', `{"id":"ci",${SECRET}}`],
  ['client_id is not a string', `{"client_id":null,${SECRET}}`],
  ['client_id is empty', `{"client_id":"",${SECRET}}`],
  ['client_secret begins or ends with white space', `{"client_id":"ci","client_secret":"${CANARY}\\n"}`],
  ['client_id begins or ends with white space', `{"client_id":"\\t ci",${SECRET}}`],
  ['client_id contains a control character', `{"client_id":"c\\u0000i",${SECRET}}`],
  ['client_id and clientId are both set, to different values', `{"client_id":"ci","clientId":"x",${SECRET}}`],
])('a malformed secret is refused, and the message says what to do: %s', async (problem, text) => {
  const error = await failure(() => parseCredentials(text, KEYS, SECRET_ARN));

  expect(error.code).toBe('SECRET_MALFORMED');
  expect(error.message).toBe(
    `The secret ${SECRET_ARN} cannot be used: ${problem}. Write {"client_id": "…", "client_secret": "…"} into a file and ${STORE}`,
  );
  expectNoLeak(error, [CANARY]);
});

describe('a private key', () => {
  const ed25519 = generateKeyPairSync('ed25519').privateKey;
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  const odd = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey;
  const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey;
  const pem = (key: KeyObject) => String(key.export({ type: 'pkcs8', format: 'pem' }));
  const jwk = (key: KeyObject, changes = {}) =>
    JSON.stringify({ ...key.export({ format: 'jwk' }), ...changes });

  test('is read with the key id beside it; a JWK may name its algorithm', () => {
    expect(parsePrivateKey(pem(ed25519), SECRET_ARN, 'k1')).toMatchObject({ kid: 'k1', algorithm: 'EdDSA' });
    expect(parsePrivateKey(jwk(rsa, { alg: 'PS384' }), SECRET_ARN).algorithm).toBe('PS384');
  });

  test.each([
    ['is neither PEM (unencrypted, with line ends, not "\\n")', pem(ed25519).replaceAll('\n', '\\n')],
    ['is neither PEM', jwk(createPublicKey(ed25519))],
    ['is an RSA key of 1024 bits; the minimum is 2048', pem(weak)],
    ['is on a curve other than P-256, P-384, P-521', pem(odd)],
    ['is of the type rsa-pss; possible are RSA, EC and Ed25519', pem(pss)],
    ['has an alg that does not fit its type; possible are EdDSA, Ed25519', jwk(ed25519, { alg: 'none' })],
  ])('that is invalid is refused: it %s', async (problem, text) => {
    const error = await failure(() => parsePrivateKey(text, SECRET_ARN));

    const message = expect.stringContaining(`${SECRET_ARN} cannot be used: private_key ${problem}`);
    expect(error).toMatchObject({ code: 'SECRET_MALFORMED', message });
    expect(error.message).toContain('Write {"client_id": "…", "private_key": "…"}');
    expectNoLeak(error, [CANARY, text]);
  });
});

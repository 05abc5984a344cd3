import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { MINUTE_MS } from '../../local/harness.ts';
import { useHarnesses } from './harnesses.ts';

/*
 * Nothing that the function writes, answers or stores, except the token parameter, contains a token or a secret, at any
 * log level: `useHarnesses` searches all of it after each test, here and in the other suites of this directory.
 */
const open = useHarnesses();

/** The highest log levels of Node and the clients. */
const LOUDEST = {
  NODE_DEBUG: 'http,https,net,tls,undici,fetch,stream,timer,module',
  NODE_DEBUG_NATIVE: 'http2',
  AWS_LAMBDA_LOG_LEVEL: 'TRACE',
  AWS_LAMBDA_LOG_FORMAT: 'JSON',
  LOG_LEVEL: 'trace',
  DEBUG: '*',
};

const canary = (): string => randomBytes(24).toString('base64url');

test('at the loudest log level, minting, diagnosing and failing', async () => {
  const harness = await open({ environment: LOUDEST });

  await harness.invoke({});
  await harness.invoke({ diagnose: true });
  harness.authorizationServer.faults.always('token', { kind: 'answer', status: 401 });
  const failure = await harness.failure({ force: true });

  expect(failure.name).toBe('TOKEN_REJECTED');
  expect(harness.process.lines.length).toBeGreaterThan(20);
});

test('a client that signs with its private key, accepted and refused', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'ci', alg: 'ES256', use: 'sig' };
  const harness = await open({
    environment: LOUDEST,
    secrets: pem.split('\n').filter((line) => line.length > 30),
    secretValue: JSON.stringify({ client_id: 'signer', private_key: pem, kid: 'ci' }),
    server: { clients: [{ clientId: 'signer', authMethod: 'private_key_jwt', jwks: { keys: [jwk] } }] },
    token: ({ authorizationServer }) => ({
      tokenUrl: undefined,
      issuer: authorizationServer.issuer,
      clientAuthentication: 'private_key_jwt',
    }),
  });

  const result = await harness.invoke({});
  harness.authorizationServer.faults.always('token', { kind: 'answer', status: 401 });
  const failure = await harness.failure({ force: true });

  expect(result).toMatchObject({ outcome: 'refreshed' });
  expect(failure.name).toBe('TOKEN_REJECTED');
});

test('a CXone access key, accepted and refused', async () => {
  const accessKey = { accessKeyId: `${canary()}====`, accessKeySecret: `${canary()}====` };
  const clientSecret = canary();
  const harness = await open({
    environment: LOUDEST,
    secrets: [...Object.values(accessKey), clientSecret],
    secretValue: JSON.stringify({
      client_id: 'cxone',
      client_secret: clientSecret,
      access_key_id: accessKey.accessKeyId,
      access_key_secret: accessKey.accessKeySecret,
    }),
    server: { clients: [{ clientId: 'cxone', clientSecret }], accessKeys: [accessKey] },
    token: ({ authorizationServer }) => ({
      provider: 'nice-cxone',
      issuer: authorizationServer.issuer,
      tokenUrl: undefined,
      probeUrl: undefined,
    }),
  });

  const result = await harness.invoke({});
  harness.authorizationServer.replaceAccessKeySecret(accessKey.accessKeyId, canary());
  const failure = await harness.failure({ force: true });

  expect(result).toMatchObject({ outcome: 'refreshed' });
  expect(failure.name).toBe('TOKEN_REJECTED');
});

test('a token of more than 4,096 bytes, encrypted with a key of its own, stored and kept alive', async () => {
  const harness = await open({ token: ({ aws }) => ({ encryptionKeyArn: aws.kms.addKey().arn }) });
  harness.authorizationServer.setTokenLength(5_000);

  await harness.invoke({});
  harness.authorizationServer.setTokenLength(43);
  harness.advance(5 * MINUTE_MS);
  const result = await harness.invoke({});

  expect(harness.stored()?.value).toHaveLength(5_000);
  expect(result).toMatchObject({ outcome: 'still-fresh' });
  expect(harness.aws.requests.at(-1)).toMatchObject({ operation: 'GetParameter', outcome: 'ok' });
});

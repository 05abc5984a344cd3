/**
 * `npm run e2e:bundle`: invokes the synthesized bundle against an emulator of Parameter Store and Secrets Manager that others
 * wrote, moto, and against oidc-provider. Each of the function's calls to AWS is made. Exit status 0: every step passed.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { DeleteParameterCommand, GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm';
import { startAuthorizationServer } from '../local/authorization-server/authorization-server.ts';
import { createFunctionProcess, type FunctionProcess } from '../local/aws/function-process.ts';
import { synthesize } from '../local/synthesized-function.ts';
import { startMoto } from './moto.ts';
import { createSteps } from './steps.ts';
import { isConsistent, storedToken } from './stored-token.ts';

/** Region and account of moto. */
const PLACE = { region: 'eu-central-1', accountId: '123456789012' };
const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test', sessionToken: 'test' };
const CLIENT = 'bundle-client';
const SECRETS = ['bundle-canary-secret-1', 'bundle-canary-secret-2'] as const;
const PATH = '/ci/bundle';

const { step, heading, finish } = createSteps((line) => process.stdout.write(`${line}\n`));
const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => interruption.abort(new Error(`interrupted by ${signal}`)));
}

heading('Set-up: moto, oidc-provider, synthesis');
const moto = await startMoto(interruption.signal);
const server = await startAuthorizationServer({ clients: [{ clientId: CLIENT, clientSecret: SECRETS[0] }] });
const options = { region: PLACE.region, endpoint: moto.url, credentials: CREDENTIALS };
const ssm = new SSMClient(options);
const secretsManager = new SecretsManagerClient(options);
const { ARN: secretArn } = await secretsManager.send(
  new CreateSecretCommand({ Name: 'bundle', SecretString: secretText(SECRETS[0]) }),
);
const bundle = openBundle();
try {
  heading('Events');
  await step('{} mints if no token is stored: SecureString, status, live at the server', async () => {
    await expectMint({}, 'no-token', 1);
    const { accessToken = '', type } = await readStored();
    assert.equal(type, 'SecureString');
    assert.equal((await server.introspect(accessToken)).active, true);
  });
  await step('{} keeps a fresh token', async () => {
    const { outcome, reason } = await answer({});
    assert.deepEqual([outcome, reason], ['still-fresh', 'not-due']);
  });
  await step('{"force":true} mints', () => expectMint({ force: true }, 'forced', 2));
  await step('a deleted token is minted anew', async () => {
    await ssm.send(new DeleteParameterCommand({ Name: `${PATH}/access-token` }));
    await expectMint({}, 'no-token', 1);
  });
  await step('a new secret: diagnose names the old one, Secrets Manager’s event mints', async () => {
    server.replaceClientSecret(CLIENT, SECRETS[1]);
    const { healthy } = await answer({ diagnose: true });
    assert.equal(healthy, false);
    const { VersionId: versionId } = await secretsManager.send(
      new PutSecretValueCommand({ SecretId: 'bundle', SecretString: secretText(SECRETS[1]) }),
    );
    await expectMint(
      {
        source: 'aws.secretsmanager',
        'detail-type': 'Secret Label Updated',
        detail: { name: 'bundle', labelUpdated: 'AWSCURRENT', versionId },
      },
      'secret-changed',
      2,
    );
  });
  await step('the previous version of the secret, if the server refuses the current one', async () => {
    server.replaceClientSecret(CLIENT, SECRETS[0]);
    await expectMint({ force: true }, 'forced', 3);
  });
  await step('{"diagnose":true} finds each step well or warns, and stores nothing', async () => {
    const { steps } = await answer({ diagnose: true });
    assert.ok((steps as unknown[]).length >= 7);
    assert.equal((await readStored()).version, 3);
  });
  await step('a mint that fails stores its code, and leaves the token untouched', async () => {
    await server.faults.goOffline();
    await assert.rejects(answer({ force: true }), /TOKEN_ENDPOINT_UNAVAILABLE/);
    const { version, status } = await readStored();
    assert.deepEqual([version, status?.lastFailure?.code], [3, 'TOKEN_ENDPOINT_UNAVAILABLE']);
  });
} finally {
  await bundle.stop();
  await server.close();
  await moto.stop();
}
process.exitCode = finish();

/** The function as its template has it: environment, time limit, memory. */
function openBundle(): FunctionProcess {
  const { tokenUrl, probeUrl } = server;
  const token = { name: 'bundle', provider: 'oauth2', tokenUrl, probeUrl, secretArn };
  const [fn] = synthesize({ tokens: [token], place: PLACE }).functions;
  if (fn === undefined) throw new Error('The synthesized stack has no function.');
  return createFunctionProcess({
    name: fn.name,
    region: PLACE.region,
    handlerFile: join(fn.codeDirectory, 'handler.mjs'),
    environment: fn.environment,
    endpointUrl: moto.url,
    credentials: CREDENTIALS,
    timeoutMs: fn.timeoutSeconds * 1000,
    memoryMegabytes: fn.memoryMiB,
  });
}

async function answer(event: object): Promise<Record<string, unknown>> {
  const outcome = await bundle.invoke(event, {
    awsRequestId: randomUUID(),
    functionName: 'bundle',
    invokedFunctionArn: `arn:aws:lambda:${PLACE.region}:${PLACE.accountId}:function:bundle`,
  });
  if ('failure' in outcome) throw new Error(`${outcome.failure.errorType}: ${outcome.failure.errorMessage}`);
  return outcome.payload as Record<string, unknown>;
}

/** Expects that an event mints, that token and status are stored, and that nothing secret is written. */
async function expectMint(event: object, expectedReason: string, expectedVersion: number): Promise<void> {
  const { outcome, reason, tokenVersion } = await answer(event);
  assert.deepEqual([outcome, reason, tokenVersion], ['refreshed', expectedReason, expectedVersion]);
  const stored = await readStored();
  assert.ok(isConsistent(stored), `no token that its status describes: ${stored.statusText}`);
  const written = [...bundle.lines, stored.statusText].join('\n');
  for (const canary of [...SECRETS, stored.accessToken ?? '']) assert.ok(!written.includes(canary));
}

async function readStored() {
  const Names = [`${PATH}/access-token`, `${PATH}/token-status`];
  const { Parameters = [] } = await ssm.send(new GetParametersCommand({ Names, WithDecryption: true }));
  return storedToken(PATH, Parameters);
}

function secretText(clientSecret: string): string {
  return JSON.stringify({ client_id: CLIENT, client_secret: clientSecret });
}

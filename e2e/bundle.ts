/**
 * `npm run e2e:bundle`: invokes the synthesized bundle with every event of its contract, against moto's Parameter Store
 * and Secrets Manager and against oidc-provider. Exit status 0: every step passed.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { GetParametersCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { startAuthorizationServer } from '../local/authorization-server/authorization-server.ts';
import { startMoto } from './moto.ts';
import { createSteps } from './steps.ts';
import { fingerprint, type StoredStatus } from './stored-token.ts';
import { openSynthesizedBundle } from './synthesized-bundle.ts';

const REGION = 'eu-central-1';
/** The account of moto. */
const ACCOUNT = '123456789012';
const CLIENT = 'bundle-client';
const MINUTES_25 = 25 * 60_000;
const token = '/ci/bundle/access-token';
const statusName = '/ci/bundle/token-status';

const { step, heading, finish } = createSteps((line) => process.stdout.write(`${line}\n`));
const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => interruption.abort(new Error(`interrupted by ${signal}`)));
}

heading('Set-up: moto, oidc-provider, synthesis');
const secrets = ['bundle-canary-secret-1', 'bundle-canary-secret-2'] as const;
const moto = await startMoto(interruption.signal);
const server = await startAuthorizationServer({ clients: [{ clientId: CLIENT, clientSecret: secrets[0] }] });
const clientOptions = {
  region: REGION,
  endpoint: moto.url,
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
};
const ssm = new SSMClient(clientOptions);
const secretsManager = new SecretsManagerClient(clientOptions);
try {
  await play();
} finally {
  await server.close();
  await moto.stop();
}
process.exitCode = finish();

async function play(): Promise<void> {
  const { ARN: secretArn } = await secretsManager.send(
    new CreateSecretCommand({ Name: 'bundle', SecretString: secretText(secrets[0]) }),
  );
  const bundle = openSynthesizedBundle({
    tokens: [
      { name: 'bundle', provider: 'oauth2', tokenUrl: server.tokenUrl, probeUrl: server.probeUrl, secretArn },
    ],
    place: { region: REGION, accountId: ACCOUNT },
    endpointUrl: moto.url,
  });
  const seen = new Set<string>(secrets);
  const invoke = async (event: unknown) => {
    const outcome = await bundle.invoke(event, {
      awsRequestId: randomUUID(),
      functionName: 'bundle',
      invokedFunctionArn: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:bundle`,
    });
    const { accessToken } = await stored();
    if (accessToken !== undefined) seen.add(accessToken);
    return outcome;
  };
  const answer = async (event: unknown): Promise<Record<string, unknown>> => {
    const outcome = await invoke(event);
    if ('failure' in outcome)
      throw new Error(`${outcome.failure.errorType}: ${outcome.failure.errorMessage}`);
    return outcome.payload as Record<string, unknown>;
  };
  const failure = async (event: unknown): Promise<string> => {
    const outcome = await invoke(event);
    return 'failure' in outcome ? outcome.failure.errorType : 'none';
  };

  try {
    heading('Events');
    await step('{} mints if no token is stored: SecureString, status, live at the server', async () => {
      const { fingerprint: printed, ...result } = await answer({});
      assert.deepEqual([result.outcome, result.reason, result.satisfied], ['refreshed', 'no-token', true]);
      const { accessToken = '', type, version, status } = await stored();
      assert.deepEqual([type, version, status?.tokenVersion], ['SecureString', 1, 1]);
      assert.deepEqual([printed, status?.fingerprint], Array(2).fill(fingerprint(accessToken)));
      assert.equal((await server.introspect(accessToken)).active, true);
    });
    await step('{} and an absent event keep a fresh token', async () => {
      for (const event of [{}, null]) {
        const { outcome, reason } = await answer(event);
        assert.deepEqual([outcome, reason], ['still-fresh', 'not-due']);
      }
      assert.equal((await stored()).version, 1);
    });
    await step('{"force":true} mints', async () => {
      const { outcome, reason, tokenVersion } = await answer({ force: true });
      assert.deepEqual([outcome, reason, tokenVersion], ['refreshed', 'forced', 2]);
    });
    await step('{"minRemainingSeconds":2700} keeps a token that lives longer', async () => {
      const { outcome, satisfied, tokenVersion } = await answer({ minRemainingSeconds: 2700 });
      assert.deepEqual([outcome, satisfied, tokenVersion], ['still-fresh', true, 2]);
    });
    await step('{"minRemainingSeconds":2700} mints when 35 minutes are left', async () => {
      await age(MINUTES_25);
      const { outcome, reason, satisfied, tokenVersion } = await answer({ minRemainingSeconds: 2700 });
      assert.deepEqual([outcome, reason, satisfied, tokenVersion], ['refreshed', 'min-remaining', true, 3]);
    });
    await step(
      '{"minRemainingSeconds":172800} returns the fresh token with "satisfied": false, and mints nothing',
      async () => {
        const { outcome, satisfied, tokenVersion } = await answer({ minRemainingSeconds: 172_800 });
        assert.deepEqual([outcome, satisfied, tokenVersion], ['still-fresh', false, 3]);
      },
    );
    await step('a token that is old enough is replaced by {}', async () => {
      await age(2 * MINUTES_25);
      const { outcome, reason, tokenVersion } = await answer({});
      assert.deepEqual([outcome, reason, tokenVersion], ['refreshed', 'age', 4]);
    });
    await step('{"diagnose":true} finds every step in order, and stores nothing', async () => {
      const { healthy, steps } = await answer({ diagnose: true });
      assert.equal(healthy, true, JSON.stringify(steps));
      const names = (steps as { step: string }[]).map((one) => one.step);
      assert.deepEqual(names, [
        'config',
        'secret',
        'token-endpoint',
        'scope',
        'probe',
        'parameters',
        'clock',
      ]);
      assert.equal((await stored()).version, 4);
    });
    await step('{"diagnose":true} names the step, the code and the remedy of a wrong secret', async () => {
      server.replaceClientSecret(CLIENT, secrets[1]);
      const { healthy, steps } = await answer({ diagnose: true });
      const found = (steps as { step: string; code?: string; remedy?: string }[]).find(({ code }) => code);
      assert.deepEqual([healthy, found?.step, found?.code], [false, 'token-endpoint', 'TOKEN_REJECTED']);
      assert.ok(found?.remedy, 'no remedy');
    });
    await step('Secrets Manager’s event mints at once, with the new secret', async () => {
      const { VersionId } = await secretsManager.send(
        new PutSecretValueCommand({ SecretId: 'bundle', SecretString: secretText(secrets[1]) }),
      );
      const { outcome, reason, tokenVersion } = await answer({
        version: '0',
        id: randomUUID(),
        'detail-type': 'Secret Label Updated',
        source: 'aws.secretsmanager',
        account: ACCOUNT,
        time: new Date().toISOString(),
        region: REGION,
        resources: [secretArn],
        detail: { name: 'bundle', labelUpdated: 'AWSCURRENT', versionId: VersionId },
      });
      assert.deepEqual([outcome, reason, tokenVersion], ['refreshed', 'secret-changed', 5]);
    });
    await step('anything else is EVENT_INVALID', async () => {
      const events = [
        ...[{ force: 'true' }, { force: true, diagnose: true }, { minRemainingSeconds: -1 }, { forse: true }],
        ...[[], 'force', 7, { source: 'aws.s3', 'detail-type': 'Object Created' }],
      ];
      for (const event of events) assert.equal(await failure(event), 'EVENT_INVALID', JSON.stringify(event));
      assert.equal((await stored()).version, 5);
    });

    heading('An outage');
    await step('a mint that fails throws its code, and leaves the stored token untouched', async () => {
      await server.faults.goOffline();
      assert.equal(await failure({ force: true }), 'TOKEN_ENDPOINT_UNAVAILABLE');
      const { version, status } = await stored();
      assert.deepEqual(
        [version, status?.tokenVersion, status?.lastFailure?.code],
        [5, 5, 'TOKEN_ENDPOINT_UNAVAILABLE'],
      );
    });
    await step('during the backoff minRemainingSeconds mints nothing, and the answer says why', async () => {
      await age(MINUTES_25);
      const result = await answer({ minRemainingSeconds: 2700 });
      assert.deepEqual(
        [result.outcome, result.reason, result.satisfied, result.failure],
        ['still-fresh', 'backoff', false, 'TOKEN_ENDPOINT_UNAVAILABLE'],
      );
    });
    await step('{"force":true} mints during the backoff, and clears the failure', async () => {
      await server.faults.goOnline();
      const { outcome, tokenVersion } = await answer({ force: true });
      const { status } = await stored();
      assert.deepEqual([outcome, tokenVersion, status?.lastFailure], ['refreshed', 6, null]);
    });

    heading('Secrecy');
    await step('the function’s output contains no secret and no token', async () => {
      const { statusText } = await stored();
      const written = [...bundle.lines, statusText].join('\n');
      assert.ok(bundle.lines.length > 0, 'the function wrote nothing');
      assert.equal(seen.size, 2 + 6);
      for (const canary of seen) assert.ok(!written.includes(canary), 'a secret or token was written');
    });
  } finally {
    await bundle.stop();
  }
}

function secretText(clientSecret: string): string {
  return JSON.stringify({ client_id: CLIENT, client_secret: clientSecret });
}

async function stored() {
  const { Parameters = [] } = await ssm.send(
    new GetParametersCommand({ Names: [token, statusName], WithDecryption: true }),
  );
  const found = Parameters.find(({ Name }) => Name === token);
  const status = Parameters.find(({ Name }) => Name === statusName)?.Value;
  return {
    accessToken: found?.Value,
    type: found?.Type,
    version: found?.Version,
    statusText: status,
    status: status === undefined ? undefined : (JSON.parse(status) as StoredStatus),
  };
}

/** Lets the stored token look as if it had been minted so much earlier. */
async function age(ms: number): Promise<void> {
  const { status } = await stored();
  assert.ok(status?.issuedAt && status.expiresAt && status.refreshDueAt, 'there is no status to age');
  const earlier = (time: string): string => new Date(Date.parse(time) - ms).toISOString();
  const aged = {
    ...status,
    issuedAt: earlier(status.issuedAt),
    expiresAt: earlier(status.expiresAt),
    refreshDueAt: earlier(status.refreshDueAt),
  };
  await ssm.send(
    new PutParameterCommand({
      Name: statusName,
      Value: JSON.stringify(aged),
      Type: 'String',
      Overwrite: true,
    }),
  );
}

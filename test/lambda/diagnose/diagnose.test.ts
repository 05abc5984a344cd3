import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import { parseConfig } from '../../../lambda/config.ts';
import type { ProviderSettings } from '../../../lambda/contract.ts';
import { type Diagnosis, diagnose } from '../../../lambda/diagnose/diagnose.ts';
import { createMinter } from '../../../lambda/mint/create-minter.ts';
import { createReadSecret } from '../../../lambda/mint/secret.ts';
import { createClock } from '../../../lambda/refresh/clock.ts';
import { openParameters } from '../../../lambda/refresh/parameters.ts';
import { fingerprintOf } from '../../../lambda/refresh/store.ts';
import { sourceOf } from '../../../lambda/source.ts';
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../../local/authorization-server/authorization-server.ts';
import { BAD_GATEWAY, withMembers } from '../../../local/authorization-server/faults.ts';
import { type AwsEndpoint, startAwsEndpoint } from '../../../local/aws/endpoint.ts';
import { administratorPolicy } from '../../../local/aws/iam.ts';
import { expectNoLeak } from '../../support/leaks.ts';

const SECRET = { client_id: 'ci', client_secret: 'canary-secret-4711' };
const DAY_MS = 86_400_000;
const tokenParameter = '/ci/one/access-token';
const statusParameter = '/ci/one/token-status';

let aws: AwsEndpoint;
let server: AuthorizationServer;
let ssm: SSMClient;
let secretsManager: SecretsManagerClient;
let awsTime: Date;

beforeEach(async () => {
  awsTime = new Date('2026-11-20T14:00:00Z');
  aws = await startAwsEndpoint({ region: 'eu-central-1', accountId: '111122223333', now: () => awsTime });
  server = await startAuthorizationServer({
    clients: [{ clientId: 'ci', clientSecret: SECRET.client_secret, scope: 'read write' }],
  });
  const arn = 'arn:aws:sts::111122223333:assumed-role/refresher/session';
  const credentials = aws.registerPrincipal({ arn, policies: [administratorPolicy] });
  const options = { region: aws.region, endpoint: aws.url, credentials, maxAttempts: 1 };
  ssm = new SSMClient(options);
  secretsManager = new SecretsManagerClient(options);
});

afterEach(async () => {
  ssm.destroy();
  secretsManager.destroy();
  await server.close();
  await aws.close();
});

/** Diagnoses as the handler does, with the real parts; what differs is given. */
async function run(
  options: { secret?: string; settings?: object; environment?: object; now?: () => Date; puts?: number } = {},
): Promise<Diagnosis> {
  const { secret = JSON.stringify(SECRET), now = () => new Date(awsTime.getTime() + 500) } = options;
  const clock = createClock(now);
  const created = await secretsManager.send(new CreateSecretCommand({ Name: 'ci', SecretString: secret }));
  const settings = {
    provider: 'oauth2',
    tokenUrl: server.tokenUrl,
    probeUrl: server.probeUrl,
    scope: 'read',
  };
  const environment = {
    TOKEN_NAME: 'one',
    PROVIDER_SETTINGS: JSON.stringify({ ...settings, ...options.settings }),
    SECRET_ARN: created.ARN,
    TOKEN_PARAMETER: tokenParameter,
    STATUS_PARAMETER: statusParameter,
    REFRESH_INTERVAL_SECONDS: '3000',
    ASSUMED_LIFETIME_SECONDS: '900',
    ...options.environment,
  };
  const puts = () => aws.requests.filter(({ operation }) => operation.startsWith('Put')).length;
  const putsBefore = puts();
  const diagnosis = await diagnose({
    open: () => {
      const config = parseConfig(environment);
      return { config, parameters: openParameters({ ...config, client: ssm }) };
    },
    loadMinter: async (config) =>
      createMinter({
        config,
        now: clock.now,
        readSecret: createReadSecret({ secretArn: config.secretArn, client: secretsManager }),
      }),
    now,
    clock,
    signal: AbortSignal.timeout(10_000),
  });
  expectNoLeak(diagnosis, [SECRET.client_secret]);
  expect(puts()).toBe(putsBefore + (options.puts ?? 0));
  return diagnosis;
}

const step = (diagnosis: Diagnosis, name: string) => diagnosis.steps.find((one) => one.step === name);
const verdicts = ({ steps }: Diagnosis) =>
  Object.fromEntries(
    steps.map(({ step: name, ok, skipped, code, fault }) => [
      name,
      ok ? 'ok' : skipped ? 'skipped' : `${code}, ${fault}`,
    ]),
  );

test('every step is ok where all is well, and nothing is stored', async () => {
  const diagnosis = await run();
  expect(diagnosis.healthy).toBe(true);
  expect(diagnosis.steps).toEqual([
    { step: 'config', ok: true, durationMs: 0 },
    { step: 'secret', ok: true, message: 'The secret was stored 0 days ago.', durationMs: 0 },
    { step: 'token-endpoint', ok: true, message: expect.stringMatching(/lives 3600 s/), durationMs: 0 },
    { step: 'scope', ok: true, message: 'The server granted every requested scope.', durationMs: 0 },
    { step: 'probe', ok: true, message: 'The provider accepted the token.', durationMs: 0 },
    { step: 'parameters', ok: true, warning: expect.stringMatching(/No token is stored yet/), durationMs: 0 },
    { step: 'clock', ok: true, message: "The function's clock differs from AWS's by 0 s.", durationMs: 0 },
  ]);
});

test('a wrong configuration is the only step that is reported', async () => {
  const diagnosis = await run({ environment: { REFRESH_INTERVAL_SECONDS: 'soon' } });
  expect(diagnosis.healthy).toBe(false);
  expect(verdicts(diagnosis)).toEqual({
    config: 'CONFIG_INVALID, stack',
    secret: 'skipped',
    'token-endpoint': 'skipped',
    scope: 'skipped',
    probe: 'skipped',
    parameters: 'skipped',
    clock: 'skipped',
  });
  expect(step(diagnosis, 'config')?.remedy).toMatch(/^Deploy the stack again/);
});

test('settings that no request can be made from are a wrong configuration', async () => {
  const diagnosis = await run({ settings: { tokenUrl: 'http://example.test/token' } });
  expect(verdicts(diagnosis)).toMatchObject({ config: 'CONFIG_INVALID, stack', secret: 'skipped' });
});

test('with a malformed secret the token endpoint is skipped; message and remedy are separate', async () => {
  const diagnosis = await run({ secret: `{"client_id":"ci","client_secret":"${SECRET.client_secret}\\n"}` });
  expect(verdicts(diagnosis)).toEqual({
    config: 'ok',
    secret: 'SECRET_MALFORMED, secret',
    'token-endpoint': 'skipped',
    scope: 'skipped',
    probe: 'skipped',
    parameters: 'ok',
    clock: 'ok',
  });
  expect(step(diagnosis, 'secret')).toMatchObject({
    message: expect.stringMatching(/client_secret ends with a newline\.$/),
    remedy: expect.stringMatching(/^Write \{"client_id": "…".*put-secret-value/),
  });
  expect(step(diagnosis, 'token-endpoint')?.message).toBe('Not tried: it needs secret.');
  expect(server.requests).toHaveLength(0);
});

test('with a token endpoint that is not available, scope and probe are skipped', async () => {
  server.faults.always('token', BAD_GATEWAY);
  expect(verdicts(await run())).toMatchObject({
    secret: 'ok',
    'token-endpoint': 'TOKEN_ENDPOINT_UNAVAILABLE, token endpoint',
    scope: 'skipped',
    probe: 'skipped',
    parameters: 'ok',
  });
});

test('a secret past 90 days is a warning', async () => {
  const created = awsTime;
  const now = () => new Date(created.getTime() + 91 * DAY_MS);
  const diagnosis = await run({ now });
  expect(step(diagnosis, 'secret')).toMatchObject({
    ok: true,
    message: 'The secret was stored 91 days ago.',
    warning: 'The secret is older than 90 days: replace it.',
    fault: 'secret',
  });
});

test('a requested scope that was not granted is a warning that names it', async () => {
  server.faults.always('token', withMembers({ scope: 'read canary-scope' }));
  const diagnosis = await run({ settings: { scope: 'read write admin' } });
  expect(step(diagnosis, 'scope')).toMatchObject({
    ok: true,
    warning: 'The server did not grant: write admin. Allow the client these scopes at the provider.',
    fault: 'token endpoint',
  });
  expectNoLeak(diagnosis, ['canary-scope']);
});

test('if the server names no scope, every requested scope is granted', async () => {
  server.faults.always('token', withMembers({ scope: undefined }));
  expect(step(await run(), 'scope')?.message).toMatch(/names no scope/);
});

test('a token that the provider refuses is TOKEN_UNUSABLE', async () => {
  server.faults.always('token', withMembers({ access_token: 'canary-token' }));
  const diagnosis = await run();
  expect(verdicts(diagnosis)).toMatchObject({
    'token-endpoint': 'ok',
    probe: 'TOKEN_UNUSABLE, token endpoint',
    clock: 'ok',
  });
  expect(diagnosis.healthy).toBe(false);
  expectNoLeak(diagnosis, ['canary-token']);
});

test('a probe that is not answered proves nothing and is a warning', async () => {
  server.faults.always('probe', BAD_GATEWAY);
  const diagnosis = await run();
  expect(diagnosis.healthy).toBe(true);
  expect(step(diagnosis, 'probe')).toMatchObject({
    warning: expect.stringMatching(/the token is not proved/),
    fault: 'token endpoint',
  });
});

test('an assumed lifetime is a warning', async () => {
  server.faults.always('token', withMembers({ expires_in: undefined }));
  expect(step(await run(), 'token-endpoint')).toMatchObject({
    ok: true,
    message: 'The token endpoint returned a token that lives 900 s.',
    warning: expect.stringMatching(/The function assumes 15 min/),
    fault: 'token endpoint',
  });
});

test.each([
  [3600, undefined],
  [3000, undefined],
  [
    2999,
    'too short for jobs of 45 minutes (longestJob): they may outlive their token. Let the tokens live longer at the provider, or lower longestJob to 43 minutes.',
  ],
  [
    400,
    'too short for jobs of 45 minutes (longestJob): they may outlive their token. Let the tokens live longer at the provider, or remove longestJob.',
  ],
])('with jobs of 45 minutes, tokens that live %i s are warned about: %p', async (seconds, warning) => {
  server.faults.always('token', withMembers({ expires_in: seconds }));

  const diagnosis = await run({ environment: { LONGEST_JOB_SECONDS: '2700' } });

  expect(step(diagnosis, 'token-endpoint')?.warning).toEqual(
    warning === undefined ? undefined : expect.stringContaining(warning),
  );
});

test('if the parameters cannot be read, the clock is skipped', async () => {
  aws.faults.add({ match: { service: 'ssm' }, fault: { kind: 'deny' } });
  expect(verdicts(await run())).toMatchObject({
    probe: 'ok',
    parameters: 'PARAMETER_UNAVAILABLE, IAM',
    clock: 'skipped',
  });
});

test('the stored token is reported with its remaining life', async () => {
  const parameters = openParameters({
    tokenParameter,
    statusParameter,
    encryptionKeyArn: undefined,
    client: ssm,
  });
  const signal = AbortSignal.timeout(5_000);
  const version = await parameters.writeToken({ accessToken: 'canary-token', signal });
  const token = {
    version,
    fingerprint: '9f86d081884c',
    issuedAt: awsTime,
    expiresAt: new Date(awsTime.getTime() + 3_600_000),
    refreshDueAt: new Date(awsTime.getTime() + 3_000_000),
    provider: 'oauth2',
  };
  await parameters.writeStatus({ status: { token, provider: 'oauth2', lastFailure: null }, signal });
  expect(step(await run(), 'parameters')).toMatchObject({
    ok: true,
    message: 'Version 1 is stored, 3600 s are left.',
  });
});

test('a clock that is wrong is a warning', async () => {
  const now = () => new Date(awsTime.getTime() - 300_000);
  expect(step(await run({ now }), 'clock')).toMatchObject({
    ok: true,
    message: "The function's clock differs from AWS's by -300 s.",
    warning: expect.stringMatching(/clock is wrong/),
    fault: 'clock',
  });
});

test('the clock is compared before a mint, so that a wrong clock makes no token look expired', async () => {
  const exp = Math.floor(awsTime.getTime() / 1000) + 3_600;
  const claims = Buffer.from(JSON.stringify({ exp })).toString('base64url');
  server.faults.always('token', withMembers({ access_token: `eyJhbGciOiJub25lIn0.${claims}.c2ln` }));
  server.faults.always('probe', { kind: 'answer', status: 204 });

  const diagnosis = await run({ now: () => new Date(awsTime.getTime() + 7_200_000) });

  expect(verdicts(diagnosis)).toMatchObject({ 'token-endpoint': 'ok', probe: 'ok', clock: 'ok' });
});

describe('where a token is stored', () => {
  const settings = (): ProviderSettings => ({
    provider: 'oauth2',
    tokenUrl: server.tokenUrl,
    probeUrl: server.probeUrl,
    scope: 'read',
  });
  const parameters = () =>
    openParameters({ tokenParameter, statusParameter, encryptionKeyArn: undefined, client: ssm });
  const signal = AbortSignal.timeout(30_000);

  /** Mints a token as the function would, and stores it. */
  async function store(source: string): Promise<string> {
    const body = new URLSearchParams({ grant_type: 'client_credentials', scope: 'read' });
    const authorization = `Basic ${Buffer.from(`ci:${SECRET.client_secret}`).toString('base64')}`;
    const answer = await fetch(server.tokenUrl, { method: 'POST', headers: { authorization }, body });
    const { access_token: accessToken } = (await answer.json()) as { access_token: string };
    const version = await parameters().writeToken({ accessToken, signal });
    const token = {
      version,
      fingerprint: fingerprintOf(accessToken),
      issuedAt: awsTime,
      expiresAt: new Date(awsTime.getTime() + 3_600_000),
      refreshDueAt: new Date(awsTime.getTime() + 3_000_000),
      provider: 'oauth2',
      source,
    };
    await parameters().writeStatus({ status: { token, provider: 'oauth2', lastFailure: null }, signal });
    return accessToken;
  }
  // The secret's ARN has a random suffix, which is not part of the source.
  const secretArn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci-AbCdEf';
  const ownSource = () => sourceOf(settings(), secretArn);

  test('it is used again, and still accepted', async () => {
    await store(ownSource());

    const diagnosis = await run();

    expect(step(diagnosis, 'probe')).toMatchObject({
      ok: true,
      message: 'The provider accepted the token. The stored one is still accepted.',
    });
  });

  test('if the server keeps one live token per client, the new one replaces it, with a warning', async () => {
    const ended = await store(ownSource());
    server.revoke(ended);

    const diagnosis = await run({ puts: 2 });

    expect(step(diagnosis, 'probe')).toMatchObject({
      ok: true,
      warning: expect.stringContaining('The new token was stored instead'),
      fault: 'token endpoint',
    });
    const { tokenVersion, status } = await parameters().read({ signal });
    expect(status?.token?.version).toBe(tokenVersion);
    const stored = await parameters().readToken({ version: tokenVersion ?? 0, signal });
    expect((await server.introspect(stored ?? '')).active).toBe(true);
  });

  test('of another source, it is not sent to the hosts of this one', async () => {
    const other = await store('fedcba9876543210');
    server.revoke(other);

    const diagnosis = await run();

    expect(step(diagnosis, 'probe')).toMatchObject({
      ok: true,
      message: 'The provider accepted the token.',
    });
    expect(server.probes).toHaveLength(1);
  });
});

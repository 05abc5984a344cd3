import { setTimeout as pause } from 'node:timers/promises';
import { fingerprintOf } from '../../lambda/refresh/store.ts';
import {
  type Fault,
  jsonAnswer,
  oauthError,
  throttled,
  withMembers,
} from '../../local/authorization-server/faults.ts';
import type { Fault as AwsFault, FaultMatch } from '../../local/aws/faults.ts';
import { type Harness, MINUTE_MS, openHarness, parametersOf } from '../../local/harness.ts';
import { rejection } from '../support/leaks.ts';
import { expectNoLeaks } from './harnesses.ts';

/*
 * The synthesized bundle in its own process, with the template's environment and policy: one fault for each error code and
 * for each call. See docs/development/faults.md.
 */

const { token: TOKEN, status: STATUS } = parametersOf('demo');
/** The function gives up four seconds before its time limit. */
const TIME_LIMIT_MS = 6_000;
/** The tolerated difference of two clocks: a header's whole seconds, and the time of a request. */
const CLOCK_RESOLUTION_MS = 6_000;
/** A signal has arrived by then. */
const SIGNAL_MS = 50;

let harness: Harness;
beforeAll(async () => {
  const NODE_OPTIONS = `--import ${new URL('shift-clock.mjs', import.meta.url)}`;
  harness = await openHarness({ environment: { NODE_OPTIONS } });
  harness.process.timeoutMs = TIME_LIMIT_MS;
});
beforeEach(async () => {
  harness.clearFaults();
  await harness.invoke({ force: true });
});
afterAll(async () => {
  await harness.close();
  expectNoLeaks(harness);
});

const GET = { operation: 'GetParameters' };
const SECRET = { operation: 'GetSecretValue' };
const PUT_TOKEN = { operation: 'PutParameter', name: TOKEN };
const PUT_STATUS = { operation: 'PutParameter', name: STATUS };

const aws =
  (
    match: FaultMatch,
    kind: Exclude<AwsFault['kind'], `${string}-executing`> | 'cut-after-executing',
    times?: number,
  ) =>
  () =>
    harness.aws.faults.add({ match, fault: { kind }, ...(times && { times }) });
const server = (endpoint: 'token' | 'probe', fault: Fault) => () =>
  harness.authorizationServer.faults.always(endpoint, fault);

function deleteBoth(): void {
  for (const Name of [TOKEN, STATUS]) harness.administer('DeleteParameter', { Name });
}

/** The token that is stored before the kill has version 1 again, as the status says of the one before. */
async function killBetweenTheWrites(): Promise<void> {
  deleteBoth();
  await harness.invoke();
  harness.advance(51 * MINUTE_MS);
  harness.administer('DeleteParameter', { Name: TOKEN });
  harness.aws.faults.hook('before-executing', PUT_STATUS, () => harness.process.kill());
  harness.aws.faults.add({ match: PUT_STATUS, fault: { kind: 'cut-before-executing' } });
}

function stepClockBeforeTheMint(): void {
  harness.aws.faults.hook('after-executing', SECRET, async () => {
    process.kill(Number(harness.process.pid), 'SIGUSR2');
    await pause(SIGNAL_MS);
  });
}

const HEALED = 'refreshed, age';
const MISMATCH = 'refreshed, version-mismatch';
const FRESH = 'still-fresh, not-due';

/** The fault of a beat that finds the token due, its answer, and the answer of the next beat, without the fault. */
test.each<[string, () => unknown, string, string]>([
  ['GetParameters is cut half way, once', aws(GET, 'cut-half-way-through-answer', 1), HEALED, FRESH],
  ['GetParameters hangs', aws(GET, 'hang'), 'PARAMETER_UNAVAILABLE', HEALED],
  ['GetSecretValue is denied', aws(SECRET, 'deny'), 'SECRET_UNAVAILABLE', HEALED],
  [
    'the token endpoint is not reached',
    server('token', { kind: 'reset' }),
    'TOKEN_ENDPOINT_UNAVAILABLE',
    HEALED,
  ],
  ['the token endpoint throttles', server('token', throttled(30)), 'TOKEN_ENDPOINT_THROTTLED', HEALED],
  ['the token endpoint refuses', server('token', oauthError(400, 'invalid_scope')), 'TOKEN_REJECTED', HEALED],
  ['the answer has no token', server('token', jsonAnswer(200, {})), 'TOKEN_RESPONSE_INVALID', HEALED],
  [
    'the token is too long',
    server('token', withMembers({ access_token: 'x'.repeat(9_000) })),
    'TOKEN_TOO_LARGE',
    HEALED,
  ],
  ['the probe refuses', server('probe', { kind: 'answer', status: 401 }), 'TOKEN_UNUSABLE', HEALED],
  ['the probe is not reached', server('probe', { kind: 'reset' }), HEALED, FRESH],
  ['PutParameter of the token is throttled, once', aws(PUT_TOKEN, 'throttle', 1), HEALED, FRESH],
  ['PutParameter of the token is denied', aws(PUT_TOKEN, 'deny'), 'PARAMETER_NOT_WRITTEN', HEALED],
  // The retry makes one more version: the beat cannot tell that from a mint of another instance.
  [
    'its answer is lost, once',
    aws(PUT_TOKEN, 'cut-after-executing', 1),
    'still-fresh, concurrent-mint',
    MISMATCH,
  ],
  ['PutParameter of the status is denied', aws(PUT_STATUS, 'deny'), 'PARAMETER_NOT_WRITTEN', MISMATCH],
  ['its answer is lost, once', aws(PUT_STATUS, 'cut-after-executing', 1), HEALED, FRESH],
  [
    'kill -9 between the two writes, after the token was deleted',
    killBetweenTheWrites,
    'Runtime.ExitError',
    MISMATCH,
  ],
  ['both parameters are deleted', deleteBoth, 'refreshed, no-token', FRESH],
  ['the clock steps between the read and the mint', stepClockBeforeTheMint, HEALED, FRESH],
])('%s', async (_, arrange, during, after) => {
  harness.advance(51 * MINUTE_MS);
  await arrange();

  const answer = await harness.beat();
  const { problem } = await harness.read();
  const line = JSON.parse(harness.process.lines.at(-1) ?? '{}');
  harness.clearFaults();
  harness.advance(MINUTE_MS);
  const healing = await harness.beat();

  expect([answer, problem, healing]).toEqual([during, undefined, after]);
  if (/^[A-Z_]+$/.test(during)) expect(line).toMatchObject({ level: 'error', error: { code: during } });
  const { version, value = '' } = harness.stored() ?? {};
  const status = harness.status();
  const described = { tokenVersion: version, fingerprint: fingerprintOf(value), lastFailure: null };
  expect(status).toMatchObject(described);
  const wrongByMs = Date.parse(String(status?.expiresAt)) - Number(harness.tokens.get(value));
  expect(Math.abs(wrongByMs)).toBeLessThan(CLOCK_RESOLUTION_MS);
  expect(Date.parse(String(status?.refreshDueAt))).toBeGreaterThan(harness.now().getTime());
});

test('the client secret is changed at the provider alone, then stored malformed; the right one mints at once', async () => {
  harness.authorizationServer.replaceClientSecret(harness.clientId, 'another-secret');
  harness.advance(51 * MINUTE_MS);
  const rejected = await harness.beat();
  await harness.putSecret('ci-jobs:secret');
  const malformed = JSON.parse(harness.process.lines.at(-1) ?? '{}');
  await harness.changeSecret();

  expect(rejected).toBe('TOKEN_REJECTED');
  expect(malformed.error.code).toBe('SECRET_MALFORMED');
  expect(harness.status()).toMatchObject({ lastFailure: null });
  expect(await harness.read()).not.toHaveProperty('problem');
});

test('without credentials in its environment the bundle says so, and looks for none elsewhere', async () => {
  const { environment, kill } = harness.process;
  const { AWS_ACCESS_KEY_ID } = environment;
  environment.AWS_ACCESS_KEY_ID = '';
  await kill();

  const error = await rejection(harness.invoke());

  environment.AWS_ACCESS_KEY_ID = AWS_ACCESS_KEY_ID ?? '';
  await kill();
  expect(error.name).toBe('PARAMETER_UNAVAILABLE');
  expect(error.message).toMatch(/ssm:GetParameters.*CredentialsProviderError/);
});

test('a mint makes four AWS calls, one token request and one probe; an idle beat makes one AWS call', async () => {
  const { aws: account, authorizationServer: provider } = harness;
  const callsOf = async (event: object) => {
    const logs = [account.requests, provider.requests, provider.probes];
    const before = logs.map(({ length }) => length);
    await harness.invoke(event);
    const operations = account.requests.slice(before[0]).map(({ operation }) => operation);
    return [
      operations,
      provider.requests.length - Number(before[1]),
      provider.probes.length - Number(before[2]),
    ];
  };

  expect(await callsOf({ force: true })).toEqual([
    ['GetParameters', 'GetSecretValue', 'PutParameter', 'PutParameter'],
    1,
    1,
  ]);
  harness.advance(MINUTE_MS);
  expect(await callsOf({})).toEqual([['GetParameters'], 0, 0]);
});

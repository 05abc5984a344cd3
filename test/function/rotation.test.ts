import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Fault, jsonAnswer } from '../../local/authorization-server/faults.ts';
import type { Harness } from '../../local/harness.ts';
import {
  ADMIN_CLIENT_ID,
  ADMIN_SECRET_NAME,
  IDLE_CLIENT_ID,
  openRotatingHarness,
} from '../../local/rotating-clients.ts';

/* The deployed rotation function, between Secrets Manager and the provider's API. */
let harness: Harness;
let secretArn: string;
/** What the rotation function wrote. */
const lines: { step?: string; outcome?: string; error?: { code: string; message: string } }[] = [];

beforeAll(async () => {
  harness = await openRotatingHarness({
    moreSecretKeys: { idle_client_id: IDLE_CLIENT_ID, note: 'kept' },
    clients: [{ clientId: 'other-roles', clientSecret: 'c4n4ry-other-roles', roles: ['ci', 'admin'] }],
  });
  secretArn = String(harness.administer('DescribeSecret', { SecretId: harness.secretName }).ARN);
  harness.followLines((line) => void (line.includes('"step"') && lines.push(JSON.parse(line))));
  await harness.invoke({});
});
afterAll(() => harness.close());

const stored = (VersionStage = 'AWSCURRENT'): Record<string, string> =>
  JSON.parse(
    String(harness.administer('GetSecretValue', { SecretId: secretArn, VersionStage }).SecretString),
  );
const put = (SecretId: string, value: object) =>
  harness.administer('PutSecretValue', { SecretId, SecretString: JSON.stringify(value) });

/** Rotates as `aws secretsmanager rotate-secret` does; answers the last step that ran, and what came of it. */
async function rotate(): Promise<string> {
  try {
    harness.administer('RotateSecret', { SecretId: secretArn });
  } catch (error) {
    if (!String(error).includes('previous rotation')) throw error;
  }
  await harness.aws.rotated();
  const { step, outcome, error } = lines.at(-1) ?? {};
  return error === undefined ? `${step}: ${outcome}` : `${error.code}: ${step}: ${error.message}`;
}

async function invokeRotation(event: object): Promise<string> {
  const [{ arn } = { arn: '' }] = harness.assembly.rotations;
  const outcome = await harness.aws.lambda.invokeForService(arn, event);
  return JSON.stringify('failure' in outcome ? outcome.failure.errorMessage : outcome.payload);
}

const ENDED = 'finishSecret: the renewed client has its turn';
/** What the API answers, and what a person is told. */
const REFUSALS: readonly (readonly [Fault, string])[] = [
  [jsonAnswer(400, { message: 'Rate limit exceeded the maximum' }), 'limits the rate'],
  [jsonAnswer(401, {}), 'check in Genesys Cloud .* that it is active'],
  [jsonAnswer(403, {}), 'lacks the permission oauth:client:edit'],
  [jsonAnswer(404, {}), 'no OAuth client with the id in idle_client_id'],
  [jsonAnswer(503, {}), 'status page'],
  [jsonAnswer(200, { id: 'x' }), 'has no new secret'],
  [{ kind: 'reset' }, 'gave no answer'],
];

test('two clients take turns; a secret that leaked is ended by the second rotation, within seconds', async () => {
  const leaked = stored();
  const startedAt = performance.now();

  const first = await rotate();
  const second = stored();
  const isAccepted = authenticates(leaked);
  const last = await rotate();

  expect(performance.now() - startedAt).toBeLessThan(20_000);
  expect([first, last]).toEqual([ENDED, ENDED]);
  expect(second).toMatchObject({
    client_id: leaked.idle_client_id,
    idle_client_id: leaked.client_id,
    note: 'kept',
  });
  expect(stored().client_id).toBe(leaked.client_id);
  expect([isAccepted, authenticates(leaked), authenticates(second)]).toEqual([true, false, true]);
  expect((await harness.read()).problem).toBeUndefined();
  expect(harness.aws.calls.filter(({ allowed }) => !allowed)).toEqual([]);
  for (const { client_secret } of [leaked, second, stored()])
    expect(harness.written()).not.toContain(client_secret);
});

test('the API renews no secret: it is told what to do, nothing is changed, and the next try completes', async () => {
  const before = stored();
  const told: string[] = [];
  for (const [fault] of REFUSALS) {
    harness.authorizationServer.faults.next('renewal', fault);
    told.push(await rotate());
  }
  const current = stored();
  const minted = await harness.beat({ force: true });

  const healed = await rotate();

  const expected = REFUSALS.map(([, advice]) => `^SECRET_NOT_RENEWED: createSecret: .*${advice}`);
  expect(told).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
  expect([current, minted]).toEqual([before, 'refreshed, forced']);
  expect(healed).toBe(ENDED);
});

const admin = { client_id: ADMIN_CLIENT_ID, client_secret: '' };
test.each<[string, Record<string, string>, RegExp]>([
  [
    'the idle client is the active one',
    { idle_client_id: 'SAME' },
    /^ROTATION_NOT_SET_UP.* are the same client/,
  ],
  [
    'there is no idle_client_id',
    { idle_client_id: '' },
    /^SECRET_MALFORMED.*idle_client_id is empty.*"idle_client_id"/,
  ],
  [
    'the admin client is the idle one',
    { idle_client_id: ADMIN_CLIENT_ID },
    /^ROTATION_NOT_SET_UP.*Create a third client/,
  ],
  [
    'the secret was changed outside',
    { client_secret: 'old' },
    /^TOKEN_REJECTED: createSecret: The rotation stops/,
  ],
  [
    'the idle client has other roles',
    { idle_client_id: 'other-roles' },
    /^ROTATION_NOT_SET_UP: testSecret: .*different roles/,
  ],
])('%s: it is told, and the client that mints is as it was', async (_, change, message) => {
  const before = stored();
  const keys = Object.entries(change).map(([key, value]) => [
    key,
    value === 'SAME' ? before.client_id : value,
  ]);
  const wrong = { ...before, ...Object.fromEntries(keys) };
  put(secretArn, wrong);

  const outcome = await rotate();
  const current = stored();
  put(secretArn, before);

  expect(outcome).toMatch(message);
  expect(current).toEqual(wrong);
  expect(authenticates(before)).toBe(true);
});

test('the admin client is refused: it is told at once, by {"check":true} too', async () => {
  const { SecretString } = harness.administer('GetSecretValue', { SecretId: ADMIN_SECRET_NAME });
  put(ADMIN_SECRET_NAME, { ...admin, client_secret: 'wrong' });

  const outcome = await rotate();
  const checked = await invokeRotation({ check: true });
  harness.administer('PutSecretValue', { SecretId: ADMIN_SECRET_NAME, SecretString });
  const healed = await rotate();

  expect(outcome).toMatch(/^TOKEN_REJECTED: createSecret: .*demo\/oauth-admin/);
  expect(checked).toMatch(/^"check: .*refused the token request/);
  expect(healed).toBe(ENDED);
  expect(await invokeRotation({ check: true })).toContain('ready to rotate');
  expect(await invokeRotation({ Step: 'createSecret' })).toContain('neither a step of Secrets Manager nor');
  expect(await invokeRotation({ Step: 'createSecret', ClientRequestToken: 'old' })).toContain(
    'not in progress',
  );
});

test.each([
  [
    'another function rotates the secret',
    'arn:aws:lambda:eu-central-1:111122223333:function:others',
    'FAILED',
    'cancel-rotate-secret',
  ],
  ['nobody else does', undefined, 'SUCCESS', undefined],
])('%s: the deployment is told', async (_, other, status, reason) => {
  const own = harness.assembly.rotations[0]?.arn;
  const answers: { Status?: string; Reason?: string }[] = [];
  const server = createServer(async (request, response) => {
    answers.push(JSON.parse(Buffer.concat(await request.toArray()).toString()));
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const setFunction = (RotationLambdaARN: string | undefined) =>
    harness.administer('RotateSecret', { SecretId: secretArn, RotationLambdaARN, RotateImmediately: false });
  setFunction(other ?? own);
  await harness.aws.rotated();

  const { port } = server.address() as AddressInfo;
  const ids = {
    LogicalResourceId: 'Check',
    RequestId: 'r',
    StackId: 's',
    ResourceType: 'Custom::RotationCheck',
  };
  await invokeRotation({ RequestType: 'Create', ResponseURL: `http://127.0.0.1:${port}/`, ...ids });
  setFunction(own);
  await harness.aws.rotated();
  server.close();

  expect(answers[0]?.Status).toBe(status);
  expect(answers[0]?.Reason?.includes(String(reason))).toBe(reason === undefined ? undefined : true);
});

/** Whether the provider accepts a version of the secret. */
function authenticates({ client_id = '', client_secret = '' }: Record<string, string>): boolean {
  return harness.authorizationServer.isSecret(client_id, client_secret);
}

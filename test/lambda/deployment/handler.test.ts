import { LambdaClient } from '@aws-sdk/client-lambda';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { CloudFormationEvent } from '../../../lambda/deployment/cloudformation.ts';
import { createHandler } from '../../../lambda/deployment/handler.ts';
import { type Account, openAccount } from '../../../local/harness.ts';
import { type Recorder, startRecorder } from '../../support/recorder.ts';

const TOKEN = '/ci/genesys/access-token';
const STATUS = '/ci/genesys/token-status';
const KEY = 'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555';
const REFRESHED = { payload: { outcome: 'refreshed' } };
const FUNCTION = 'token-refresher-ci-genesys';

let account: Account;
let cloudFormation: Recorder;
let pauses: number;
let refusals: number;
let refresher: () => unknown;

beforeEach(async () => {
  account = await openAccount();
  cloudFormation = await startRecorder(() => ({ status: refusals-- > 0 ? 503 : 200 }));
  pauses = 0;
  refusals = 0;
  refresher = () => REFRESHED;
  account.aws.lambda.register({ name: FUNCTION, invoke: async () => refresher() as never });
});

afterEach(() => Promise.all([account.close(), cloudFormation.close()]));

describe('the token’s two parameters', () => {
  /** The ids are in deployed stacks: an update answers the same one, and a deletion understands it. */
  test.each([
    { existing: [], id: TOKEN, kept: [] },
    { existing: [TOKEN], id: `adopted-one:${TOKEN}`, kept: [TOKEN] },
    { existing: [STATUS], id: `adopted-one:${STATUS}`, kept: [STATUS] },
    { existing: [TOKEN, STATUS], id: `adopted:${TOKEN}`, kept: [TOKEN, STATUS] },
  ])('if the stack adopts $existing, it deletes only the others', async ({ existing, id, kept }) => {
    for (const name of existing) put(name);

    const created = await send({ RequestType: 'Create', ...claim('true') });
    for (const name of [TOKEN, STATUS]) put(name);
    const updated = await send({ RequestType: 'Update', ...claim('false'), PhysicalResourceId: id });
    const deleted = await send({ RequestType: 'Delete', ...claim('false'), PhysicalResourceId: id });

    const answers = [created, updated, deleted].map((one) => [one.Status, one.PhysicalResourceId]);
    expect(answers).toEqual(Array(3).fill(['SUCCESS', id]));
    expect(stored()).toEqual(kept);
  });

  test.each([[[STATUS]], [[TOKEN, STATUS]]])(
    'a first deployment that finds %j fails, says what to do, and its rollback deletes nothing',
    async (names) => {
      for (const name of names) put(name);

      const { Status, Reason, PhysicalResourceId } = await send({ RequestType: 'Create', ...claim() });
      const rolledBack = await send({ RequestType: 'Delete', ...claim(), PhysicalResourceId });

      expect(Status).toBe('FAILED');
      expect(Reason).toContain(`already has ${names.join(' and ')}`);
      expect(Reason).toContain('"adoptParameters": true');
      expect(rolledBack.Status).toBe('SUCCESS');
      expect(stored()).toEqual(names);
    },
  );

  /** Three attempts of the SDK are one of ours, except after a denial. */
  test.each([
    ['deny', 2, 2],
    ['cut-before-executing', 3, 1],
  ] as const)('a call that meets %s %i times is made again', async (kind, times, expected) => {
    const meet = (operation: string) =>
      account.aws.faults.add({ match: { operation }, fault: { kind }, times });
    meet('GetParameters');
    meet('DeleteParameters');

    const created = await send({ RequestType: 'Create', ...claim() });
    const deleted = await send({ RequestType: 'Delete', ...claim(), PhysicalResourceId: TOKEN });

    expect([created.Status, deleted.Status, pauses]).toEqual(['SUCCESS', 'SUCCESS', 2 * expected]);
  });

  test('a call that is denied for a minute fails, and the answer names it', async () => {
    account.aws.faults.add({ match: { operation: 'DeleteParameters' }, fault: { kind: 'deny' }, times: 20 });

    const { Status, Reason } = await send({ RequestType: 'Delete', ...claim(), PhysicalResourceId: TOKEN });

    expect([Status, pauses]).toEqual(['FAILED', 19]);
    expect(Reason).toContain('ssm:DeleteParameters');
  });
});

describe('the first mint', () => {
  const denied = (times: number) =>
    account.aws.faults.add({ match: { operation: 'Invoke' }, fault: { kind: 'deny' }, times });
  const failing = (errorType: string, errorMessage: string, times = 99) => {
    refresher = () => (times-- > 0 ? { failure: { errorType, errorMessage } } : REFRESHED);
  };
  const THROTTLED = 'ssm:PutParameter on /ci/genesys/access-token failed: TooManyUpdates. Try again.';
  const DENIED = 'ssm:GetParameters failed: AccessDeniedException (no)';

  // A policy takes some seconds to propagate. Any other failure is left to the next invocation.
  test.each<[string, () => unknown, number]>([
    ['invokes the refresher once', () => {}, 1],
    ['is tried again while Invoke is denied', () => denied(3), 4],
    ['is tried again where a write is throttled', () => failing('PARAMETER_NOT_WRITTEN', THROTTLED, 3), 4],
    ['is tried again where a read is denied', () => failing('PARAMETER_UNAVAILABLE', DENIED, 3), 4],
    ['gives up after a minute of denials', () => denied(100), 20],
    ['that fails is not tried again', () => failing('SECRET_MALFORMED', 'x'.repeat(10_000)), 1],
  ])('%s, and the deployment succeeds', async (_case, arrange, invocations) => {
    arrange();

    const answer = await send({ RequestType: 'Create', ...mint() });

    expect(answer.Status).toBe('SUCCESS');
    expect([countInvocations(), pauses]).toEqual([invocations, invocations - 1]);
    expect(JSON.stringify(answer).length).toBeLessThan(500);
  });

  const status = (encryptionKey: string | null | undefined, minutesLeft: number) => {
    const at = (age: number) => new Date(Date.now() + (age + minutesLeft - 60) * 60_000).toISOString();
    const times = { issuedAt: at(0), refreshDueAt: at(50), expiresAt: at(60) };
    const token = { tokenVersion: 3, fingerprint: '9f86d081884c', provider: 'oauth2', encryptionKey };
    return { schemaVersion: 1, ...token, ...times };
  };
  const LIVE = status(KEY, 60);
  const DEAD = status(null, -1);
  const OLD_KEY = status(null, 60);
  const OLDER = status(undefined, 60);
  const OLD_PLACE = '/old/genesys/token-status';
  const DOWN = 'TOKEN_ENDPOINT_UNAVAILABLE';
  const moved = { StatusParameter: OLD_PLACE };
  const secret = { Secret: 'another' };

  // `before`: what the stack had instead of a place, a key and a secret. `there`: the status at the old place.
  type Statuses = { readonly here?: object; readonly there?: object };
  test.each<[string, object, Statuses, string, kept?: string | undefined, key?: string]>([
    ['another key', { EncryptionKey: '' }, { here: OLD_KEY }, DOWN, 'reader can still decrypt the token'],
    ['AWS’s key again', { EncryptionKey: KEY }, { here: LIVE }, DOWN, 'reader can still decrypt', ''],
    ['a key in a rollback', { EncryptionKey: '' }, { here: LIVE }, DOWN],
    ['AWS’s key in a rollback', { EncryptionKey: KEY }, { here: OLD_KEY }, DOWN, undefined, ''],
    ['a key with a dead token', { EncryptionKey: '' }, { here: DEAD }, DOWN],
    ['a key with an older status', { EncryptionKey: '' }, { here: OLDER }, DOWN],
    ['nothing', {}, { here: OLD_KEY }, DOWN],
    ['the place', moved, { there: LIVE }, DOWN, 'the token that readers use now is not deleted'],
    ['the place, with a dead token at both', moved, { here: DEAD, there: DEAD }, DOWN],
    ['the place in a rollback', moved, { here: LIVE }, DOWN],
    ['place and key', { ...moved, EncryptionKey: '' }, { there: OLD_KEY }, DOWN, 'not deleted'],
    ['the secret, which has no value', secret, { here: LIVE }, 'SECRET_UNAVAILABLE', 'stays in use'],
    ['the secret, which is no JSON', secret, { here: LIVE }, 'SECRET_MALFORMED', 'secret with a value'],
    ['the secret, and nothing is lost', secret, { here: DEAD }, 'SECRET_UNAVAILABLE'],
    ['the secret, which the server refuses', secret, { here: LIVE }, 'TOKEN_REJECTED'],
  ])(
    'that fails after an update of %s fails the deployment only where readers lose a live token',
    async (_case, before, { here, there }, code, kept, key = KEY) => {
      failing(code, '');
      if (here !== undefined) put(STATUS, JSON.stringify(here));
      if (there !== undefined) put(OLD_PLACE, JSON.stringify(there));
      const id = { PhysicalResourceId: 'first-mint-abc' };
      const now = mint(key);
      const OldResourceProperties = { ...now.ResourceProperties, ...before };
      const event = { RequestType: 'Update', ...now, OldResourceProperties, ...id } as const;

      const answer = await send(event);

      // The same id as before: CloudFormation replaces nothing.
      expect(answer).toMatchObject({ Status: kept === undefined ? 'SUCCESS' : 'FAILED', ...id });
      if (kept === undefined) return;
      expect(answer.Reason).toContain(`minting failed with ${code}`);
      expect(answer.Reason).toContain(kept);
      // A rollback that failed so is continued once a token can be minted, also if the function still has the settings that are taken back.
      refresher = () => REFRESHED;
      expect((await send(event)).Status).toBe('SUCCESS');
    },
  );

  test('does nothing when it is removed from the stack', async () => {
    await send({ RequestType: 'Delete', ...mint(), PhysicalResourceId: 'first-mint-abc' });

    expect(countInvocations()).toBe(0);
  });
});

test.each([
  ['\u0000', 165],
  ['👾', 248],
])('a reason of many %j is cut to what CloudFormation takes', async (character, expected) => {
  const ResourceType = `Custom::${character.repeat(5_000)}`;

  const { Status, Reason } = await send({ RequestType: 'Create', ResourceType, ResourceProperties: {} });

  expect([Status, Reason]).toEqual(['FAILED', `Custom::${character.repeat(expected)}`]);
  expect(Buffer.byteLength(cloudFormation.requests.at(-1)?.body ?? '')).toBeLessThan(4_096);
});

test('an answer that CloudFormation does not accept is sent again, twice', async () => {
  refusals = 2;
  await send({ RequestType: 'Create', ...claim() });
  expect(cloudFormation.requests).toHaveLength(3);

  refusals = 3;
  await expect(send({ RequestType: 'Create', ...claim() })).rejects.toThrow('503');
});

function claim(Adopt: 'true' | 'false' = 'false') {
  const ResourceProperties = { TokenParameter: TOKEN, StatusParameter: STATUS, Adopt };
  return { ResourceType: 'Custom::TokenParameters', ResourceProperties };
}

function mint(EncryptionKey = '') {
  const names = { FunctionName: FUNCTION, StatusParameter: STATUS };
  return {
    ResourceType: 'Custom::FirstMint',
    ResourceProperties: { ...names, EncryptionKey, Secret: 'genesys/ci-client', Configuration: 'abc' },
  };
}

/** Sends an event to the function, and returns its answer to CloudFormation. */
async function send(event: Partial<CloudFormationEvent>) {
  const pause = async () => {
    pauses += 1;
  };
  const client = account.clientOptions(account.administrator);
  const clients = { ssm: new SSMClient(client), lambda: new LambdaClient(client), pause };
  await createHandler(clients)({
    ResponseURL: `http://127.0.0.1:${cloudFormation.port}/answer`,
    StackId: 'arn:aws:cloudformation:eu-central-1:111122223333:stack/TokenRefresher/0',
    RequestId: 'request',
    LogicalResourceId: 'resource',
    ...event,
  } as CloudFormationEvent);
  const answer: { Status: string; PhysicalResourceId: string; Reason?: string } = JSON.parse(
    cloudFormation.requests.at(-1)?.body ?? '',
  );
  return answer;
}

function put(Name: string, Value = 'somebody’s'): void {
  account.administer('PutParameter', { Name, Value, Type: 'String', Overwrite: true });
}

/** Which of the two parameters exist. */
function stored(): string[] {
  return [TOKEN, STATUS].filter((name) => account.aws.ssm.parameters.get(name) !== undefined);
}

function countInvocations(): number {
  return account.aws.requests.filter(({ operation }) => operation === 'Invoke').length;
}

import { LambdaClient } from '@aws-sdk/client-lambda';
import { GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { CloudFormationEvent } from '../../../lambda/deployment/cloudformation.ts';
import { createHandler } from '../../../lambda/deployment/handler.ts';
import { type AwsEndpoint, startAwsEndpoint } from '../../../local/aws/endpoint.ts';
import { type Recorder, startRecorder } from '../../support/recorder.ts';

const TOKEN = '/ci/genesys/access-token';
const STATUS = '/ci/genesys/token-status';
const PARAMETERS = { TokenParameter: TOKEN, StatusParameter: STATUS };
const KEY = 'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555';
const FUNCTION = 'token-refresher-ci-genesys';

let aws: AwsEndpoint;
let cloudFormation: Recorder;
let ssm: SSMClient;
let lambda: LambdaClient;
let pauses: number;
let refresher: () => unknown;

beforeEach(async () => {
  aws = await startAwsEndpoint({ region: 'eu-central-1', accountId: '111122223333' });
  cloudFormation = await startRecorder(() => ({ status: 200, body: '' }));
  const client = { region: aws.region, endpoint: aws.url, credentials: aws.iam.registerAdministrator() };
  ssm = new SSMClient(client);
  lambda = new LambdaClient(client);
  pauses = 0;
  refresher = () => ({ payload: { outcome: 'refreshed' } });
  aws.registerFunction({ name: FUNCTION, invoke: async () => refresher() as never });
});

afterEach(async () => {
  ssm.destroy();
  lambda.destroy();
  await Promise.all([aws.close(), cloudFormation.close()]);
});

describe('the token’s two parameters', () => {
  test('a first deployment that finds none owns them, and deletes them with the stack', async () => {
    const created = await send({ RequestType: 'Create', ...claim() });
    await put(TOKEN);
    await put(STATUS);

    const deleted = await send({
      RequestType: 'Delete',
      ...claim(),
      PhysicalResourceId: created.PhysicalResourceId,
    });

    expect(created).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: TOKEN });
    expect(deleted).toMatchObject({ Status: 'SUCCESS' });
    expect(await stored()).toEqual([]);
  });

  test.each([[[TOKEN]], [[STATUS]], [[TOKEN, STATUS]]])(
    'a first deployment that finds %j fails, says what to do, and its rollback deletes nothing',
    async (names) => {
      for (const name of names) await put(name);

      const created = await send({ RequestType: 'Create', ...claim() });
      const rolledBack = await send({
        RequestType: 'Delete',
        ...claim(),
        PhysicalResourceId: created.PhysicalResourceId,
      });

      expect(created.Status).toBe('FAILED');
      expect(created.Reason).toContain(`already has ${names.join(' and ')}`);
      expect(created.Reason).toContain('"adoptParameters": true');
      expect(rolledBack.Status).toBe('SUCCESS');
      expect(await stored()).toEqual(names);
    },
  );

  test.each([[[TOKEN]], [[STATUS]], [[TOKEN, STATUS]]])(
    'existing %j are adopted where that is asked for, and never deleted',
    async (names) => {
      for (const name of names) await put(name);

      const created = await send({ RequestType: 'Create', ...claim('true') });
      const { PhysicalResourceId } = created;
      const updated = await send({ RequestType: 'Update', ...claim('false'), PhysicalResourceId });
      await send({ RequestType: 'Delete', ...claim('false'), PhysicalResourceId });

      expect(created.Status).toBe('SUCCESS');
      expect(updated.PhysicalResourceId).toBe(PhysicalResourceId);
      expect(await stored()).toEqual(names);
    },
  );

  test.each([
    [TOKEN, STATUS],
    [STATUS, TOKEN],
  ])('where only %s was adopted, %s is deleted with the stack', async (adopted, own) => {
    await put(adopted);
    const { PhysicalResourceId } = await send({ RequestType: 'Create', ...claim('true') });
    await put(own);

    await send({ RequestType: 'Delete', ...claim('true'), PhysicalResourceId });

    expect(await stored()).toEqual([adopted]);
  });

  test('a stack that adopted both before keeps both', async () => {
    await put(TOKEN);
    await put(STATUS);

    await send({ RequestType: 'Delete', ...claim('true'), PhysicalResourceId: `adopted:${TOKEN}` });

    expect(await stored()).toEqual([TOKEN, STATUS]);
  });

  test('an upgrade from the first release checks nothing: the parameters are the stack’s own', async () => {
    await put(TOKEN);
    await put(STATUS);

    const updated = await send({
      RequestType: 'Update',
      ...claim(),
      PhysicalResourceId: TOKEN,
      OldResourceProperties: RELEASED,
    });

    expect(updated).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: TOKEN });
  });

  test('a resource of the first release deletes its parameters when it is removed from the stack', async () => {
    await put(TOKEN);
    await put(STATUS);

    const resource = { ...claim(), ResourceProperties: RELEASED };
    await send({ RequestType: 'Delete', ...resource, PhysicalResourceId: TOKEN });

    expect(await stored()).toEqual([]);
  });

  test('are looked for again until a new policy is in force', async () => {
    aws.faults.add({ match: { operation: 'GetParameters' }, fault: { kind: 'deny' }, times: 2 });

    const created = await send({ RequestType: 'Create', ...claim() });

    expect(created.Status).toBe('SUCCESS');
    expect(pauses).toBe(2);
  });

  test('a deletion that Parameter Store denies fails, and says so', async () => {
    await put(TOKEN);
    aws.faults.add({ match: { operation: 'DeleteParameters' }, fault: { kind: 'deny' } });

    const deleted = await send({ RequestType: 'Delete', ...claim(), PhysicalResourceId: TOKEN });

    expect(deleted.Status).toBe('FAILED');
    expect(deleted.Reason).toContain('ssm:DeleteParameters');
  });
});

describe('the first mint', () => {
  test('invokes the refresher once', async () => {
    const answer = await send({ RequestType: 'Create', ...mint() });

    expect(answer.Status).toBe('SUCCESS');
    expect(invocations()).toBe(1);
  });

  test.each([
    [
      'Invoke is denied',
      () => aws.faults.add({ match: { operation: 'Invoke' }, fault: { kind: 'deny' }, times: 3 }),
    ],
    [
      'the refresher’s own role is denied',
      () => {
        let calls = 0;
        const errorMessage = 'Parameter Store refused: AccessDeniedException (not authorized)';
        refresher = () =>
          ++calls <= 3
            ? { failure: { errorType: 'PARAMETER_UNAVAILABLE', errorMessage } }
            : { payload: { outcome: 'refreshed' } };
      },
    ],
  ])('is tried again while %s, as new policies take some seconds', async (_, arrange) => {
    arrange();

    const answer = await send({ RequestType: 'Create', ...mint() });

    expect(answer.Status).toBe('SUCCESS');
    expect(pauses).toBe(3);
  });

  test('gives up after a minute of denials, and leaves it to the next invocation', async () => {
    aws.faults.add({ match: { operation: 'Invoke' }, fault: { kind: 'deny' } });

    const answer = await send({ RequestType: 'Create', ...mint() });

    expect(answer.Status).toBe('SUCCESS');
    expect(pauses).toBe(19);
  });

  test('that fails does not fail the deployment, and is not tried again', async () => {
    refresher = () => ({ failure: { errorType: 'SECRET_MALFORMED', errorMessage: 'x'.repeat(10_000) } });

    const answer = await send({ RequestType: 'Create', ...mint() });

    expect(answer.Status).toBe('SUCCESS');
    expect(JSON.stringify(answer).length).toBeLessThan(500);
    expect(pauses).toBe(0);
  });

  test.each([
    ['another key', '', KEY],
    ['AWS’s key again', KEY, ''],
  ])('that could not encrypt the stored token with %s fails the deployment', async (_, before, after) => {
    refresher = () => ({ failure: { errorType: 'TOKEN_ENDPOINT_UNAVAILABLE', errorMessage: '' } });
    await put(STATUS, JSON.stringify({ tokenVersion: 3, encryptionKey: before || null }));

    const answer = await send(changeOfKey(before, after));

    expect(answer.Status).toBe('FAILED');
    expect(answer.Reason).toContain('TOKEN_ENDPOINT_UNAVAILABLE');
    expect(answer.Reason).toContain('every reader can still decrypt the token');
  });

  test.each([
    ['the stored token has the new key already, as in a rollback', { tokenVersion: 3, encryptionKey: KEY }],
    ['no token is stored', { tokenVersion: null, encryptionKey: null }],
    ['the status is older and does not tell', { tokenVersion: 3 }],
  ])('that fails after a change of the key fails nothing where %s', async (_, status) => {
    refresher = () => ({ failure: { errorType: 'TOKEN_ENDPOINT_UNAVAILABLE', errorMessage: '' } });
    await put(STATUS, JSON.stringify(status));

    const answer = await send(changeOfKey('', KEY));

    expect(answer.Status).toBe('SUCCESS');
  });

  test('keeps the physical id of an earlier release, so that CloudFormation replaces nothing', async () => {
    const answer = await send({ RequestType: 'Update', ...mint(), PhysicalResourceId: 'first-mint-abc' });

    expect(answer.PhysicalResourceId).toBe('first-mint-abc');
  });

  test('does nothing when it is removed from the stack', async () => {
    await send({ RequestType: 'Delete', ...mint(), PhysicalResourceId: 'first-mint-abc' });

    expect(invocations()).toBe(0);
  });
});

test('an unknown resource type is answered as failed', async () => {
  const answer = await send({ RequestType: 'Create', ResourceType: 'Custom::Other', ResourceProperties: {} });

  expect(answer).toMatchObject({ Status: 'FAILED', Reason: expect.stringContaining('Custom::Other') });
});

const RELEASED = {
  Delete: JSON.stringify({
    service: 'SSM',
    action: 'DeleteParameters',
    parameters: { Names: [TOKEN, STATUS] },
    physicalResourceId: { id: TOKEN },
  }),
};

function claim(Adopt: 'true' | 'false' = 'false') {
  return { ResourceType: 'Custom::TokenParameters', ResourceProperties: { ...PARAMETERS, Adopt } };
}

function mint(EncryptionKey = '') {
  const ResourceProperties = {
    FunctionName: FUNCTION,
    StatusParameter: STATUS,
    EncryptionKey,
    Configuration: 'abc',
  };
  return { ResourceType: 'Custom::FirstMint', ResourceProperties };
}

function changeOfKey(before: string, after: string) {
  return {
    RequestType: 'Update' as const,
    ...mint(after),
    PhysicalResourceId: 'first-mint-abc',
    OldResourceProperties: mint(before).ResourceProperties,
  };
}

interface Answer {
  readonly Status: 'SUCCESS' | 'FAILED';
  readonly PhysicalResourceId: string;
  readonly Reason?: string;
}

/** Sends an event to the function, and returns what it answered CloudFormation. */
async function send(
  event: Pick<CloudFormationEvent, 'RequestType' | 'ResourceType' | 'ResourceProperties'> &
    Partial<CloudFormationEvent>,
): Promise<Answer> {
  const handler = createHandler({
    ssm,
    lambda,
    pause: async () => {
      pauses += 1;
    },
  });
  await handler({
    ResponseURL: `http://127.0.0.1:${cloudFormation.port}/answer`,
    StackId: 'arn:aws:cloudformation:eu-central-1:111122223333:stack/TokenRefresher/0',
    RequestId: 'request',
    LogicalResourceId: 'resource',
    ...event,
  });
  return JSON.parse(cloudFormation.requests.at(-1)?.body ?? '');
}

async function put(name: string, value = 'somebody’s'): Promise<void> {
  await ssm.send(new PutParameterCommand({ Name: name, Value: value, Type: 'String', Overwrite: true }));
}

/** Which of the two parameters exist. */
async function stored(): Promise<string[]> {
  const found = [TOKEN, STATUS].map((Name) =>
    ssm.send(new GetParameterCommand({ Name })).then(
      () => [Name],
      () => [],
    ),
  );
  return (await Promise.all(found)).flat();
}

function invocations(): number {
  return aws.requests.filter(({ operation }) => operation === 'Invoke').length;
}

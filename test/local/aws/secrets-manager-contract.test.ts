import assert from 'node:assert/strict';
import {
  CreateSecretCommand,
  type CreateSecretCommandInput,
  DescribeSecretCommand,
  GetSecretValueCommand,
  type GetSecretValueCommandInput,
  PutSecretValueCommand,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { uniqueName, useContract } from './contract.ts';

type Client = SecretsManagerClient;

const create = (client: Client, input: Partial<CreateSecretCommandInput> = { SecretString: 'one' }) =>
  client.send(new CreateSecretCommand({ Name: uniqueName('contract'), ...input }));
const read = (
  client: Client,
  SecretId: string | undefined,
  input: Partial<GetSecretValueCommandInput> = {},
) => client.send(new GetSecretValueCommand({ SecretId, ...input }));
const putValue = (
  client: Client,
  SecretId: string | undefined,
  SecretString: string,
  VersionStages?: string[],
) =>
  client.send(
    new PutSecretValueCommand({ SecretId, SecretString, ...(VersionStages ? { VersionStages } : {}) }),
  );
const stagesOf = async (client: Client, SecretId: string | undefined) =>
  (await client.send(new DescribeSecretCommand({ SecretId }))).VersionIdsToStages;
const refuses = (promise: Promise<unknown>, name: string, message?: RegExp) =>
  assert.rejects(promise, message ? { name, message } : { name });

/** What Secrets Manager does according to its documentation. */
const behaves = useContract();

behaves('a secret is read by name, by ARN, and by ARN without the random suffix', async ({ secrets }) => {
  const { Name = '', ARN = '', VersionId } = await create(secrets);

  assert.match(ARN, new RegExp(`:secret:${Name}-[A-Za-z0-9]{6}$`));
  for (const id of [Name, ARN, ARN.slice(0, -7)]) {
    const value = await read(secrets, id);
    assert.deepEqual(
      [value.SecretString, value.VersionId, value.VersionStages],
      ['one', VersionId, ['AWSCURRENT']],
    );
  }
});

behaves(
  'a stage that no version has is ResourceNotFoundException, and the message names it',
  async ({ secrets }) => {
    const { ARN } = await create(secrets);

    await refuses(
      read(secrets, ARN, { VersionStage: 'AWSPENDING' }),
      'ResourceNotFoundException',
      /can't find the specified secret value for staging label: AWSPENDING/,
    );
  },
);

behaves(
  'a secret without a value has no AWSCURRENT; its first value gets it',
  async ({ secrets }) => {
    const { ARN } = await create(secrets, {});

    await refuses(read(secrets, ARN), 'ResourceNotFoundException', /staging label: AWSCURRENT/);
    await putValue(secrets, ARN, 'first', ['AWSPENDING']);
    assert.equal((await read(secrets, ARN)).SecretString, 'first');
  },
  'it has an empty value',
);

behaves(
  'PutSecretValue moves AWSCURRENT, and AWSPREVIOUS follows; older versions lose their labels',
  async ({ secrets }) => {
    const { ARN, VersionId: first = '' } = await create(secrets);

    const { VersionId: second = '' } = await putValue(secrets, ARN, 'two');

    assert.equal((await read(secrets, ARN)).SecretString, 'two');
    assert.equal((await read(secrets, ARN, { VersionStage: 'AWSPREVIOUS' })).SecretString, 'one');
    assert.deepEqual(await stagesOf(secrets, ARN), { [first]: ['AWSPREVIOUS'], [second]: ['AWSCURRENT'] });
    const { VersionId: third = '' } = await putValue(secrets, ARN, 'three');
    assert.deepEqual(await stagesOf(secrets, ARN), { [second]: ['AWSPREVIOUS'], [third]: ['AWSCURRENT'] });
  },
);

behaves('a pending version stays aside until AWSCURRENT is moved to it', async ({ secrets }) => {
  const { ARN, VersionId: first = '' } = await create(secrets);

  const { VersionId: second = '' } = await putValue(secrets, ARN, 'two', ['AWSPENDING']);

  assert.equal((await read(secrets, ARN)).SecretString, 'one');
  assert.equal((await read(secrets, ARN, { VersionStage: 'AWSPENDING' })).SecretString, 'two');
  await secrets.send(
    new UpdateSecretVersionStageCommand({
      SecretId: ARN,
      VersionStage: 'AWSCURRENT',
      MoveToVersionId: second,
      RemoveFromVersionId: first,
    }),
  );
  const stages = await stagesOf(secrets, ARN);
  assert.deepEqual(stages?.[first], ['AWSPREVIOUS']);
  assert.deepEqual([...(stages?.[second] ?? [])].sort(), ['AWSCURRENT', 'AWSPENDING']);
});

behaves('AWSCURRENT is moved only by naming the version it leaves', async ({ secrets }) => {
  const { ARN } = await create(secrets);
  const { VersionId: second } = await putValue(secrets, ARN, 'two', ['AWSPENDING']);

  await refuses(
    secrets.send(
      new UpdateSecretVersionStageCommand({
        SecretId: ARN,
        VersionStage: 'AWSCURRENT',
        MoveToVersionId: second,
      }),
    ),
    'InvalidParameterException',
    /RemoveFromVersionId/,
  );
  assert.equal((await read(secrets, ARN)).SecretString, 'one');
});

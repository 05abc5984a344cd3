import assert from 'node:assert/strict';
import {
  DeleteParameterCommand,
  GetParameterCommand,
  GetParametersCommand,
  PutParameterCommand,
  type PutParameterCommandInput,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import { uniqueName, useContract } from './contract.ts';

type Put = Partial<PutParameterCommandInput> & { Name: string };

const put = (ssm: SSMClient, input: Put) =>
  ssm.send(new PutParameterCommand({ Value: 'value', Type: 'String', ...input }));
const update = (ssm: SSMClient, input: Put) =>
  ssm.send(new PutParameterCommand({ Value: 'value', Overwrite: true, ...input }));
const get = (ssm: SSMClient, Name: string, WithDecryption = false) =>
  ssm.send(new GetParameterCommand({ Name, WithDecryption })).then(({ Parameter }) => Parameter ?? {});
const refuses = (promise: Promise<unknown>, name: string, message?: RegExp) =>
  assert.rejects(promise, message ? { name, message } : { name });

/** What Parameter Store does according to its documentation. */
const behaves = useContract();

behaves(
  'a SecureString reads as ciphertext without decryption and as its value with it',
  async ({ ssm, Name }) => {
    await put(ssm, { Name, Value: 'canary-plaintext', Type: 'SecureString' });

    assert.ok(!(await get(ssm, Name)).Value?.includes('canary-plaintext'));
    assert.equal((await get(ssm, Name, true)).Value, 'canary-plaintext');
  },
);

behaves('an existing parameter is not replaced without Overwrite', async ({ ssm, Name }) => {
  await put(ssm, { Name, Value: 'first' });

  await refuses(put(ssm, { Name, Value: 'second' }), 'ParameterAlreadyExists', /set the overwrite option/);
  assert.equal((await get(ssm, Name)).Value, 'first');
});

behaves(
  'Intelligent-Tiering chooses advanced above 4,096 bytes, never goes back, and ends at 8,192',
  async ({ ssm, Name }) => {
    const Tier = 'Intelligent-Tiering';

    assert.equal((await put(ssm, { Name, Tier, Value: 'x'.repeat(4096) })).Tier, 'Standard');
    assert.equal((await update(ssm, { Name, Tier, Value: 'ü'.repeat(4096) })).Tier, 'Advanced');
    assert.equal((await update(ssm, { Name, Tier, Value: 'x' })).Tier, 'Advanced');
    await refuses(update(ssm, { Name, Tier, Value: 'x'.repeat(8193) }), 'ValidationException', /8192/);
  },
  'the tier is kept as asked for',
);

behaves('GetParameters answers what it finds, one version too, and names the rest', async ({ ssm, Name }) => {
  const missing = uniqueName();
  await put(ssm, { Name, Type: 'SecureString', Value: 'old' });
  await update(ssm, { Name, Type: 'SecureString', Value: 'plain' });
  const read = (Names: string[]) => ssm.send(new GetParametersCommand({ Names, WithDecryption: true }));

  const answer = await read([Name, missing, `${Name}:9`]);

  assert.deepEqual(
    answer.Parameters?.map((parameter) => [parameter.Name, parameter.Value]),
    [[Name, 'plain']],
  );
  assert.deepEqual(answer.InvalidParameters?.toSorted(), [missing, `${Name}:9`].toSorted());
  const { Parameters: [one] = [] } = await read([`${Name}:1`]);
  assert.deepEqual([one?.Name, one?.Value], [Name, 'old']);
});

behaves(
  'a key that is not there is InvalidKeyId',
  ({ ssm, Name }) =>
    refuses(put(ssm, { Name, Type: 'SecureString', KeyId: 'alias/not-there' }), 'InvalidKeyId'),
  'keys of parameters are not looked up',
);

behaves('a deleted parameter is gone, and starts again at version 1', async ({ ssm, Name }) => {
  await put(ssm, { Name });
  await update(ssm, { Name });
  await ssm.send(new DeleteParameterCommand({ Name }));

  await refuses(get(ssm, Name), 'ParameterNotFound');
  await refuses(ssm.send(new DeleteParameterCommand({ Name })), 'ParameterNotFound');
  assert.equal((await put(ssm, { Name })).Version, 1);
});

behaves('tags are never set together with Overwrite', ({ ssm, Name }) =>
  refuses(
    update(ssm, { Name, Type: 'String', Tags: [{ Key: 'a', Value: '1' }] }),
    'ValidationException',
    /tags and overwrite/,
  ),
);

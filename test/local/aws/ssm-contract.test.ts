import assert from 'node:assert/strict';
import {
  DeleteParameterCommand,
  GetParameterCommand,
  GetParametersCommand,
  LabelParameterVersionCommand,
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
  'a new parameter is version 1 in the standard tier and reads back with ARN, type and date',
  async ({ ssm, Name }) => {
    const stored = await put(ssm, { Name, Value: 'one' });

    assert.deepEqual([stored.Version, stored.Tier], [1, 'Standard']);
    const read = await get(ssm, Name);
    assert.deepEqual([read.Name, read.Value, read.Type, read.Version], [Name, 'one', 'String', 1]);
    assert.match(read.ARN ?? '', new RegExp(`^arn:aws:ssm:eu-central-1:\\d{12}:parameter${Name}$`));
    assert.ok(Math.abs((read.LastModifiedDate?.getTime() ?? 0) - Date.now()) < 3_600_000);
  },
);

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

behaves('the standard tier takes 4,096 bytes and not one more', async ({ ssm, Name }) => {
  await put(ssm, { Name, Value: 'x'.repeat(4096) });

  await refuses(update(ssm, { Name, Value: 'x'.repeat(4097) }), 'ValidationException', /maximum .* of 4096/);
  await refuses(put(ssm, { Name: uniqueName(), Value: 'ü'.repeat(2049) }), 'ValidationException', /4096/);
  assert.equal((await get(ssm, Name)).Version, 1);
});

behaves(
  'Intelligent-Tiering chooses advanced above 4,096 bytes and never goes back',
  async ({ ssm, Name }) => {
    const Tier = 'Intelligent-Tiering';

    assert.equal((await put(ssm, { Name, Tier, Value: 'x'.repeat(4096) })).Tier, 'Standard');
    assert.equal((await update(ssm, { Name, Tier, Value: 'x'.repeat(4097) })).Tier, 'Advanced');
    assert.equal((await update(ssm, { Name, Tier, Value: 'x' })).Tier, 'Advanced');
  },
);

behaves('the advanced tier takes 8,192 bytes and not one more', async ({ ssm, Name }) => {
  await put(ssm, { Name, Tier: 'Advanced', Value: 'x'.repeat(8192) });

  for (const Tier of ['Advanced', 'Intelligent-Tiering'] as const) {
    await refuses(update(ssm, { Name, Tier, Value: 'x'.repeat(8193) }), 'ValidationException', /8192/);
  }
});

behaves('100 versions are kept; the oldest goes when one more comes', async ({ ssm, Name }) => {
  await put(ssm, { Name, Value: 'v1' });

  for (let version = 2; version <= 101; version += 1) await update(ssm, { Name, Value: `v${version}` });
  await refuses(get(ssm, `${Name}:1`), 'ParameterVersionNotFound');
  assert.equal((await get(ssm, `${Name}:2`)).Value, 'v2');
  assert.equal((await get(ssm, Name)).Version, 101);
});

behaves('a label on the oldest of 100 versions blocks the next one', async ({ ssm, Name }) => {
  await put(ssm, { Name });
  await ssm.send(new LabelParameterVersionCommand({ Name, Labels: ['keep'], ParameterVersion: 1 }));

  for (let version = 2; version <= 100; version += 1) await update(ssm, { Name });
  await refuses(update(ssm, { Name }), 'ParameterMaxVersionLimitExceeded', /has a label associated with it/);
  assert.equal((await get(ssm, Name)).Version, 100);
});

behaves('a version is read by number and by label', async ({ ssm, Name }) => {
  await put(ssm, { Name, Value: 'old' });
  await update(ssm, { Name, Value: 'new' });
  await ssm.send(new LabelParameterVersionCommand({ Name, Labels: ['stable'], ParameterVersion: 1 }));

  for (const selector of [':1', ':stable']) {
    const read = await get(ssm, `${Name}${selector}`);
    assert.deepEqual([read.Name, read.Value], [Name, 'old']);
  }
});

behaves('a version that is not there is ParameterVersionNotFound', async ({ ssm, Name }) => {
  await put(ssm, { Name });

  await refuses(get(ssm, `${Name}:7`), 'ParameterVersionNotFound', /could not find version 7/);
});

behaves('GetParameters answers what it finds and names the rest, selectors too', async ({ ssm, Name }) => {
  const missing = uniqueName();
  await put(ssm, { Name, Type: 'SecureString', Value: 'plain' });
  const Names = [Name, missing, `${Name}:9`];
  const answer = await ssm.send(new GetParametersCommand({ Names, WithDecryption: true }));

  assert.deepEqual(
    answer.Parameters?.map((parameter) => [parameter.Name, parameter.Value]),
    [[Name, 'plain']],
  );
  assert.deepEqual([...(answer.InvalidParameters ?? [])].sort(), [missing, `${Name}:9`].sort());
});

behaves('GetParameters takes ten names and not eleven', async ({ ssm }) => {
  const Names = Array.from({ length: 11 }, () => uniqueName());
  await ssm.send(new GetParametersCommand({ Names: Names.slice(1) }));

  await refuses(
    ssm.send(new GetParametersCommand({ Names })),
    'ValidationException',
    /less than or equal to 10/,
  );
});

behaves('a key that is not there is InvalidKeyId', ({ ssm }) =>
  refuses(put(ssm, { Name: uniqueName(), Type: 'SecureString', KeyId: 'alias/not-there' }), 'InvalidKeyId'),
);

behaves('a deleted parameter is gone, and starts again at version 1', async ({ ssm, Name }) => {
  await put(ssm, { Name });
  await update(ssm, { Name });
  await ssm.send(new DeleteParameterCommand({ Name }));

  await refuses(get(ssm, Name), 'ParameterNotFound');
  await refuses(ssm.send(new DeleteParameterCommand({ Name })), 'ParameterNotFound');
  assert.equal((await put(ssm, { Name })).Version, 1);
});

behaves('tags are never set together with Overwrite', ({ ssm }) =>
  refuses(
    update(ssm, { Name: uniqueName(), Type: 'String', Tags: [{ Key: 'a', Value: '1' }] }),
    'ValidationException',
    /tags and overwrite/,
  ),
);

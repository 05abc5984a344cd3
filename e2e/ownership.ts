import assert from 'node:assert/strict';
import type { Aws } from './aws.ts';
import { createCdk } from './cdk.ts';
import { pathOf, type RunContext } from './context.ts';
import { deleteStack } from './destruction.ts';
import type { Tokens } from './first-deployment.ts';
import { readStored } from './stored-token.ts';

const VALUE = 'somebody-elses';

/** Deployments that find parameters that they did not create. */
export async function checkOwnership(context: RunContext, tokens: Tokens): Promise<void> {
  const { aws, cdk, steps } = context;
  const second = createCdk({ ...context, stackName: `${cdk.stackName}-second` });
  const foreign = { ...tokens.filled, name: 'foreign' };
  const name = `${pathOf(context, 'foreign')}/access-token`;
  await aws.call('ssm', 'put-parameter', '--name', name, '--type', 'String', '--value', VALUE);

  await steps.step('a first deployment that finds a parameter fails, and leaves it there', async () => {
    const { secretName: _, ...withSecretOfItsOwn } = foreign;
    const before = await secretNames(aws);
    await assert.rejects(second.deploy([withSecretOfItsOwn]), /already has/);
    assert.deepEqual(await secretNames(aws), before, 'a secret was left behind');
    await deleteStack({ aws, cdk: second });
    assert.equal(await readValue(aws, name), VALUE);
  });
  await steps.step(
    'a second stack with the same token fails, and leaves the first one’s token alone',
    async () => {
      const before = await readStored(aws, pathOf(context, 'filled'));
      await assert.rejects(second.deploy([tokens.filled]));
      await deleteStack({ aws, cdk: second });
      const after = await readStored(aws, pathOf(context, 'filled'));
      assert.ok(after.accessToken !== undefined && after.status !== undefined, 'the token is gone');
      assert.ok((after.version ?? 0) >= (before.version ?? 0));
    },
  );
  await steps.step('an adopted parameter is overwritten, and stays when the stack is deleted', async () => {
    await second.deploy([{ ...foreign, adoptParameters: true }]);
    assert.notEqual(await readValue(aws, name), VALUE);
    await deleteStack({ aws, cdk: second });
    assert.notEqual(await readValue(aws, name), undefined);
  });
  const names = [name, `${pathOf(context, 'foreign')}/token-status`];
  await aws.call('ssm', 'delete-parameters', '--names', ...names);
}

async function secretNames(aws: Aws): Promise<string[]> {
  const { SecretList } = await aws.call<{ SecretList: { Name: string }[] }>('secretsmanager', 'list-secrets');
  return SecretList.map(({ Name }) => Name).sort();
}

async function readValue(aws: Aws, name: string): Promise<string | undefined> {
  const { Parameters } = await aws.call<{ Parameters: { Value: string }[] }>(
    ...['ssm', 'get-parameters', '--names', name, '--with-decryption'],
  );
  return Parameters[0]?.Value;
}

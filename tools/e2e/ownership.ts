import assert from 'node:assert/strict';
import { createCdk } from './cdk.ts';
import { pathOf, type RunContext, type Tokens } from './context.ts';

const VALUE = 'somebody-elses';

/** Deployments that find parameters that they did not create. */
export async function checkOwnership(context: RunContext, tokens: Tokens): Promise<void> {
  const { account, cdk, commands, steps, target } = context;
  const second = createCdk(`${cdk.stackName}-second`, target, commands);
  const foreign = { ...tokens.filled, name: 'foreign' };
  const path = pathOf(context, 'foreign');
  const name = `${path}/access-token`;
  const readValue = async () => (await account.readParameters(name))[0]?.Value;
  await account.call('ssm', 'put-parameter', '--name', name, '--type', 'String', '--value', VALUE);

  await steps.step('a first deployment that finds a parameter fails, and leaves it there', async () => {
    const secretNames = () =>
      account.call('secretsmanager', 'list-secrets', '--query', 'sort(SecretList[].Name)');
    const { secretName: _, ...withSecretOfItsOwn } = foreign;
    const before = await secretNames();
    await assert.rejects(second.deploy([withSecretOfItsOwn]), /already has/);
    assert.deepEqual(await secretNames(), before, 'a secret was left behind');
    await account.deleteStack(second.stackName);
    assert.equal(await readValue(), VALUE);
  });
  await steps.step(
    'a second stack with the same token fails, and leaves the first one’s token alone',
    async () => {
      const before = await account.readStored(pathOf(context, 'filled'));
      await assert.rejects(second.deploy([tokens.filled]));
      await account.deleteStack(second.stackName);
      const after = await account.readStored(pathOf(context, 'filled'));
      assert.ok(after.accessToken !== undefined && after.status !== undefined, 'the token is gone');
      assert.ok((after.version ?? 0) >= (before.version ?? 0));
    },
  );
  await steps.step('an adopted parameter is overwritten, and stays when the stack is deleted', async () => {
    await second.deploy([{ ...foreign, adoptParameters: true }]);
    assert.notEqual(await readValue(), VALUE);
    await account.deleteStack(second.stackName);
    assert.notEqual(await readValue(), undefined);
  });
  await account.call('ssm', 'delete-parameters', '--names', name, `${path}/token-status`);
}

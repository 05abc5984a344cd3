import assert from 'node:assert/strict';
import { createCdk } from './cdk.ts';
import { expectToken, pathOf, type RunContext } from './context.ts';
import type { Tokens } from './first-stack.ts';
import { step } from './steps.ts';

const VALUE = 'somebody-elses';

/** Deployments that find parameters that they did not create. */
export async function checkOwnership(context: RunContext, tokens: Tokens): Promise<void> {
  const { account, cdk, commands, target } = context;
  const second = createCdk(`${cdk.stackName}-second`, target, commands);
  const foreign = { ...tokens.filled, name: 'foreign' };
  const path = pathOf(context, 'foreign');
  const name = `${path}/access-token`;
  const readValue = async () => (await account.readStored(path)).accessToken;
  await account.call('ssm', 'put-parameter', '--name', name, '--type', 'String', '--value', VALUE);

  await step('a first deployment that finds a parameter fails, and leaves it there', async () => {
    const secretNames = () =>
      account.call('secretsmanager', 'list-secrets', '--query', 'sort(SecretList[].Name)');
    const { secretName: _, ...withSecretOfItsOwn } = foreign;
    const before = await secretNames();
    await assert.rejects(second.deploy([withSecretOfItsOwn]), /already has/);
    assert.deepEqual(await secretNames(), before, 'a secret was left behind');
    await account.deleteStack(second.stackName);
    assert.equal(await readValue(), VALUE);
  });
  await step('a second stack with the same token fails, and leaves the first one’s token alone', async () => {
    const { version } = await expectToken(context, 'filled');
    await assert.rejects(second.deploy([tokens.filled]));
    await account.deleteStack(second.stackName);
    await expectToken(context, 'filled', { atLeast: version });
  });
  await step('an adopted parameter is overwritten, and stays when the stack is deleted', async () => {
    await second.deploy([{ ...foreign, adoptParameters: true }]);
    assert.notEqual(await readValue(), VALUE);
    await account.deleteStack(second.stackName);
    assert.notEqual(await readValue(), undefined);
  });
  await account.call('ssm', 'delete-parameters', '--names', name, `${path}/token-status`);
}

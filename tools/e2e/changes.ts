import assert from 'node:assert/strict';
import { isConsistent } from './account.ts';
import { pathOf, type RunContext, type Tokens } from './context.ts';
import { expectLive } from './mints.ts';

const SECRET_TYPE = 'AWS::SecretsManager::Secret';

/** Nothing changed, nothing to deploy. */
export async function checkUnchanged({ cdk, steps }: RunContext, tokens: Tokens): Promise<void> {
  await steps.step('cdk diff of an unchanged configuration is empty', async () => {
    const { status, stdout, stderr } = await cdk.diff(Object.values(tokens));
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout + stderr, /There were no differences/);
  });
}

/**
 * Deploys a changed configuration: an interval, a key (not on a real account, where it would stay for days), a token
 * with a new name. `filled` keeps its name, `outage` becomes `renamed`.
 */
export async function checkConfigurationChange(context: RunContext, tokens: Tokens): Promise<object[]> {
  const { account, cdk, server, steps, target } = context;
  const encryptionKeyArn = target.isEmulator ? await createKey(context) : undefined;
  const changed = [
    { ...tokens.filled, refreshInterval: 40, ...(encryptionKeyArn && { encryptionKeyArn }) },
    tokens.waiting,
    { ...tokens.outage, name: 'renamed', tokenUrl: server.tokenUrl },
  ];
  const path = pathOf(context, 'filled');
  const before = await account.readStored(path);
  await steps.step('cdk deploy of another interval, a key, a new name', () => cdk.deploy(changed));
  await steps.step('when it returns, a new token has the new interval and the new key', async () => {
    const { accessToken, status, version = 0 } = await account.readStored(path);
    const interval = Date.parse(status?.refreshDueAt ?? '') - Date.parse(status?.issuedAt ?? '');
    assert.equal(interval, 40 * 60_000);
    assert.ok(version > (before.version ?? 0), 'nothing was minted');
    if (encryptionKeyArn !== undefined) assert.equal(status?.encryptionKey, encryptionKeyArn);
    await expectLive(context, accessToken);
  });
  await steps.step('the old name left no parameter, the new name has a live token', async () => {
    const renamed = await account.readStored(pathOf(context, 'renamed'));
    assert.ok(isConsistent(renamed), 'no token under the new name');
    await expectLive(context, renamed.accessToken);
    const names = await account.parameterNames(context.names.prefix);
    const old = names.filter((name) => name.startsWith(`${pathOf(context, 'outage')}/`));
    assert.deepEqual([old, names.length], [[], 6], names.join(', '));
  });
  return changed;
}

export async function createKey({ account }: RunContext): Promise<string> {
  return (await account.call<{ KeyMetadata: { Arn: string } }>('kms', 'create-key')).KeyMetadata.Arn;
}

/** Destroys the stack, and checks what is left. */
export async function checkDestruction(context: RunContext, tokens: readonly object[]): Promise<void> {
  const { account, cdk, names, steps } = context;
  const [secret = '', ...others] = await createdSecrets(context, cdk.stackName);
  await steps.step('cdk destroy', async () => {
    const { status, stdout, stderr } = await cdk.destroy(tokens);
    assert.equal(status, 0, stdout + stderr);
    const isLeft = (await account.stacks()).some(({ StackName }) => StackName === cdk.stackName);
    assert.ok(!isLeft, 'the stack is still there');
  });
  await steps.step('no parameter is left', async () => {
    assert.deepEqual(await account.parameterNames(names.prefix), []);
  });
  await steps.step('the secret that the stack made is kept', async () => {
    assert.deepEqual(others, []);
    await account.call('secretsmanager', 'describe-secret', '--secret-id', secret);
    await account.deleteSecret(secret);
  });
}

/** The ids of the secrets that a stack made. */
async function createdSecrets({ account }: RunContext, stackName: string): Promise<string[]> {
  const resources = await account.stackResources(stackName);
  return resources
    .filter(({ ResourceType }) => ResourceType === SECRET_TYPE)
    .map(({ PhysicalResourceId }) => PhysicalResourceId);
}

/**
 * Removes from a real account what this run created. Each run has its own names, so that nothing else is removed.
 */
export async function cleanUp(context: RunContext): Promise<void> {
  const { account, cdk, names, steps } = context;
  const attempt = (what: string, work: () => Promise<unknown>) =>
    work().catch((error: Error) => steps.note(`not removed: ${what} (${error.message.split('\n').at(-1)})`));
  for (const { StackName: stackName } of await account.stacks()) {
    if (!stackName.startsWith(cdk.stackName)) continue;
    const secrets = await createdSecrets(context, stackName).catch(() => []);
    await attempt(stackName, () => account.deleteStack(stackName));
    for (const id of secrets) await attempt(id, () => account.deleteSecret(id));
  }
  for (const name of await account.parameterNames(names.prefix)) {
    await attempt(name, () => account.call('ssm', 'delete-parameter', '--name', name));
  }
  await attempt(names.secret, () => account.deleteSecret(names.secret));
  await attempt(names.role, () => account.call('iam', 'delete-role', '--role-name', names.role));
}

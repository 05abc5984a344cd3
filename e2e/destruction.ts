import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { parameterNames } from './changes.ts';
import type { RunContext } from './context.ts';
import { readTemplate, stackResources } from './deployed-stack.ts';
import { RELEASED } from './released-app.ts';

type Stack = Pick<RunContext, 'aws' | 'cdk'>;

/** Destroys the stack, and checks what is left. */
export async function checkDestruction(context: RunContext, tokens: readonly object[]): Promise<void> {
  const { aws, cdk, names, steps, target } = context;
  const [secret, ...others] = await createdSecrets(context);
  await steps.step('cdk destroy', async () => {
    const { status, stdout, stderr } = await cdk.destroy(tokens);
    const left = await stacks(context);
    if (status === 0 && !left.some(({ StackName }) => StackName === cdk.stackName)) return;
    if (!target.isEmulator) throw new Error(`cdk destroy ended with ${status}:\n${stdout}${stderr}`);
    steps.gap('cdk destroy looks the stack up by its ARN, which is not found; deleted by its name');
    await deleteStack(context);
  });
  await steps.step('no parameter is left', async () => {
    assert.deepEqual(await parameterNames(aws, names.prefix), []);
  });
  await steps.step('the secret that the stack made is kept', async () => {
    assert.deepEqual([secret?.deletionPolicy, others], ['RetainExceptOnCreate', []]);
    const id = secret?.id ?? '';
    const found = await aws
      .call('secretsmanager', 'describe-secret', '--secret-id', id)
      .catch(() => undefined);
    if (found !== undefined) return deleteSecret(context, id);
    assert.ok(target.isEmulator, 'it is gone');
    steps.gap('DeletionPolicy: RetainExceptOnCreate deletes; the template is checked instead');
  });
}

/** Deletes the stack by its name, and waits until it is gone. The AWS CLI's own `wait` looks every 30 seconds. */
export async function deleteStack(stack: Stack): Promise<void> {
  const { stackName } = stack.cdk;
  await stack.aws.call('cloudformation', 'delete-stack', '--stack-name', stackName);
  for (;;) {
    const status = (await stacks(stack)).find(({ StackName }) => StackName === stackName)?.StackStatus;
    if (status === undefined) return;
    if (status === 'DELETE_FAILED') throw new Error(`${stackName}: ${status}`);
    await delay(1000);
  }
}

async function stacks({ aws }: Stack): Promise<{ StackName: string; StackStatus: string }[]> {
  const { StackSummaries } = await aws.call<{
    StackSummaries: { StackName: string; StackStatus: string }[];
  }>('cloudformation', 'list-stacks');
  return StackSummaries.filter(({ StackStatus }) => StackStatus !== 'DELETE_COMPLETE');
}

async function createdSecrets(context: RunContext) {
  const template = await readTemplate(context);
  return (await stackResources(context))
    .filter(({ ResourceType }) => ResourceType === 'AWS::SecretsManager::Secret')
    .map(({ PhysicalResourceId: id, LogicalResourceId }) => ({
      id,
      deletionPolicy: template.Resources[LogicalResourceId]?.DeletionPolicy,
    }));
}

/** Deletes a secret at once. */
export async function deleteSecret({ aws }: RunContext, id: string): Promise<void> {
  await aws.call('secretsmanager', 'delete-secret', '--secret-id', id, '--force-delete-without-recovery');
}

/**
 * Removes what this run created, and the stacks of an interrupted run. Each run has its own names, but for the upgraded
 * stack, so that nothing else is removed. Not needed for an emulator that ends with the run.
 */
export async function cleanUp(context: RunContext): Promise<void> {
  const { aws, names, steps } = context;
  const attempt = (what: string, work: () => Promise<unknown>) =>
    work().catch((error: Error) => steps.note(`not removed: ${what} (${error.message.split('\n').at(-1)})`));
  for (const { StackName: stackName } of await stacks(context)) {
    if (!stackName.startsWith(context.cdk.stackName) && stackName !== RELEASED.stackName) continue;
    const one = { ...context, cdk: { ...context.cdk, stackName } };
    const secrets = await createdSecrets(one).catch(() => []);
    await attempt(stackName, () => deleteStack(one));
    for (const { id } of secrets) await attempt(id, () => deleteSecret(context, id));
  }
  for (const prefix of [names.prefix, RELEASED.token.prefix]) {
    for (const name of await parameterNames(aws, prefix)) {
      await attempt(name, () => aws.call('ssm', 'delete-parameter', '--name', name));
    }
  }
  await attempt(names.secret, () => deleteSecret(context, names.secret));
}

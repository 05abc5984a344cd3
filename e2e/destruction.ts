import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { parameterNames } from './changes.ts';
import { readTemplate, stackResources } from './deployed-stack.ts';
import type { E2eHarness } from './e2e-harness.ts';
import { RELEASED } from './released-app.ts';

/** Destroys the stack, and checks what is left. */
export async function checkDestruction(harness: E2eHarness, tokens: readonly object[]): Promise<void> {
  const { aws, names, steps, target } = harness;
  const secrets = await createdSecrets(harness);
  await steps.step('cdk destroy', () => destroy(harness, tokens));
  await steps.step('no parameter is left', async () => {
    assert.deepEqual(await parameterNames(aws, names.prefix), []);
  });
  await steps.step('the secret that the stack made is kept', async () => {
    assert.equal(secrets.length, 1);
    const [secret] = secrets;
    assert.equal(secret?.deletionPolicy, 'RetainExceptOnCreate');
    const isThere = await aws
      .call('secretsmanager', 'describe-secret', '--secret-id', secret?.id ?? '')
      .then(() => true)
      .catch(() => false);
    if (isThere) {
      await deleteSecret(harness, secret?.id ?? '');
      return;
    }
    assert.ok(target.isEmulator, 'it is gone');
    steps.gap('DeletionPolicy: RetainExceptOnCreate deletes; the template is checked instead');
  });
}

async function destroy(harness: E2eHarness, tokens: readonly object[]): Promise<void> {
  const { cdk, steps, target } = harness;
  const { status, stdout, stderr } = await cdk.destroy(tokens);
  if (status === 0 && !(await stackExists(harness))) return;
  if (!target.isEmulator) throw new Error(`cdk destroy ended with ${status}:\n${stdout}${stderr}`);
  steps.gap('cdk destroy looks the stack up by its ARN, which is not found; deleted by its name');
  await deleteStack(harness);
}

/** Deletes the stack by its name, and waits until it is gone. */
export async function deleteStack({ aws, cdk }: Pick<E2eHarness, 'aws' | 'cdk'>): Promise<void> {
  await aws.call('cloudformation', 'delete-stack', '--stack-name', cdk.stackName);
  // The AWS CLI's own `wait` looks every 30 seconds.
  for (;;) {
    const status = await stackStatus({ aws, cdk });
    if (status === undefined) return;
    if (status === 'DELETE_FAILED') throw new Error(`${cdk.stackName}: ${status}`);
    await delay(1000);
  }
}

/** The stack's status; undefined where there is no such stack. */
async function stackStatus({ aws, cdk }: Pick<E2eHarness, 'aws' | 'cdk'>): Promise<string | undefined> {
  try {
    const { Stacks } = await aws.call<{ Stacks: { StackStatus: string }[] }>(
      ...['cloudformation', 'describe-stacks', '--stack-name', cdk.stackName],
    );
    return Stacks[0]?.StackStatus;
  } catch (error) {
    if (String(error).includes('does not exist')) return undefined;
    throw error;
  }
}

async function stackExists(harness: E2eHarness): Promise<boolean> {
  return (await stacksOfRun(harness)).includes(harness.cdk.stackName);
}

/** Names of the stacks that this run made and that are there: the upgraded one, and those that begin with its first one's name. */
async function stacksOfRun({ aws, cdk }: E2eHarness): Promise<string[]> {
  const { StackSummaries } = await aws.call<{
    StackSummaries: { StackName: string; StackStatus: string }[];
  }>('cloudformation', 'list-stacks');
  return StackSummaries.filter(
    ({ StackName, StackStatus }) =>
      (StackName.startsWith(cdk.stackName) || StackName === RELEASED.stackName) &&
      StackStatus !== 'DELETE_COMPLETE',
  ).map(({ StackName }) => StackName);
}

async function createdSecrets(
  harness: E2eHarness,
): Promise<{ id: string; deletionPolicy: string | undefined }[]> {
  const template = await readTemplate(harness);
  return (await stackResources(harness))
    .filter(({ ResourceType }) => ResourceType === 'AWS::SecretsManager::Secret')
    .map(({ PhysicalResourceId: id, LogicalResourceId }) => ({
      id,
      deletionPolicy: template.Resources[LogicalResourceId]?.DeletionPolicy,
    }));
}

/** Deletes a secret at once. */
export function deleteSecret({ aws }: E2eHarness, id: string): Promise<unknown> {
  return aws.call('secretsmanager', 'delete-secret', '--secret-id', id, '--force-delete-without-recovery');
}

/**
 * Removes what this run created, and the stacks of an interrupted run. Each run has its own names, but for the upgraded
 * stack, so that nothing else is removed. Not needed for an emulator that ends with the run.
 */
export async function cleanUp(harness: E2eHarness): Promise<void> {
  const { aws, names, steps } = harness;
  const attempt = (what: string, work: () => Promise<unknown>) =>
    work().catch((error: Error) => steps.note(`not removed: ${what} (${error.message.split('\n').at(-1)})`));
  for (const stackName of await stacksOfRun(harness)) {
    const one = { ...harness, cdk: { ...harness.cdk, stackName } };
    const secrets = await createdSecrets(one).catch(() => []);
    await attempt(stackName, () => deleteStack(one));
    for (const { id } of secrets) await attempt(id, () => deleteSecret(harness, id));
  }
  for (const prefix of [names.prefix, RELEASED.token.prefix]) {
    for (const name of await parameterNames(aws, prefix)) {
      await attempt(name, () => aws.call('ssm', 'delete-parameter', '--name', name));
    }
  }
  await attempt(names.secret, () => deleteSecret(harness, names.secret));
  await attempt(names.readerRole, () => aws.call('iam', 'delete-role', '--role-name', names.readerRole));
}

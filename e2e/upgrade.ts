import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { createCdk } from './cdk.ts';
import type { RunContext } from './context.ts';
import { readTemplate, stackResources } from './deployed-stack.ts';
import { deleteSecret, deleteStack } from './destruction.ts';
import { openReleasedApp, RELEASED } from './released-app.ts';
import { readStored } from './stored-token.ts';

const SECRET_TYPE = 'AWS::SecretsManager::Secret';
const KEPT_TYPES = [SECRET_TYPE, 'AWS::Lambda::Function', 'AWS::Logs::LogGroup', 'AWS::Scheduler::Schedule'];

/** Deploys the released app as a stack of its own, and upgrades it to today's. */
export async function checkUpgrade(context: RunContext): Promise<void> {
  const { aws, steps, server, target } = context;
  const upgraded = createCdk({ ...context, stackName: RELEASED.stackName });
  const own = { ...context, cdk: upgraded };
  const token = { ...RELEASED.token, tokenUrl: server.tokenUrl };
  const path = `${token.prefix}/${token.name}`;
  const isReady = await steps.step(`cdk deploy of ${RELEASED.commit}, and its secret stored`, async () => {
    await upgraded.deploy([token], openReleasedApp());
    await aws.callWith(
      JSON.stringify(server.client),
      ...['secretsmanager', 'put-secret-value', '--secret-id', await secretOf(own)],
      ...['--secret-string', 'file:///dev/stdin'],
    );
    await aws.invoke(`token-refresher${path.split('/').join('-')}`, { force: true });
  });
  if (!isReady) return;
  const [resources, secret] = [await stackResources(own), await secretVersions(own)];
  await steps.step('its upgrade: the token is readable throughout', async () => {
    let isDone = false;
    const reads: (string | undefined)[] = [];
    const reading = (async () => {
      while (!isDone) reads.push((await readStored(aws, path)).accessToken);
    })();
    await upgraded.deploy([token]).finally(() => {
      isDone = true;
    });
    await reading;
    assert.ok(reads.length > 1);
    assert.deepEqual(
      reads.filter((one) => one === undefined),
      [],
    );
  });
  await steps.step('the secret has the same versions', () => expectSecretVersions(own, secret));
  await steps.step('no resource was replaced', async () => {
    const today = new Map((await stackResources(own)).map((one) => [one.LogicalResourceId, one]));
    const replaced = resources.filter(({ LogicalResourceId, PhysicalResourceId }) => {
      const one = today.get(LogicalResourceId);
      return one !== undefined && one.PhysicalResourceId !== PhysicalResourceId;
    });
    assert.deepEqual(replaced, []);
    // Those that hold something, or that others know by name, did not leave either.
    for (const { LogicalResourceId, ResourceType } of resources) {
      if (KEPT_TYPES.includes(ResourceType)) assert.ok(today.has(LogicalResourceId), LogicalResourceId);
    }
  });
  await steps.step('deleting the upgraded stack deletes its parameters', async () => {
    const secretId = await secretOf(own);
    await deleteStack(own);
    assert.equal((await readStored(aws, path)).accessToken, undefined);
    // The stack keeps its secret, except on the emulator.
    await deleteSecret(own, secretId).catch((error: Error) => {
      if (!target.isEmulator) throw error;
    });
  });
}

async function secretOf(context: RunContext): Promise<string> {
  const secret = (await stackResources(context)).find(({ ResourceType }) => ResourceType === SECRET_TYPE);
  return secret?.PhysicalResourceId ?? '';
}

async function secretVersions(context: RunContext): Promise<unknown> {
  const { VersionIdsToStages } = await context.aws.call<{ VersionIdsToStages: unknown }>(
    ...['secretsmanager', 'describe-secret', '--secret-id', await secretOf(context)],
  );
  return VersionIdsToStages;
}

/** Expects that the upgrade stored nothing into the secret. */
async function expectSecretVersions(context: RunContext, before: unknown): Promise<void> {
  const after = await secretVersions(context);
  if (!context.target.isEmulator || isDeepStrictEqual(after, before)) {
    assert.deepEqual(after, before);
    return;
  }
  context.steps.gap(
    'an update of a secret replaces its value by an empty one; the template, which has no value, is checked instead',
  );
  const { Resources } = await readTemplate(context);
  const secret = Object.values(Resources).find(({ Type }) => Type === SECRET_TYPE);
  assert.deepEqual(Object.keys(secret?.Properties ?? {}), ['Description']);
}

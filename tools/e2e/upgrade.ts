import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../../local/temporary-directory.ts';
import { createCdk } from './cdk.ts';
import { functionOf, pathOf, type RunContext } from './context.ts';
import { failLast } from './failures.ts';
import { expectLive } from './mints.ts';
import { ROOT } from './server-process.ts';

/** The baseline of upgrades: the app of this commit. */
const RELEASED = 'e6503e4';

const SECRET_TYPE = 'AWS::SecretsManager::Secret';
const KEPT_TYPES = [SECRET_TYPE, 'AWS::Lambda::Function', 'AWS::Logs::LogGroup', 'AWS::Scheduler::Schedule'];

/** Deploys the released app as a stack of its own, and upgrades it to today's. */
export async function checkUpgrade(context: RunContext): Promise<void> {
  const { account, commands, names, server, steps, target } = context;
  const stackName = `${context.cdk.stackName}-released`;
  const cdk = createCdk(stackName, target, commands);
  const token = {
    ...{ name: 'upgraded', prefix: names.prefix, reservedConcurrency: 0 },
    ...{ provider: 'oauth2', tokenUrl: server.tokenUrl },
  };
  const path = pathOf(context, token.name);
  const secretId = async () => {
    const resources = await account.stackResources(stackName);
    return resources.find(({ ResourceType }) => ResourceType === SECRET_TYPE)?.PhysicalResourceId ?? '';
  };
  const describeSecret = async () =>
    account.call<{ VersionIdsToStages: unknown }>(
      ...['secretsmanager', 'describe-secret', '--secret-id', await secretId()],
    );
  const isReady = await steps.step(`cdk deploy of ${RELEASED}, and its secret stored`, async () => {
    await cdk.deploy([token], { app: openReleasedApp() });
    await account.storeSecret(server.client, 'put-secret-value', '--secret-id', await secretId());
    await account.invoke(functionOf(context, token.name), { force: true });
  });
  if (!isReady) return;
  const resources = await account.stackResources(stackName);
  const secret = await describeSecret();
  await steps.step('its upgrade, failing at the last resource: token and secret are as before', async () => {
    const before = await account.readStored(path);
    // Another setting: the CDK uploads a template by the hash that it had before the edit.
    const broken = { ...token, refreshInterval: 40 };
    await assert.rejects(cdk.deploy([broken], { edit: failLast(`${path}/access-token`) }));
    const { accessToken, status } = await account.readStored(path);
    assert.ok(accessToken !== undefined && status !== undefined, 'the token or the status is gone');
    await expectLive(context, accessToken);
    assert.deepEqual(
      [status.source, status.encryptionKey],
      [before.status?.source, before.status?.encryptionKey],
    );
    assert.deepEqual((await describeSecret()).VersionIdsToStages, secret.VersionIdsToStages);
  });
  await steps.step('its upgrade: the token is readable throughout', async () => {
    let isDone = false;
    const reads: (string | undefined)[] = [];
    const reading = (async () => {
      while (!isDone) reads.push((await account.readStored(path)).accessToken);
    })();
    await cdk.deploy([token]).finally(() => {
      isDone = true;
    });
    await reading;
    assert.ok(reads.length > 1);
    assert.ok(!reads.includes(undefined), `${reads.filter((one) => one === undefined).length} reads failed`);
  });
  await steps.step('the secret has the same versions', async () => {
    assert.deepEqual((await describeSecret()).VersionIdsToStages, secret.VersionIdsToStages);
  });
  await steps.step('no resource was replaced', async () => {
    const today = new Map(
      (await account.stackResources(stackName)).map((one) => [one.LogicalResourceId, one]),
    );
    for (const { LogicalResourceId: id, PhysicalResourceId, ResourceType } of resources) {
      const one = today.get(id);
      // Those that hold something, or that others know by name, do not leave either.
      if (one === undefined) assert.ok(!KEPT_TYPES.includes(ResourceType), `${id} left`);
      else assert.equal(one.PhysicalResourceId, PhysicalResourceId, id);
    }
  });
  await steps.step('deleting the upgraded stack deletes its parameters', async () => {
    const id = await secretId();
    await account.deleteStack(stackName);
    assert.equal((await account.readStored(path)).accessToken, undefined);
    // The stack keeps its secret.
    await account.deleteSecret(id);
  });
}

/**
 * Takes the released app out of git's history, and links the packages. The packages are those of today.
 *
 * @returns the app's directory
 * @throws Error if the clone has not the whole history
 */
function openReleasedApp(): string {
  const app = temporaryDirectory();
  const parts = ['cdk.json', 'package.json', 'tsconfig.json', 'infra', 'lambda'];
  try {
    execFileSync('sh', ['-c', 'git archive "$@" | tar -x -C "$0"', app, RELEASED, ...parts], {
      cwd: ROOT,
    });
  } catch (cause) {
    throw new Error(
      `No stack of ${RELEASED} can be upgraded: this clone has not the commit. Run git fetch --unshallow.`,
      { cause },
    );
  }
  symlinkSync(join(ROOT, 'node_modules'), join(app, 'node_modules'));
  return app;
}

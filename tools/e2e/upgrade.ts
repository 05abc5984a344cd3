import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../../local/temporary-directory.ts';
import { createCdk } from './cdk.ts';
import type { RunContext } from './context.ts';
import { ROOT } from './server-process.ts';

/** The baseline of upgrades: a stack of one token, made by the app of this commit. */
export const RELEASED = {
  commit: 'e6503e4',
  stackName: 'TokenRefresherE2eReleased',
  token: { name: 'upgraded', provider: 'oauth2', prefix: '/e2e-released', reservedConcurrency: 0 },
} as const;

const SECRET_TYPE = 'AWS::SecretsManager::Secret';
const KEPT_TYPES = [SECRET_TYPE, 'AWS::Lambda::Function', 'AWS::Logs::LogGroup', 'AWS::Scheduler::Schedule'];

/** Deploys the released app as a stack of its own, and upgrades it to today's. */
export async function checkUpgrade({ account, commands, server, steps, target }: RunContext): Promise<void> {
  const { stackName } = RELEASED;
  const cdk = createCdk(stackName, target, commands);
  const token = { ...RELEASED.token, tokenUrl: server.tokenUrl };
  const path = `${token.prefix}/${token.name}`;
  const secretId = async () => {
    const resources = await account.stackResources(stackName);
    return resources.find(({ ResourceType }) => ResourceType === SECRET_TYPE)?.PhysicalResourceId ?? '';
  };
  const describeSecret = async () =>
    account.call<{ VersionIdsToStages: unknown }>(
      ...['secretsmanager', 'describe-secret', '--secret-id', await secretId()],
    );
  const isReady = await steps.step(`cdk deploy of ${RELEASED.commit}, and its secret stored`, async () => {
    await cdk.deploy([token], openReleasedApp());
    await account.storeSecret(server.client, 'put-secret-value', '--secret-id', await secretId());
    await account.invoke(`token-refresher${path.split('/').join('-')}`, { force: true });
  });
  if (!isReady) return;
  const resources = await account.stackResources(stackName);
  const secret = await describeSecret();
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
    execFileSync('sh', ['-c', 'git archive "$@" | tar -x -C "$0"', app, RELEASED.commit, ...parts], {
      cwd: ROOT,
    });
  } catch (cause) {
    throw new Error(
      `No stack of ${RELEASED.commit} can be upgraded: this clone has not the commit. Run git fetch --unshallow.`,
      { cause },
    );
  }
  symlinkSync(join(ROOT, 'node_modules'), join(app, 'node_modules'));
  return app;
}

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Template } from '../../local/cloud-assembly.ts';
import { temporaryDirectory } from '../../local/temporary-directory.ts';
import { openAccount, takeJobRole } from './account.ts';
import { createCdk } from './cdk.ts';
import { expectToken, pathOf, type RunContext } from './context.ts';
import { ROOT } from './server-process.ts';
import { step } from './steps.ts';

/** The baseline of upgrades: the app of this commit. */
const RELEASED = 'e6503e4';

const KEPT_TYPES = /^AWS::(SecretsManager::Secret|Lambda::Function|Logs::LogGroup|Scheduler::Schedule)$/;
const NAME = 'upgraded';

/** Deploys the released app as a stack of its own, whose token a job reads; upgrades it to today's, and lets updates of it fail. */
export async function checkUpdates(context: RunContext, readerArn: string): Promise<void> {
  const { account, commands, names, server, target } = context;
  const cdk = createCdk(`${context.cdk.stackName}-released`, target, commands);
  const { tokenUrl } = server;
  const token = {
    ...{ name: NAME, prefix: names.prefix, reservedConcurrency: 0, readers: [readerArn] },
    ...{ provider: 'oauth2', tokenUrl },
  };
  let secretId = '';
  const isReady = await step(`cdk deploy of ${RELEASED}, and its secret stored`, async () => {
    await cdk.deploy([token], { app: openReleasedApp() });
    [secretId = ''] = await account.secretsOf(cdk.stackName);
    await account.storeSecret(server.client, 'put-secret-value', '--secret-id', secretId);
    await account.invoke(`token-refresher${pathOf(context, NAME).replaceAll('/', '-')}`, { force: true });
  });
  if (!isReady) return;
  const job = openAccount(commands, await takeJobRole(context));

  const failLast = ({ Resources }: Template): void => {
    // A resource that is made last, and cannot be made: a parameter of this name exists.
    const Properties = { Name: `${pathOf(context, NAME)}/access-token`, Type: 'String', Value: 'x' };
    const last = { Type: 'AWS::SSM::Parameter', Properties, DependsOn: Object.keys(Resources) };
    Object.assign(Resources, { Last: last });
  };
  /** CloudFormation rolls it back: token, status, secret and the reader's permissions are as before. */
  const checkFailure = (what: string, change: object, message: RegExp, edit?: typeof failLast) =>
    step(`failed ${what}: the job reads a live token, and nothing has changed`, async () => {
      const before = await facts();
      await assert.rejects(cdk.deploy([{ ...token, ...change }], edit && { edit }), message);
      await expectToken(context, NAME, { reader: job });
      assert.deepEqual(await facts(), before);
    });

  // Another setting: the CDK uploads a template by the hash that it had before the edit.
  await checkFailure('upgrade, at the last resource', { refreshInterval: 40 }, /./, failLast);
  const resources = await account.stackResources(cdk.stackName);
  const secret = await versionsOfSecret();
  await step('its upgrade: the token is readable throughout', async () => {
    let isDone = false;
    const reads: (string | undefined)[] = [];
    const reading = (async () => {
      while (!isDone) reads.push((await job.readStored(pathOf(context, NAME))).accessToken);
    })();
    await cdk.deploy([token]).finally(() => {
      isDone = true;
    });
    await reading;
    assert.ok(reads.length > 1);
    assert.ok(!reads.includes(undefined), `${reads.filter((one) => one === undefined).length} reads failed`);
  });
  await step('the secret has the same versions', async () => {
    assert.deepEqual(await versionsOfSecret(), secret);
  });
  await step('no resource was replaced', async () => {
    const today = await account.stackResources(cdk.stackName);
    for (const { LogicalResourceId: id, PhysicalResourceId, ResourceType } of resources) {
      const one = today.find(({ LogicalResourceId }) => LogicalResourceId === id);
      // Those that hold something, or that others know by name, do not leave either.
      if (one === undefined) assert.ok(!KEPT_TYPES.test(ResourceType), `${id} left`);
      else assert.equal(one.PhysicalResourceId, PhysicalResourceId, id);
    }
  });
  const prefix = `${names.prefix}/new`;
  const down = { prefix, tokenUrl: 'https://127.0.0.1:9/' };
  await checkFailure('change of the prefix while the token endpoint is down', down, /no live token/);
  await checkFailure('change of the prefix, at the last resource', { prefix }, /./, failLast);
  // On a real account, the key would stay for days.
  if (target.isEmulator) {
    const change = { encryptionKeyArn: await account.createKey() };
    await checkFailure('change of the key, at the last resource', change, /./, failLast);
  }
  await step('deleting the upgraded stack deletes its parameters', async () => {
    await account.deleteStack(cdk.stackName);
    assert.equal((await account.readStored(pathOf(context, NAME))).accessToken, undefined);
    // The stack keeps its secret.
    await account.deleteSecret(secretId);
  });

  function versionsOfSecret(): Promise<unknown> {
    const words = ['--secret-id', secretId, '--query', 'VersionIdsToStages'];
    return account.call('secretsmanager', 'describe-secret', ...words);
  }

  /** What an update that was rolled back must not change. */
  async function facts(): Promise<object> {
    const role = ['--role-name', names.role];
    const policies = await account.call<string[]>(
      ...['iam', 'list-role-policies', ...role, '--query', 'PolicyNames'],
    );
    const { status } = await account.readStored(pathOf(context, NAME));
    return {
      policies: await Promise.all(
        policies.map((name) => account.call('iam', 'get-role-policy', ...role, '--policy-name', name)),
      ),
      parameters: (await account.parameterNames(names.prefix)).filter((name) => /upgraded|new/.test(name)),
      secret: await versionsOfSecret(),
      source: [status?.source, status?.encryptionKey],
    };
  }
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
  const archive = 'git archive "$@" | tar -x -C "$0"';
  try {
    execFileSync('sh', ['-c', archive, app, RELEASED, ...parts], { cwd: ROOT });
  } catch (cause) {
    const text = `No stack of ${RELEASED} can be upgraded: this clone has not the commit. Run git fetch --unshallow.`;
    throw new Error(text, { cause });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(app, 'node_modules'));
  return app;
}

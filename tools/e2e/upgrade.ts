import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Template } from '../../local/cloud-assembly.ts';
import { temporaryDirectory } from '../../local/temporary-directory.ts';
import { isConsistent, openAccount } from './account.ts';
import { createCdk } from './cdk.ts';
import { createKey } from './changes.ts';
import { createCommands } from './commands.ts';
import { functionOf, pathOf, type RunContext } from './context.ts';
import { expectLive, takeJobRole } from './mints.ts';
import { ROOT } from './server-process.ts';

/** The baseline of upgrades: the app of this commit. */
const RELEASED = 'e6503e4';

const SECRET_TYPE = 'AWS::SecretsManager::Secret';
const KEPT_TYPES = [SECRET_TYPE, 'AWS::Lambda::Function', 'AWS::Logs::LogGroup', 'AWS::Scheduler::Schedule'];

/** An update that fails: CloudFormation rolls it back. */
interface FailingUpdate {
  readonly what: string;
  readonly change: object;
  readonly message?: RegExp;
  readonly edit?: (template: Template) => void;
}

/** Deploys the released app as a stack of its own, upgrades it to today's, and lets updates fail. A job reads its token. */
export async function checkUpgrade(context: RunContext, readerArn: string): Promise<void> {
  const { account, commands, names, server, steps, target } = context;
  const stackName = `${context.cdk.stackName}-released`;
  const cdk = createCdk(stackName, target, commands);
  const token = {
    ...{ name: 'upgraded', prefix: names.prefix, reservedConcurrency: 0, readers: [readerArn] },
    ...{ provider: 'oauth2', tokenUrl: server.tokenUrl },
  };
  const path = pathOf(context, token.name);
  const isReady = await steps.step(`cdk deploy of ${RELEASED}, and its secret stored`, async () => {
    await cdk.deploy([token], { app: openReleasedApp() });
    await account.storeSecret(server.client, 'put-secret-value', '--secret-id', await secretId());
    await account.invoke(functionOf(context, token.name), { force: true });
  });
  if (!isReady) return;
  const env = { ...target.env, ...(await takeJobRole(context)) };
  const job = openAccount(createCommands(env, AbortSignal.timeout(1_200_000)));
  const resources = await account.stackResources(stackName);
  const before = await facts();

  // Another setting beside an edit: the CDK uploads a template by the hash that it had before the edit.
  const edit = failLast(`${path}/access-token`);
  await checkFailure({ what: 'of the upgrade, at its last resource', change: { refreshInterval: 40 }, edit });
  await steps.step('its upgrade: the job reads a token throughout', async () => {
    let isDone = false;
    const reads: (string | undefined)[] = [];
    const reading = (async () => {
      while (!isDone) reads.push((await job.readStored(path)).accessToken);
    })();
    await cdk.deploy([token]).finally(() => {
      isDone = true;
    });
    await reading;
    assert.ok(reads.length > 1);
    assert.ok(!reads.includes(undefined), `${reads.filter((one) => one === undefined).length} reads failed`);
  });
  await steps.step('no resource was replaced, and the secret has the same versions', async () => {
    const today = new Map(
      (await account.stackResources(stackName)).map((one) => [one.LogicalResourceId, one]),
    );
    for (const { LogicalResourceId: id, PhysicalResourceId, ResourceType } of resources) {
      const one = today.get(id);
      // Those that hold something, or that others know by name, do not leave either.
      if (one === undefined) assert.ok(!KEPT_TYPES.includes(ResourceType), `${id} left`);
      else assert.equal(one.PhysicalResourceId, PhysicalResourceId, id);
    }
    assert.deepEqual((await facts()).secret, before.secret);
  });
  const prefix = `${names.prefix}/new`;
  await checkFailure({
    what: 'to a prefix while the token endpoint is down',
    change: { prefix, tokenUrl: 'https://127.0.0.1:9/' },
    message: /no live token/,
  });
  await checkFailure({ what: 'to a prefix, at the last resource', change: { prefix }, edit });
  if (target.isEmulator) {
    const change = { encryptionKeyArn: await createKey(context) };
    await checkFailure({ what: 'to a key, at the last resource', change, edit });
  }
  await steps.step('it takes the next deployment, and its deletion deletes its parameters', async () => {
    await cdk.deploy([{ ...token, refreshInterval: 30 }]);
    const id = await secretId();
    await account.deleteStack(stackName);
    assert.equal((await account.readStored(path)).accessToken, undefined);
    // The stack keeps its secret.
    await account.deleteSecret(id);
  });

  async function checkFailure({ what, change, message = /./, edit }: FailingUpdate): Promise<void> {
    await steps.step(`a failure ${what}: the job reads a live token, and nothing has changed`, async () => {
      const before = await facts();
      await assert.rejects(cdk.deploy([{ ...token, ...change }], edit && { edit }), message);
      const stored = await job.readStored(path);
      assert.ok(isConsistent(stored), JSON.stringify(stored.status));
      await expectLive(context, stored.accessToken);
      assert.deepEqual(await facts(), before);
    });
  }

  async function secretId(): Promise<string> {
    const all = await account.stackResources(stackName);
    return all.find(({ ResourceType }) => ResourceType === SECRET_TYPE)?.PhysicalResourceId ?? '';
  }

  /** Everything that an update that was rolled back must not change. */
  async function facts() {
    const role = ['--role-name', names.role];
    const words = ['list-role-policies', ...role] as const;
    const { PolicyNames } = await account.call<{ PolicyNames: string[] }>('iam', ...words);
    const secret = ['describe-secret', '--secret-id', await secretId(), '--query', 'VersionIdsToStages'];
    const { status } = await account.readStored(path);
    return {
      policies: await Promise.all(
        PolicyNames.map((name) => account.call('iam', 'get-role-policy', ...role, '--policy-name', name)),
      ),
      parameters: (await account.parameterNames(names.prefix)).filter((name) => /upgraded|new/.test(name)),
      secret: await account.call('secretsmanager', ...secret),
      source: [status?.source, status?.encryptionKey],
    };
  }
}

/** Adds a resource that is made last, and cannot be made: a parameter of this name exists. */
function failLast(existing: string): (template: Template) => void {
  return ({ Resources }) => {
    const Properties = { Name: existing, Type: 'String', Value: 'x' };
    const last = { Type: 'AWS::SSM::Parameter', Properties, DependsOn: Object.keys(Resources) };
    Object.assign(Resources, { Last: last });
  };
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

import assert from 'node:assert/strict';
import type { Template } from '../../local/cloud-assembly.ts';
import { isConsistent, openAccount } from './account.ts';
import { createCdk } from './cdk.ts';
import { createKey } from './changes.ts';
import { createCommands } from './commands.ts';
import { pathOf, type RunContext } from './context.ts';
import { expectLive, takeJobRole } from './mints.ts';

/** Updates that fail. CloudFormation rolls them back: token, status, secret and the reader's permissions are as before. */
export async function checkFailedUpdates(context: RunContext, readerArn: string): Promise<void> {
  const { account, cdk, commands, names, server, steps, target } = context;
  const other = createCdk(`${cdk.stackName}-fails`, target, commands);
  const shared = { provider: 'oauth2', prefix: names.prefix, reservedConcurrency: 0 };
  const { tokenUrl } = server;
  const token = { ...shared, name: 'fails', tokenUrl, secretName: names.secret, readers: [readerArn] };
  const path = pathOf(context, token.name);
  const newPrefix = `${names.prefix}/new`;
  const isDeployed = await steps.step('cdk deploy of a token that a job reads', () => other.deploy([token]));
  if (!isDeployed) return;
  const env = { ...target.env, ...(await takeJobRole(context)) };
  const job = openAccount(createCommands(env, AbortSignal.timeout(600_000)));
  const before = await facts();
  const encryptionKeyArn = target.isEmulator ? await createKey(context) : undefined;

  const changes: [what: string, change: object, message: RegExp, edit?: (template: Template) => void][] = [
    [
      'a prefix while the token endpoint is down',
      { prefix: newPrefix, tokenUrl: 'https://127.0.0.1:9/' },
      /no live token/,
    ],
    ['a prefix, failing at the last resource', { prefix: newPrefix }, /./, failLast(`${path}/access-token`)],
    ['a key, failing at the last resource', { encryptionKeyArn }, /./, failLast(`${path}/access-token`)],
  ];
  for (const [what, change, message, edit] of changes) {
    await steps.step(
      `a failed update to ${what}: the job reads a live token, and nothing has changed`,
      async () => {
        await assert.rejects(other.deploy([{ ...token, ...change }], edit && { edit }), message);
        const stored = await job.readStored(path);
        assert.ok(isConsistent(stored), JSON.stringify(stored.status));
        await expectLive(context, stored.accessToken);
        assert.deepEqual(await facts(), before);
      },
    );
  }
  await steps.step('and the stack takes the next deployment', async () => {
    await other.deploy([{ ...token, refreshInterval: 40 }]);
    await account.deleteStack(other.stackName);
  });

  /** What an update that was rolled back must not change. */
  async function facts(): Promise<object> {
    const role = ['--role-name', names.role];
    const { PolicyNames } = await account.call<{ PolicyNames: string[] }>(
      'iam',
      'list-role-policies',
      ...role,
    );
    const policies = PolicyNames.filter((name) => name.startsWith(other.stackName));
    const secret = ['describe-secret', '--secret-id', names.secret, '--query', 'VersionIdsToStages'];
    const { status } = await account.readStored(path);
    return {
      policies: await Promise.all(
        policies.map((name) => account.call('iam', 'get-role-policy', ...role, '--policy-name', name)),
      ),
      parameters: (await account.parameterNames(names.prefix)).filter((name) => /fails|new/.test(name)),
      secret: await account.call('secretsmanager', ...secret),
      source: [status?.source, status?.encryptionKey],
    };
  }
}

/** Adds a resource that is made last, and cannot be made: a parameter of this name exists. */
export function failLast(existing: string): (template: Template) => void {
  return ({ Resources }) => {
    const Properties = { Name: existing, Type: 'String', Value: 'x' };
    const last = { Type: 'AWS::SSM::Parameter', Properties, DependsOn: Object.keys(Resources) };
    Object.assign(Resources, { Last: last });
  };
}

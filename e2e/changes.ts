import assert from 'node:assert/strict';
import type { Aws } from './aws.ts';
import { pathOf, type RunContext } from './context.ts';
import type { Tokens } from './first-deployment.ts';
import { isConsistent, readStored } from './stored-token.ts';

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
  const { aws, cdk, server, steps, target } = context;
  const encryptionKeyArn = target.isEmulator ? await createKey(aws) : undefined;
  const changed = [
    { ...tokens.filled, refreshInterval: 40, ...(encryptionKeyArn && { encryptionKeyArn }) },
    tokens.waiting,
    { ...tokens.outage, name: 'renamed', tokenUrl: server.tokenUrl },
  ];
  const path = pathOf(context, 'filled');
  const before = await readStored(aws, path);
  await steps.step('cdk deploy of another interval, a key, a new name', () => cdk.deploy(changed));
  await steps.step('when it returns, a new token has the new interval and the new key', async () => {
    const { accessToken = '', status, version = 0 } = await readStored(aws, path);
    const interval = Date.parse(status?.refreshDueAt ?? '') - Date.parse(status?.issuedAt ?? '');
    assert.equal(interval, 40 * 60_000);
    assert.ok(version > (before.version ?? 0), 'nothing was minted');
    if (encryptionKeyArn !== undefined) assert.equal(status?.encryptionKey, encryptionKeyArn);
    assert.notEqual(await server.isLive(accessToken), false);
  });
  await steps.step('the old name left no parameter, the new name has a live token', async () => {
    const renamed = await readStored(aws, pathOf(context, 'renamed'));
    assert.ok(isConsistent(renamed), 'no token under the new name');
    assert.notEqual(await server.isLive(renamed.accessToken ?? ''), false);
    const names = await parameterNames(aws, context.names.prefix);
    const old = names.filter((name) => name.startsWith(`${pathOf(context, 'outage')}/`));
    assert.deepEqual([old, names.length], [[], 6], names.join(', '));
  });
  return changed;
}

async function createKey(aws: Aws): Promise<string> {
  const { KeyMetadata } = await aws.call<{ KeyMetadata: { Arn: string } }>('kms', 'create-key');
  return KeyMetadata.Arn;
}

/** Names of all parameters below a prefix. */
export async function parameterNames(aws: Aws, prefix: string): Promise<string[]> {
  const { Parameters } = await aws.call<{ Parameters: { Name: string }[] }>(
    ...['ssm', 'get-parameters-by-path', '--path', prefix, '--recursive'],
  );
  return Parameters.map(({ Name }) => Name);
}

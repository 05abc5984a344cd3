import assert from 'node:assert/strict';
import { appendFileSync, cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Aws } from './aws.ts';
import { readTemplate } from './deployed-stack.ts';
import { type E2eHarness, functionOf, pathOf } from './e2e-harness.ts';
import type { Tokens } from './first-deployment.ts';
import { isConsistent, readStored } from './stored-token.ts';
import { ROOT, WORK_DIRECTORY } from './target.ts';

/** Nothing changed, nothing to deploy. */
export async function checkUnchanged({ cdk, steps }: E2eHarness, tokens: Tokens): Promise<void> {
  await steps.step('cdk diff of an unchanged configuration is empty', async () => {
    const { status, stdout, stderr } = await cdk.diff(Object.values(tokens));
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout + stderr, /There were no differences/);
  });
}

/** A change of the code alone, made in a copy of the app. */
export async function checkCodeChange(harness: E2eHarness, tokens: Tokens): Promise<void> {
  const { aws, cdk, steps } = harness;
  await steps.step(
    "cdk deploy of changed code changes only the functions' code, and mints nothing",
    async () => {
      const app = copyApp();
      appendFileSync(join(app, 'lambda/handler.ts'), '\nexport const changedByE2e = true;\n');
      const [template, { version }] = await Promise.all([
        readTemplate(harness),
        readStored(aws, pathOf(harness, 'waiting')),
      ]);
      await cdk.deployApp(Object.values(tokens), app);
      const changed = differences(template, await readTemplate(harness));
      assert.equal(changed.length, Object.keys(tokens).length * 2, changed.join('\n'));
      for (const path of changed)
        assert.match(path, /^Resources\.\w+\.(Properties\.Code\.S3Key|Metadata\.aws:asset:path)$/);
      const answer = await aws.invoke(functionOf(harness, 'waiting'), { minRemainingSeconds: 60 });
      assert.ok(!answer.failed, JSON.stringify(answer));
      assert.equal((await readStored(aws, pathOf(harness, 'waiting'))).version, version);
    },
  );
}

/** The tags of the changed configuration. */
const TAGS = { team: 'contact-centre', stage: 'e2e' };

/**
 * A changed configuration: an interval, tags, a key (not on a real account, where it would stay for days), a token with a new name. (`filled` keeps its name, `outage` becomes
 * `renamed`.)
 */
export async function checkConfigurationChange(harness: E2eHarness, tokens: Tokens): Promise<object[]> {
  const { aws, cdk, server, steps, target } = harness;
  const encryptionKeyArn = target.isEmulator ? await createKey(aws) : undefined;
  const changed = [
    { ...tokens.filled, refreshInterval: 40, tags: TAGS, ...(encryptionKeyArn && { encryptionKeyArn }) },
    tokens.waiting,
    { ...tokens.outage, name: 'renamed', tokenUrl: server.tokenUrl },
  ];
  const before = await readStored(aws, pathOf(harness, 'filled'));
  await steps.step(
    'cdk deploy of a changed configuration: an interval of 40 minutes, tags, a key, a new name',
    () => cdk.deploy(changed),
  );
  await steps.step('the new interval counts at once, for a token of its own', async () => {
    const { status, version = 0 } = await readStored(aws, pathOf(harness, 'filled'));
    const interval = Date.parse(status?.refreshDueAt ?? '') - Date.parse(status?.issuedAt ?? '');
    assert.equal(interval, 40 * 60_000);
    assert.ok(version > (before.version ?? 0), 'nothing was minted');
  });
  if (encryptionKeyArn !== undefined) {
    await steps.step(
      'the token is encrypted with the new key when cdk deploy returns, and readable',
      async () => {
        const { status, accessToken } = await readStored(aws, pathOf(harness, 'filled'));
        assert.equal(status?.encryptionKey, encryptionKeyArn);
        assert.notEqual(await server.isLive(accessToken ?? ''), false);
      },
    );
  }
  await steps.step('parameters that were there before have the new tags', async () => {
    for (const name of ['access-token', 'token-status']) {
      const { TagList } = await aws.call<{ TagList: { Key: string; Value: string }[] }>(
        ...['ssm', 'list-tags-for-resource', '--resource-type', 'Parameter'],
        ...['--resource-id', `${pathOf(harness, 'filled')}/${name}`],
      );
      assert.deepEqual(Object.fromEntries(TagList.map(({ Key, Value }) => [Key, Value])), TAGS);
    }
  });
  await steps.step('the old name left no parameter, the new name has a live token', async () => {
    const renamed = await readStored(aws, pathOf(harness, 'renamed'));
    assert.ok(isConsistent(renamed), 'no token under the new name');
    assert.notEqual(await server.isLive(renamed.accessToken ?? ''), false);
    const names = await parameterNames(aws, harness.names.prefix);
    assert.deepEqual(
      names.filter((name) => name.startsWith(`${pathOf(harness, 'outage')}/`)),
      [],
    );
    assert.equal(names.length, 6, names.join(', '));
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

/** Copies the app's files, and links the packages. */
function copyApp(): string {
  const app = join(WORK_DIRECTORY, 'changed-app');
  rmSync(app, { recursive: true, force: true });
  mkdirSync(app, { recursive: true });
  for (const part of ['cdk.json', 'package.json', 'tsconfig.json', 'infra', 'lambda']) {
    cpSync(join(ROOT, part), join(app, part), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(app, 'node_modules'));
  return app;
}

/** Paths at which two JSON values differ. */
function differences(before: unknown, after: unknown, path = ''): string[] {
  if (!isObject(before) || !isObject(after)) return before === after ? [] : [path];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) =>
    differences(before[key], after[key], path === '' ? key : `${path}.${key}`),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

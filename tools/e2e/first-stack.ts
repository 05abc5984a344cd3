import assert from 'node:assert/strict';
import { join } from 'node:path';
import { takeJobRole } from './account.ts';
import { expectToken, pathOf, type RunContext } from './context.ts';
import { ROOT } from './server-process.ts';
import { step } from './steps.ts';

/** Secrets Manager's event, the rule and the mint together, on a busy machine. */
const AT_ONCE_SECONDS = 60;
/** A rate of one minute, counted from the schedule's creation, and the emulator looks every ten seconds. */
const SECOND_BEAT_SECONDS = 130;
/** The error code of a secret without a value. MiniStack makes an empty one, which is malformed. */
const WITHOUT_VALUE = /^SECRET_(UNAVAILABLE|MALFORMED)$/;

/** The tokens of the first deployment. */
export type Tokens = ReturnType<typeof firstTokens>;

/** @param readerArn ARN of the job's role */
export function firstTokens({ names, server: { tokenUrl } }: RunContext, readerArn: string) {
  const shared = {
    provider: 'oauth2',
    prefix: names.prefix,
    // Accounts with a concurrency limit of 10 cannot reserve.
    reservedConcurrency: process.env.E2E_RESERVED_CONCURRENCY === '0' ? 0 : 1,
    // The heartbeat's second mint then comes after a minute.
    refreshInterval: 1,
  };
  return {
    /** Its secret exists, and is filled. */
    filled: { ...shared, name: 'filled', tokenUrl, secretName: names.secret },
    /** Its secret is made by the stack, without a value. The job reads it. */
    waiting: { ...shared, name: 'waiting', tokenUrl, refreshInterval: 50, readers: [readerArn] },
    /** Its token endpoint is down: nothing listens there, on this machine or inside Lambda. */
    outage: { ...shared, name: 'outage', tokenUrl: 'http://127.0.0.1:9/token', secretName: names.secret },
  };
}

/** Bootstraps, creates a filled secret, deploys three tokens, and checks the state before any beat, also as a job. */
export async function checkFirstDeployment(context: RunContext, tokens: Tokens): Promise<void> {
  const { account, cdk, commands, names, server } = context;
  await account.storeSecret(server.client, 'create-secret', '--name', names.secret);
  const all = Object.values(tokens);
  const isReady =
    (await step('cdk bootstrap', () => cdk.bootstrap(all))) &&
    (await step('cdk deploy of three tokens', () => cdk.deploy(all)));
  if (!isReady) throw new Error('The deployment failed, so the run ends here.');
  await step('a filled secret: both parameters are there, the token is live at the server', () =>
    expectToken(context, 'filled'),
  );
  const outcomes = [
    ['waiting', 'a secret without a value', WITHOUT_VALUE],
    ['outage', 'a token endpoint that is down', /^TOKEN_ENDPOINT_UNAVAILABLE$/],
  ] as const;
  for (const [token, what, code] of outcomes) {
    await step(`${what}: no token, and the status says so`, async () => {
      const { accessToken, status } = await account.readStored(pathOf(context, token));
      assert.equal(accessToken, undefined);
      assert.match(status?.lastFailure?.code ?? '', code);
    });
  }
  // The secret that the stack made.
  await step('a stored secret: a live token', async () => {
    const [id = ''] = await account.secretsOf(cdk.stackName);
    await account.storeSecret(server.client, 'put-secret-value', '--secret-id', id);
    await expectToken(context, 'waiting', { withinSeconds: AT_ONCE_SECONDS });
  });

  // As a CI job runs `ci/access-token`, with the AWS CLI.
  const env = await takeJobRole(context);
  const accessToken = (verb: string, token: string) => {
    const script = join(ROOT, 'ci/access-token');
    return commands.run(['sh', script, verb, token, '--prefix', names.prefix], { env });
  };
  await step('access-token get, and doctor', async () => {
    const stored = await expectToken(context, 'waiting');
    const { stdout, stderr } = await accessToken('get', 'waiting');
    assert.ok(stdout === `${stored.accessToken}\n`, stderr);
    const doctor = await accessToken('doctor', 'waiting');
    assert.equal(doctor.status, 0, doctor.stdout + doctor.stderr);
  });
  await step('another token is refused to the job', async () => {
    const { status, stderr } = await accessToken('get', 'filled');
    assert.equal(status, 5, stderr);
    assert.match(stderr, /ssm:GetParameters/);
  });
}

/**
 * Waits for the schedule, and deploys a changed configuration: an interval, a key (not on a real account, where it would stay
 * for days), a token with a new name. `filled` keeps its name, `outage` becomes `renamed`. Then the secret changes.
 */
export async function checkChanges(context: RunContext, tokens: Tokens): Promise<object[]> {
  const { account, cdk, names, server, target } = context;
  // Nothing else invokes the function.
  await step('the schedule mints a second token by itself', () =>
    expectToken(context, 'filled', { atLeast: 2, withinSeconds: SECOND_BEAT_SECONDS }),
  );
  const encryptionKeyArn = target.isEmulator ? await account.createKey() : undefined;
  const changed = [
    { ...tokens.filled, refreshInterval: 40, ...(encryptionKeyArn && { encryptionKeyArn }) },
    tokens.waiting,
    { ...tokens.outage, name: 'renamed', tokenUrl: server.tokenUrl },
  ];
  const before = await expectToken(context, 'filled');
  await step('cdk deploy of another interval, a key, a new name', () => cdk.deploy(changed));
  await step('when it returns, a new token has the new interval and the new key', async () => {
    const { status } = await expectToken(context, 'filled', { atLeast: before.version + 1 });
    const interval = Date.parse(status?.refreshDueAt ?? '') - Date.parse(status?.issuedAt ?? '');
    assert.deepEqual([interval, status?.encryptionKey], [40 * 60_000, encryptionKeyArn ?? null]);
  });
  await step('the old name left no parameter, the new name has a live token', async () => {
    await expectToken(context, 'renamed');
    const all = await account.parameterNames(names.prefix);
    const old = all.filter((name) => name.startsWith(`${pathOf(context, 'outage')}/`));
    assert.deepEqual([old, all.length], [[], 6], all.join(', '));
  });
  // It is not due for 40 minutes: only the rule can cause the mint.
  await step('a changed secret mints at once', async () => {
    const { version } = await expectToken(context, 'filled');
    await account.storeSecret(server.changeSecret(), 'put-secret-value', '--secret-id', names.secret);
    await expectToken(context, 'filled', { atLeast: version + 1, withinSeconds: AT_ONCE_SECONDS });
  });
  return changed;
}

/** Destroys the stack, and checks what is left. */
export async function checkDestruction(context: RunContext, tokens: readonly object[]): Promise<void> {
  const { account, cdk, names } = context;
  const [secret = ''] = await account.secretsOf(cdk.stackName);
  await step('cdk destroy', async () => {
    await cdk.destroy(tokens);
    assert.ok(!(await account.stacks()).includes(cdk.stackName), 'the stack is still there');
  });
  await step('no parameter is left, and the secret that the stack made is kept', async () => {
    assert.deepEqual(await account.parameterNames(names.prefix), []);
    await account.call('secretsmanager', 'describe-secret', '--secret-id', secret);
    await account.deleteSecret(secret);
  });
}

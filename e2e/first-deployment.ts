import assert from 'node:assert/strict';
import { outputsOf } from './deployed-stack.ts';
import { firstTokens, functionOf, pathOf, type Stage } from './stage.ts';
import { isConsistent, readStored } from './stored-token.ts';

/** The tokens of the first deployment. */
export type Tokens = ReturnType<typeof firstTokens>;

/** Bootstraps, makes what exists before the stack (a filled secret, a CI job's role), and deploys three tokens. */
export async function deployFirst(stage: Stage): Promise<Tokens> {
  const { aws, cdk, steps, names, server } = stage;
  const roleArn = await createReaderRole(stage);
  await aws.callWith(
    JSON.stringify(server.client),
    ...['secretsmanager', 'create-secret', '--name', names.secret],
    ...['--secret-string', 'file:///dev/stdin'],
  );
  const tokens = firstTokens(stage, roleArn);
  const all = Object.values(tokens);
  const isReady =
    (await steps.step('cdk bootstrap', () => cdk.bootstrap(all))) &&
    (await steps.step(
      'cdk deploy: three tokens, one with a filled secret, one with a placeholder, one with its token endpoint down',
      () => cdk.deploy(all),
    ));
  if (!isReady) throw new Error('Without a deployment there is nothing to try.');
  return tokens;
}

async function createReaderRole({ aws, names }: Stage): Promise<string> {
  const { Account } = await aws.call<{ Account: string }>('sts', 'get-caller-identity');
  const trust = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { Service: 'codebuild.amazonaws.com' }, Action: 'sts:AssumeRole' },
    ],
  };
  await aws.call(
    ...['iam', 'create-role', '--role-name', names.readerRole],
    ...['--assume-role-policy-document', JSON.stringify(trust)],
  );
  return `arn:aws:iam::${Account}:role/${names.readerRole}`;
}

/** What is there when `cdk deploy` has returned, before any beat. */
export async function checkFirstDeployment(stage: Stage): Promise<void> {
  const { aws, server, steps } = stage;
  await steps.step('filled secret: both parameters are there, the token is live at the server', async () => {
    const stored = await readStored(aws, pathOf(stage, 'filled'));
    assert.ok(
      isConsistent(stored),
      `no token that its status describes: ${stored.statusText ?? 'no status'}`,
    );
    assert.equal(stored.version, 1);
    assert.equal(stored.type, 'SecureString');
    assert.notEqual(await server.isLive(stored.accessToken ?? ''), false, 'the server does not accept it');
  });
  await steps.step('placeholder: no token, and the status says SECRET_MALFORMED', async () => {
    const stored = await readStored(aws, pathOf(stage, 'waiting'));
    assert.equal(stored.accessToken, undefined);
    assert.equal(stored.status?.lastFailure?.code, 'SECRET_MALFORMED');
  });
  await steps.step(
    'endpoint down: the stack stands, the status says TOKEN_ENDPOINT_UNAVAILABLE',
    async () => {
      const stored = await readStored(aws, pathOf(stage, 'outage'));
      assert.equal(stored.accessToken, undefined);
      assert.equal(stored.status?.lastFailure?.code, 'TOKEN_ENDPOINT_UNAVAILABLE');
    },
  );
  await steps.step('the outputs name parameters, next commands and the guarantee', async () => {
    const outputs = await outputsOf(stage);
    assert.equal(outputs.FilledTokenParameter, `${pathOf(stage, 'filled')}/access-token`);
    assert.match(
      outputs.WaitingStoreSecret ?? '',
      /^aws secretsmanager put-secret-value --secret-id \S+ --secret-string file:/,
    );
    assert.ok(outputs.FilledForceRefresh?.includes(functionOf(stage, 'filled')));
    assert.match(outputs.FilledGuarantee ?? '', /at least \d+ min/);
  });
}

import assert from 'node:assert/strict';
import { outputsOf } from './deployed-stack.ts';
import { type E2eHarness, firstTokens, functionOf, pathOf } from './e2e-harness.ts';
import { secretKnownTo } from './grants.ts';
import { isConsistent, readStored } from './stored-token.ts';

/** The tokens of the first deployment. */
export type Tokens = ReturnType<typeof firstTokens>;

/** Bootstraps, creates what the stack needs (a filled secret, a CI job's role), and deploys three tokens. */
export async function deployFirst(harness: E2eHarness): Promise<Tokens> {
  const { aws, cdk, steps, names, server } = harness;
  const roleArn = await createReaderRole(harness);
  await aws.callWith(
    JSON.stringify(server.client),
    ...['secretsmanager', 'create-secret', '--name', names.secret],
    ...['--secret-string', 'file:///dev/stdin'],
  );
  const tokens = firstTokens(harness, roleArn);
  const all = Object.values(tokens);
  const isReady =
    (await steps.step('cdk bootstrap', () => cdk.bootstrap(all))) &&
    (await steps.step(
      'cdk deploy: three tokens, one with a filled secret, one whose secret has no value, one with its token endpoint down',
      () => cdk.deployApp(all),
    ));
  if (!isReady) throw new Error('The deployment failed, so the run ends here.');
  return tokens;
}

async function createReaderRole({ aws, names }: E2eHarness): Promise<string> {
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

/** Checks the state after `cdk deploy`, before any beat. */
export async function checkFirstDeployment(harness: E2eHarness): Promise<void> {
  const { aws, server, steps } = harness;
  await steps.step('filled secret: both parameters are there, the token is live at the server', async () => {
    const stored = await readStored(aws, pathOf(harness, 'filled'));
    assert.ok(
      isConsistent(stored),
      `no token that its status describes: ${stored.statusText ?? 'no status'}`,
    );
    assert.equal(stored.version, 1);
    assert.equal(stored.type, 'SecureString');
    assert.notEqual(await server.isLive(stored.accessToken ?? ''), false, 'the server does not accept it');
  });
  const codeWithoutValue = await codeOfSecretWithoutValue(harness);
  await steps.step(`no value in the secret: no token, and the status says ${codeWithoutValue}`, async () => {
    const stored = await readStored(aws, pathOf(harness, 'waiting'));
    assert.equal(stored.accessToken, undefined);
    assert.equal(stored.status?.lastFailure?.code, codeWithoutValue);
  });
  await steps.step(
    'endpoint down: the stack is deployed, the status says TOKEN_ENDPOINT_UNAVAILABLE',
    async () => {
      const stored = await readStored(aws, pathOf(harness, 'outage'));
      assert.equal(stored.accessToken, undefined);
      assert.equal(stored.status?.lastFailure?.code, 'TOKEN_ENDPOINT_UNAVAILABLE');
    },
  );
  await steps.step('the outputs name parameters, next commands and the guarantee', async () => {
    const outputs = await outputsOf(harness);
    assert.equal(outputs.FilledTokenParameter, `${pathOf(harness, 'filled')}/access-token`);
    assert.match(
      outputs.WaitingStoreSecret ?? '',
      /^aws secretsmanager put-secret-value --region \S+ --secret-id \S+ --secret-string file:/,
    );
    assert.ok(outputs.FilledForceRefresh?.includes(functionOf(harness, 'filled')));
    assert.match(outputs.FilledGuarantee ?? '', /at least \d+ min/);
  });
}

/** The error code of the token `waiting`, whose secret the stack made without a value. */
export async function codeOfSecretWithoutValue(harness: E2eHarness): Promise<string> {
  const { aws, steps, target } = harness;
  if (!target.isEmulator) return 'SECRET_UNAVAILABLE';
  const { arn } = await secretKnownTo(harness, 'waiting');
  const value = await aws
    .call<{ SecretString: string }>('secretsmanager', 'get-secret-value', '--secret-id', arn)
    .catch(() => undefined);
  if (value?.SecretString !== '') return 'SECRET_UNAVAILABLE';
  steps.gap(
    'CloudFormation makes a secret without a value with an empty one; its error code is SECRET_MALFORMED',
  );
  return 'SECRET_MALFORMED';
}

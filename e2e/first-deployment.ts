import assert from 'node:assert/strict';
import { firstTokens, functionOf, pathOf, type RunContext } from './context.ts';
import { isConsistent, readStored } from './stored-token.ts';

/** The tokens of the first deployment. */
export type Tokens = ReturnType<typeof firstTokens>;

/** The error code of a secret without a value. MiniStack makes an empty one, which is malformed. */
export const WITHOUT_VALUE = /^SECRET_(UNAVAILABLE|MALFORMED)$/;

/** Bootstraps, creates a filled secret, and deploys three tokens. */
export async function deployFirst(context: RunContext): Promise<Tokens> {
  const { aws, cdk, steps, names, server } = context;
  await aws.callWith(
    JSON.stringify(server.client),
    ...['secretsmanager', 'create-secret', '--name', names.secret],
    ...['--secret-string', 'file:///dev/stdin'],
  );
  const tokens = firstTokens(context);
  const all = Object.values(tokens);
  const isReady =
    (await steps.step('cdk bootstrap', () => cdk.bootstrap(all))) &&
    (await steps.step(
      'cdk deploy: three tokens, one with a filled secret, one whose secret has no value, one with its token endpoint down',
      () => cdk.deploy(all),
    ));
  if (!isReady) throw new Error('The deployment failed, so the run ends here.');
  return tokens;
}

/** Checks the state after `cdk deploy`, before any beat. */
export async function checkFirstDeployment(context: RunContext): Promise<void> {
  const { aws, server, steps } = context;
  await steps.step('filled secret: both parameters are there, the token is live at the server', async () => {
    const stored = await readStored(aws, pathOf(context, 'filled'));
    assert.ok(
      isConsistent(stored),
      `no token that its status describes: ${stored.statusText ?? 'no status'}`,
    );
    assert.equal(stored.version, 1);
    assert.equal(stored.type, 'SecureString');
    assert.notEqual(await server.isLive(stored.accessToken ?? ''), false, 'the server does not accept it');
  });
  await steps.step('no value in the secret: no token, and the status says so', async () => {
    const stored = await readStored(aws, pathOf(context, 'waiting'));
    assert.equal(stored.accessToken, undefined);
    assert.match(stored.status?.lastFailure?.code ?? '', WITHOUT_VALUE);
  });
  await steps.step(
    'endpoint down: the stack is deployed, the status says TOKEN_ENDPOINT_UNAVAILABLE',
    async () => {
      const stored = await readStored(aws, pathOf(context, 'outage'));
      assert.equal(stored.accessToken, undefined);
      assert.equal(stored.status?.lastFailure?.code, 'TOKEN_ENDPOINT_UNAVAILABLE');
    },
  );
}

/** The id by which a token's function reads its secret. */
export async function secretOf(context: RunContext, token: string): Promise<string> {
  const { Environment } = await context.aws.call<{ Environment: { Variables: Record<string, string> } }>(
    ...['lambda', 'get-function-configuration', '--function-name', functionOf(context, token)],
  );
  return Environment.Variables.SECRET_ARN ?? '';
}

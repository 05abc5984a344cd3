import assert from 'node:assert/strict';
import { join } from 'node:path';
import { isConsistent } from './account.ts';
import { functionOf, pathOf, type RunContext, type Tokens } from './context.ts';
import { ROOT } from './server-process.ts';

/** Secrets Manager's event, the rule and the mint together, on a busy machine. */
const AT_ONCE_SECONDS = 60;
/** A rate of one minute, counted from the schedule's creation, and the emulator looks every ten seconds. */
const SECOND_BEAT_SECONDS = 130;
/** The error code of a secret without a value. MiniStack makes an empty one, which is malformed. */
const WITHOUT_VALUE = /^SECRET_(UNAVAILABLE|MALFORMED)$/;

/** Bootstraps, creates a filled secret, deploys three tokens, and checks the state before any beat. */
export async function checkFirstDeployment(context: RunContext, tokens: Tokens): Promise<void> {
  const { account, cdk, steps, names, server } = context;
  await account.storeSecret(server.client, 'create-secret', '--name', names.secret);
  const all = Object.values(tokens);
  const isReady =
    (await steps.step('cdk bootstrap', () => cdk.bootstrap(all))) &&
    (await steps.step(
      'cdk deploy: three tokens, one with a filled secret, one whose secret has no value, one with its token endpoint down',
      () => cdk.deploy(all),
    ));
  if (!isReady) throw new Error('The deployment failed, so the run ends here.');
  await steps.step('filled secret: both parameters are there, the token is live at the server', async () => {
    const stored = await account.readStored(pathOf(context, 'filled'));
    assert.ok(isConsistent(stored), `no token that its status describes: ${JSON.stringify(stored.status)}`);
    assert.deepEqual([stored.version, stored.type], [1, 'SecureString']);
    await expectLive(context, stored.accessToken);
  });
  await steps.step('no value in the secret: no token, and the status says so', async () => {
    const { accessToken, status } = await account.readStored(pathOf(context, 'waiting'));
    assert.equal(accessToken, undefined);
    assert.match(status?.lastFailure?.code ?? '', WITHOUT_VALUE);
  });
  await steps.step('endpoint down: the status says TOKEN_ENDPOINT_UNAVAILABLE', async () => {
    const { accessToken, status } = await account.readStored(pathOf(context, 'outage'));
    assert.deepEqual([accessToken, status?.lastFailure?.code], [undefined, 'TOKEN_ENDPOINT_UNAVAILABLE']);
  });
}

/** Stores the client into the secret that the stack made. */
export async function checkStoredSecret(context: RunContext): Promise<void> {
  const { account, server, steps } = context;
  const name = functionOf(context, 'waiting');
  await steps.step('no value in the secret: diagnose says what is wrong, and what to do', async () => {
    const answer = await account.invoke(name, { diagnose: true });
    const { healthy, steps: found } = answer as {
      healthy: boolean;
      steps: { step: string; code?: string; remedy?: string }[];
    };
    const secret = found.find(({ step }) => step === 'secret');
    assert.equal(healthy, false);
    assert.match(secret?.code ?? '', WITHOUT_VALUE);
    assert.ok(secret?.remedy, 'no remedy');
  });
  await steps.step('a stored secret: a live token', async () => {
    const { Environment } = await account.call<{ Environment: { Variables: { SECRET_ARN: string } } }>(
      ...['lambda', 'get-function-configuration', '--function-name', name],
    );
    await account.storeSecret(
      server.client,
      'put-secret-value',
      '--secret-id',
      Environment.Variables.SECRET_ARN,
    );
    await expectToken(context, 'waiting', 1, AT_ONCE_SECONDS);
  });
}

type Place = Pick<RunContext, 'account' | 'names'>;

/** Makes the role of a job, which everybody in the account may take. @returns its ARN */
export async function createJobRole({ account, names }: Place): Promise<string> {
  const { Account } = await account.call<{ Account: string }>('sts', 'get-caller-identity');
  const Statement = [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: Account } }];
  const trust = JSON.stringify({ Version: '2012-10-17', Statement });
  const words = ['--role-name', names.role, '--assume-role-policy-document', trust];
  return (await account.call<{ Role: { Arn: string } }>('iam', 'create-role', ...words)).Role.Arn;
}

/** Takes the job's role. @returns its credentials, as environment variables */
export async function takeJobRole({ account, names }: Place): Promise<NodeJS.ProcessEnv> {
  const { Role } = await account.call<{ Role: { Arn: string } }>(
    'iam',
    'get-role',
    '--role-name',
    names.role,
  );
  type Answer = { Credentials: Record<'AccessKeyId' | 'SecretAccessKey' | 'SessionToken', string> };
  const words = ['--role-arn', Role.Arn, '--role-session-name', 'job'];
  const { Credentials: taken } = await account.call<Answer>('sts', 'assume-role', ...words);
  return {
    AWS_ACCESS_KEY_ID: taken.AccessKeyId,
    AWS_SECRET_ACCESS_KEY: taken.SecretAccessKey,
    AWS_SESSION_TOKEN: taken.SessionToken,
  };
}

/** Runs `ci/access-token` with the AWS CLI against the deployed stack, as a CI job does. */
export async function checkJob(context: RunContext): Promise<void> {
  const { account, commands, names, steps } = context;
  const env = await takeJobRole(context);
  const accessToken = (verb: string, ...more: string[]) => {
    const script = join(ROOT, 'ci/access-token');
    return commands.run(['sh', script, verb, '--prefix', names.prefix, ...more], { env });
  };
  await steps.step('access-token get, also with more life than any token has; exec and doctor', async () => {
    const stored = await account.readStored(pathOf(context, 'waiting'));
    const got = await accessToken('get', 'waiting', '--min-ttl', '45m');
    assert.equal(got.status, 0, got.stderr);
    assert.ok(got.stdout === `${stored.accessToken}\n`, 'stdout is not the stored token');
    const tooMuch = await accessToken('get', 'waiting', '--min-ttl', '48h');
    assert.equal(tooMuch.status, 3, tooMuch.stderr);
    const exec = await accessToken('exec', 'waiting', '--', 'sh', '-c', 'test "$ACCESS_TOKEN" && exit 7');
    assert.equal(exec.status, 7, exec.stderr);
    const doctor = await accessToken('doctor', 'waiting');
    assert.equal(doctor.status, 0, doctor.stdout + doctor.stderr);
  });
  await steps.step('another token is refused to the job', async () => {
    const { status, stderr } = await accessToken('get', 'filled');
    assert.equal(status, 5, stderr);
    assert.match(stderr, /ssm:GetParameters/);
  });
}

/** Waits for the schedule: a second token, and the first one of the endpoint that was down. Nothing else invokes the functions. */
export async function checkSchedule(context: RunContext): Promise<void> {
  const { server, steps } = context;
  await steps.step('the schedule mints a second token by itself', () =>
    expectToken(context, 'filled', 2, SECOND_BEAT_SECONDS),
  );
  if (server.endOutage === undefined) return;
  await steps.step('endpoint back: the next beat mints', () =>
    expectToken(context, 'outage', 1, SECOND_BEAT_SECONDS),
  );
}

/** Changes the secret of a token that is not due for 40 minutes, so that only the rule can cause the mint. */
export async function checkChangedSecret(context: RunContext): Promise<void> {
  const { account, names, server, steps } = context;
  await steps.step('a changed secret mints at once', async () => {
    const { version = 0 } = await account.readStored(pathOf(context, 'filled'));
    await account.storeSecret(server.changeSecret(), 'put-secret-value', '--secret-id', names.secret);
    await expectToken(context, 'filled', version + 1, AT_ONCE_SECONDS);
  });
}

/** Waits until a token of at least this version is stored, and asks the server about it. */
async function expectToken(
  context: RunContext,
  token: string,
  atLeast: number,
  timeoutSeconds: number,
): Promise<void> {
  const path = pathOf(context, token);
  const { accessToken } = await context.account.waitForVersion(path, atLeast, timeoutSeconds);
  await expectLive(context, accessToken);
}

/** Asks the server about a token, if it can be asked. */
export async function expectLive({ server }: RunContext, accessToken = ''): Promise<void> {
  assert.notEqual(await server.isLive(accessToken), false, 'the server does not accept it');
}

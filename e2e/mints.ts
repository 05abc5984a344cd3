import assert from 'node:assert/strict';
import { functionOf, pathOf, type RunContext } from './context.ts';
import { secretOf, WITHOUT_VALUE } from './first-deployment.ts';
import { readStored, waitForVersion } from './stored-token.ts';

/** Secrets Manager's event, the rule and the mint together, on a busy machine. */
const AT_ONCE_SECONDS = 60;
/** A rate of one minute, counted from the schedule's creation, and the emulator looks every ten seconds. */
const SECOND_BEAT_SECONDS = 130;

/** Stores the client into the secret that the stack made. */
export async function checkStoredSecret(context: RunContext): Promise<void> {
  const { aws, server, steps, target } = context;
  const name = functionOf(context, 'waiting');
  await steps.step('no value in the secret: diagnose says what is wrong, and what to do', async () => {
    const answer = await aws.invoke(name, { diagnose: true });
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
    await putSecret(context, await secretOf(context, 'waiting'), server.client);
    if (target.isEmulator) {
      steps.gap('Ref of a secret gives its name, and the rule matches that; the refresh is forced instead');
      await aws.invoke(name, { force: true });
    }
    await expectToken(context, 'waiting', 1, AT_ONCE_SECONDS);
  });
}

/** Waits for the schedule: a second token, and the first one of the endpoint that was down. Nothing else invokes the functions. */
export async function checkSchedule(context: RunContext, endpointIsBack: boolean): Promise<void> {
  const { steps } = context;
  await steps.step('the schedule mints a second token by itself', () =>
    expectToken(context, 'filled', 2, SECOND_BEAT_SECONDS),
  );
  if (!endpointIsBack) return steps.note('the token endpoint cannot be started again: not tried');
  await steps.step('endpoint back: the next beat mints', () =>
    expectToken(context, 'outage', 1, SECOND_BEAT_SECONDS),
  );
}

/** Changes the secret of a token that is not due for 40 minutes, so that only the rule can cause the mint. */
export async function checkChangedSecret(context: RunContext): Promise<void> {
  const { aws, names, server, steps } = context;
  await steps.step('a changed secret mints at once', async () => {
    const { version = 0 } = await readStored(aws, pathOf(context, 'filled'));
    await putSecret(context, names.secret, server.changeSecret());
    await expectToken(context, 'filled', version + 1, AT_ONCE_SECONDS);
  });
}

async function putSecret({ aws }: RunContext, id: string, value: object): Promise<void> {
  await aws.callWith(
    JSON.stringify(value),
    ...['secretsmanager', 'put-secret-value', '--secret-id', id, '--secret-string', 'file:///dev/stdin'],
  );
}

/** Waits until a token of at least this version is stored, and asks the server about it. */
async function expectToken(
  context: RunContext,
  token: string,
  atLeast: number,
  timeoutSeconds: number,
): Promise<void> {
  const path = pathOf(context, token);
  const { accessToken = '' } = await waitForVersion(context.aws, path, atLeast, timeoutSeconds);
  assert.notEqual(await context.server.isLive(accessToken), false, 'the server does not accept it');
}

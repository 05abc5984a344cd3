import assert from 'node:assert/strict';
import type { Invocation } from './aws.ts';
import { type E2eHarness, functionOf, pathOf } from './e2e-harness.ts';
import { codeOfSecretWithoutValue } from './first-deployment.ts';
import { secretKnownTo } from './grants.ts';
import { expectLoggedFailure, expectMintReasons } from './logs.ts';
import { readStored, type StoredToken, waitForToken } from './stored-token.ts';

/** Secrets Manager's event, the rule and the mint together, on a busy machine. That the event minted is read from the log. */
const AT_ONCE_SECONDS = 60;
/** A rate of one minute, counted from the schedule's creation, and the emulator looks every ten seconds. */
const SECOND_BEAT_SECONDS = 130;

/** Stores the client into the secret that the stack made. */
export async function checkStoredSecret(harness: E2eHarness): Promise<void> {
  const { aws, server, steps, target } = harness;
  const path = pathOf(harness, 'waiting');
  await steps.step('no value in the secret: diagnose says what is wrong, and what to do', async () => {
    const { steps: found, healthy } = answerOf(
      await aws.invoke(functionOf(harness, 'waiting'), { diagnose: true }),
    ) as { steps: { step: string; code?: string; remedy?: string }[]; healthy: boolean };
    assert.equal(healthy, false);
    const secret = found.find(({ step }) => step === 'secret');
    assert.equal(secret?.code, await codeOfSecretWithoutValue(harness));
    assert.ok(secret?.remedy, 'no remedy');
  });
  await steps.step('storing the secret mints at once', async () => {
    const secret = await secretKnownTo(harness, 'waiting');
    const stored = await aws.callWith<{ Name: string; VersionId: string }>(
      JSON.stringify(server.client),
      ...['secretsmanager', 'put-secret-value', '--secret-id', secret.arn],
      ...['--secret-string', 'file:///dev/stdin'],
    );
    if (target.isEmulator && !secret.id.startsWith('arn:')) await announceByName(harness, secret.id, stored);
    await expectLive(harness, await waitForToken(aws, path, firstToken(AT_ONCE_SECONDS)));
    await expectMintReasons(harness, 'waiting', /^secret-changed$/);
  });
}

/** Waits for the schedule: a second token, and the first one of the endpoint that was down. */
export async function checkSchedule(harness: E2eHarness, endpointIsBack: boolean): Promise<void> {
  const { aws, steps } = harness;
  await steps.step('the schedule mints a second token by itself', async () => {
    const stored = await waitForToken(aws, pathOf(harness, 'filled'), {
      what: 'a second token',
      isReached: ({ version = 0 }) => version >= 2,
      timeoutSeconds: SECOND_BEAT_SECONDS,
    });
    await expectLive(harness, stored);
    await expectMintReasons(harness, 'filled', /^forced age( age)*$/);
  });
  if (!endpointIsBack) return steps.note('the token endpoint cannot be started again: not tried');
  await steps.step('endpoint back: the next beat mints', async () => {
    await expectLive(harness, await waitForToken(aws, pathOf(harness, 'outage'), firstToken(60)));
    await expectMintReasons(harness, 'outage', /^no-token( age)*$/);
  });
}

/** Invocations by hand, and a changed secret. Ends within the minute in which no beat mints. */
export async function checkInvocations(harness: E2eHarness): Promise<void> {
  const { aws, server, steps, names, target } = harness;
  const name = functionOf(harness, 'filled');
  const path = pathOf(harness, 'filled');
  await steps.step('aws lambda invoke {"force":true} mints', async () => {
    const before = await readStored(aws, path);
    const answer = answerOf(await aws.invoke(name, { force: true }));
    const after = await readStored(aws, path);
    assert.equal(answer.outcome, 'refreshed');
    assert.equal(answer.reason, 'forced');
    assert.ok((after.version ?? 0) > (before.version ?? 0), 'no new version');
    assert.equal(answer.tokenVersion, after.version);
    assert.equal(answer.fingerprint, after.status?.fingerprint);
    assert.notEqual(after.accessToken, before.accessToken);
    await expectLive(harness, after);
  });
  await steps.step('{} and {"minRemainingSeconds":60} leave a fresh token alone', async () => {
    const { version } = await readStored(aws, path);
    for (const event of [{}, { minRemainingSeconds: 60 }]) {
      const answer = answerOf(await aws.invoke(name, event));
      assert.deepEqual([answer.outcome, answer.satisfied], ['still-fresh', true]);
    }
    assert.equal((await readStored(aws, path)).version, version);
  });
  await steps.step('{"minRemainingSeconds":172800} answers "satisfied": false', async () => {
    const answer = answerOf(await aws.invoke(name, { minRemainingSeconds: 172_800 }));
    assert.deepEqual([answer.outcome, answer.satisfied], ['still-fresh', false]);
    assert.ok(Number(answer.remainingSeconds) > 0);
  });
  await steps.step('{"diagnose":true} finds every step in order, and stores nothing', async () => {
    const { version } = await readStored(aws, path);
    const answer = answerOf(await aws.invoke(name, { diagnose: true }));
    assert.equal(answer.healthy, true, JSON.stringify(answer));
    assert.equal((await readStored(aws, path)).version, version);
  });
  await steps.step('an unknown event fails as EVENT_INVALID', async () => {
    const answer = await aws.invoke(name, { forse: true });
    assert.ok(answer.failed, 'it succeeded');
    assert.match(answer.errorMessage, /"forse".* Send \{\}/);
    if (target.isEmulator && answer.errorType === 'Runtime.HandlerError') {
      steps.gap('errorType is always Runtime.HandlerError; the code is read from the log');
      await expectLoggedFailure(harness, 'filled', 'EVENT_INVALID');
    } else {
      assert.equal(answer.errorType, 'EVENT_INVALID');
    }
  });
  await steps.step('a changed secret mints at once', async () => {
    const { version = 0 } = await readStored(aws, path);
    await aws.callWith(
      JSON.stringify(server.changeSecret()),
      ...['secretsmanager', 'put-secret-value', '--secret-id', names.secret],
      ...['--secret-string', 'file:///dev/stdin'],
    );
    const stored = await waitForToken(aws, path, {
      what: 'a token with the new secret',
      isReached: (found) => (found.version ?? 0) > version,
      timeoutSeconds: AT_ONCE_SECONDS,
    });
    await expectLive(harness, stored);
    await expectMintReasons(harness, 'filled', / secret-changed$/);
  });
}

/** Sends Secrets Manager's event again, as the emulator's rule expects it. */
async function announceByName(
  { aws, steps }: E2eHarness,
  name: string,
  stored: { readonly Name: string; readonly VersionId: string },
): Promise<void> {
  steps.gap(
    'Ref of a secret gives its name, not its ARN, and the rule matches the name; the event is sent again, with the name',
  );
  const event = {
    Source: 'aws.secretsmanager',
    DetailType: 'Secret Label Updated',
    Resources: [name],
    Detail: JSON.stringify({
      name: stored.Name,
      labelUpdated: 'AWSCURRENT',
      versionId: stored.VersionId,
    }),
  };
  await aws.call('events', 'put-events', '--entries', JSON.stringify([event]));
}

function firstToken(timeoutSeconds: number) {
  return { what: 'a token', isReached: ({ version = 0 }: StoredToken) => version >= 1, timeoutSeconds };
}

async function expectLive({ server }: E2eHarness, { accessToken = '' }: StoredToken): Promise<void> {
  assert.notEqual(await server.isLive(accessToken), false, 'the server does not accept the stored token');
}

function answerOf(invocation: Invocation): Readonly<Record<string, unknown>> {
  if (invocation.failed) throw new Error(`${invocation.errorType}: ${invocation.errorMessage}`);
  return invocation.answer;
}

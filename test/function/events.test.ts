import { fingerprintOf } from '../../lambda/refresh/store.ts';
import { type FaultHarness, MINUTE_MS, useFaultHarnesses } from '../support/fault-harness.ts';

// The events of the contract, through the synthesized bundle in its own process.
const open = useFaultHarnesses();
const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

function resultOf(
  harness: FaultHarness,
  expected: { outcome: string; reason: string; tokenVersion: number },
) {
  return {
    ...expected,
    satisfied: true,
    fingerprint: fingerprintOf(harness.stored()?.value ?? ''),
    issuedAt: ISO,
    expiresAt: ISO,
    remainingSeconds: expect.any(Number),
  };
}

const secretLabelUpdated = {
  version: '0',
  id: '1b5d2e0c-0000-4000-8000-000000000000',
  'detail-type': 'Secret Label Updated',
  source: 'aws.secretsmanager',
  detail: { name: 'demo/oauth-client', labelUpdated: 'AWSCURRENT', versionId: 'v' },
};

test('the schedule’s event mints if there is no token, and keeps a fresh one', async () => {
  const harness = await open();
  const event = JSON.parse(harness.fn.schedule.input);

  const first = await harness.invoke(event);
  const later = [
    await harness.invoke(event),
    await harness.invoke({}),
    await harness.invoke({ source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} }),
  ];

  expect(first).toEqual(resultOf(harness, { outcome: 'refreshed', reason: 'no-token', tokenVersion: 1 }));
  expect(Date.parse(String(first.expiresAt)) - Date.parse(String(first.issuedAt))).toBe(3_600_000);
  expect(first.remainingSeconds).toBeGreaterThan(3_590);
  const fresh = resultOf(harness, { outcome: 'still-fresh', reason: 'not-due', tokenVersion: 1 });
  expect(later).toEqual([fresh, fresh, fresh]);
});

test('a due token is replaced, and the status describes the new one', async () => {
  const harness = await open();
  await harness.invoke({});
  harness.advance(51 * MINUTE_MS);

  const result = await harness.invoke({});

  expect(result).toEqual(resultOf(harness, { outcome: 'refreshed', reason: 'age', tokenVersion: 2 }));
  expect(harness.status()).toEqual({
    schemaVersion: 1,
    tokenVersion: 2,
    fingerprint: fingerprintOf(harness.stored()?.value ?? ''),
    issuedAt: ISO,
    expiresAt: ISO,
    expiresAtEpoch: expect.any(Number),
    refreshDueAt: ISO,
    provider: 'oauth2',
    source: expect.stringMatching(/^[0-9a-f]{16}$/),
    encryptionKey: null,
    secretStage: 'AWSCURRENT',
    jobGuaranteeSeconds: null,
    lastFailure: null,
  });
});

test.each([
  ['force', { force: true }, 'forced'],
  ['the event of a changed secret', secretLabelUpdated, 'secret-changed'],
])('%s mints now', async (_what, event, reason) => {
  const harness = await open();
  await harness.invoke({});
  harness.advance(MINUTE_MS);

  const result = await harness.invoke(event);

  expect(result).toEqual(resultOf(harness, { outcome: 'refreshed', reason, tokenVersion: 2 }));
});

test('minRemainingSeconds mints only if less than that is left', async () => {
  const harness = await open();
  await harness.invoke({});
  harness.advance(20 * MINUTE_MS);

  const enough = await harness.invoke({ minRemainingSeconds: 1800 });
  const tooLittle = await harness.invoke({ minRemainingSeconds: 2700 });

  expect(enough).toMatchObject({ reason: 'not-due', satisfied: true });
  expect(tooLittle).toEqual(
    resultOf(harness, { outcome: 'refreshed', reason: 'min-remaining', tokenVersion: 2 }),
  );
});

test('a request for more life than any token has mints nothing, however often it comes', async () => {
  const harness = await open();
  const event = { minRemainingSeconds: 86_400 };
  await harness.invoke({});

  const results = [await harness.invoke(event), await harness.invoke(event), await harness.invoke(event)];

  for (const result of results)
    expect(result).toMatchObject({ outcome: 'still-fresh', satisfied: false, tokenVersion: 1 });
  expect(harness.tokens.size).toBe(1);
});

test('during a backoff, a request for more life returns the stored token and the error code', async () => {
  const harness = await open();
  await harness.invoke({});
  harness.advance(20 * MINUTE_MS);
  harness.authorizationServer.faults.always('token', { kind: 'answer', status: 401 });

  const failure = await harness.failure({ force: true });
  const result = await harness.invoke({ minRemainingSeconds: 2700 });

  expect(failure.name).toBe('TOKEN_REJECTED');
  expect(result).toEqual({
    ...resultOf(harness, { outcome: 'still-fresh', reason: 'backoff', tokenVersion: 1 }),
    satisfied: false,
    failure: 'TOKEN_REJECTED',
  });
});

test('diagnose runs every step and stores nothing', async () => {
  const harness = await open();
  await harness.invoke({});

  const { healthy, steps } = await harness.invoke({ diagnose: true });

  const names = (steps as { step: string }[]).map(({ step }) => step);
  expect(healthy).toBe(true);
  expect(names).toEqual(['config', 'secret', 'token-endpoint', 'scope', 'probe', 'parameters', 'clock']);
  expect(harness.stored()?.version).toBe(1);
});

test('an unknown event is EVENT_INVALID, and nothing is minted', async () => {
  const harness = await open();

  const error = await harness.failure({ source: 'aws.s3', 'detail-type': 'Object Created', detail: {} });

  expect(error.name).toBe('EVENT_INVALID');
  expect(error.message).toContain('Nothing was minted or stored.');
  expect(harness.tokens.size).toBe(0);
});

test('each invocation writes one line of JSON; its metric is the remaining life as a reader saw it', async () => {
  const harness = await open();
  await harness.invoke({});
  harness.advance(51 * MINUTE_MS);
  await harness.invoke({});
  harness.authorizationServer.faults.always('token', { kind: 'reset' });
  await harness.failure({ force: true });
  await harness.failure({ nonsense: true });

  const lines = harness.process.lines.map((line) => JSON.parse(line));

  const metric = {
    Namespace: 'TokenRefresher',
    Dimensions: [['TokenParameter']],
    Metrics: [{ Name: 'RemainingSeconds', Unit: 'Seconds' }],
  };
  expect(lines.map(({ level }) => level)).toEqual(['info', 'info', 'error', 'error']);
  expect(lines[2].error.code).toBe('TOKEN_ENDPOINT_UNAVAILABLE');
  const remaining = lines.map(({ RemainingSeconds }) => Math.round(RemainingSeconds / 60));
  expect(remaining).toEqual([0, 9, 60, Number.NaN]);
  for (const line of lines.slice(0, 3)) {
    expect(line._aws).toEqual({ Timestamp: expect.any(Number), CloudWatchMetrics: [metric] });
    expect(line.TokenParameter).toBe('/ci/demo/access-token');
  }
});

import { setTimeout as pause } from 'node:timers/promises';
import { type Harness, MINUTE_MS, parametersOf } from '../../local/harness.ts';
import { useHarnesses } from './harnesses.ts';

// Through the synthesized bundle in its own process, with the synthesized policy.
const open = useHarnesses();
const { token: TOKEN_PARAMETER } = parametersOf('demo');

test('each invocation writes one line of JSON; its metric is the remaining life as a reader saw it', async () => {
  const harness = await open();
  await harness.invoke({});
  harness.advance(51 * MINUTE_MS);
  await harness.invoke({});
  harness.authorizationServer.faults.always('token', { kind: 'reset' });
  await harness.beat({ force: true });
  await harness.beat({ nonsense: true });

  const lines = harness.process.lines.map((line) => JSON.parse(line));

  const metric = {
    Namespace: 'TokenRefresher',
    Dimensions: [['TokenParameter']],
    Metrics: [{ Name: 'RemainingSeconds', Unit: 'Seconds' }],
  };
  expect(lines.map(({ level }) => level)).toEqual(['info', 'info', 'error', 'error']);
  expect(lines[2].error.code).toBe('TOKEN_ENDPOINT_UNAVAILABLE');
  const remaining = lines.map(({ RemainingSeconds }) => Math.round(RemainingSeconds / 60));
  expect(remaining).toEqual([0, 9, 60, 60]);
  for (const line of lines.slice(0, 3)) {
    expect(line._aws).toEqual({ Timestamp: expect.any(Number), CloudWatchMetrics: [metric] });
    expect(line.TokenParameter).toBe(TOKEN_PARAMETER);
  }
});

test('an invocation of any kind that finds the token due replaces it first, by one mint', async () => {
  const harness = await open();
  await harness.invoke({});
  const line = () => JSON.parse(harness.process.lines.at(-1) ?? '{}');
  harness.advance(51 * MINUTE_MS);

  const diagnosis = await harness.invoke({ diagnose: true });

  expect(harness.aws.ssm.parameters.get(TOKEN_PARAMETER)?.versions).toHaveLength(2);
  expect(harness.tokens.size).toBe(2);
  expect(diagnosis).toMatchObject({ healthy: true });
  harness.advance(51 * MINUTE_MS);
  expect(await harness.beat({ nonsense: true })).toBe('EVENT_INVALID');
  expect(harness.tokens.size).toBe(3);
  // The alarm "failing" does not count it.
  expect(line()).toMatchObject({ error: { code: 'EVENT_INVALID' }, InvalidEvents: 1 });
  // A refresh that fails in such an invocation counts.
  harness.advance(51 * MINUTE_MS);
  harness.authorizationServer.faults.always('token', { kind: 'reset' });
  expect(await harness.beat({ nonsense: true })).toBe('EVENT_INVALID');
  expect(line()).toMatchObject({ failure: 'TOKEN_ENDPOINT_UNAVAILABLE', error: { code: 'EVENT_INVALID' } });
  expect(line()).not.toHaveProperty('InvalidEvents');
});

test('a hundred jobs that ask for more life cause one mint where concurrency is reserved', async () => {
  const harness = await open();
  await harness.invoke({});
  harness.advance(20 * MINUTE_MS);

  const results = await Promise.all(Array.from({ length: 100 }, () => invokePatiently(harness)));

  expect(harness.fn.reservedConcurrency).toBe(1);
  expect(harness.process.starts).toBe(1);
  expect(harness.tokens.size).toBe(2);
  expect(results.filter(({ satisfied }) => satisfied)).toHaveLength(100);
  expect(results.filter(({ outcome }) => outcome === 'refreshed')).toHaveLength(1);
});

/** As `ci/access-token` does: Lambda's refusal of a second invocation is a reason to ask again, a little later. */
async function invokePatiently(harness: Harness): Promise<Readonly<Record<string, unknown>>> {
  for (;;) {
    try {
      return await harness.invoke({ minRemainingSeconds: 3000 });
    } catch (error) {
      if ((error as Error).name !== 'TooManyRequestsException') throw error;
      await pause(200 + Math.random() * 600);
    }
  }
}

test('where tagging is denied, the token is stored all the same, and the log says what was denied', async () => {
  const harness = await open({ token: () => ({ tags: { team: 'contact-centre' } }) });
  harness.storeToken('old');
  harness.aws.faults.add({ match: { operation: 'AddTagsToResource' }, fault: { kind: 'deny' } });

  const answer = await harness.beat({ force: true });

  expect(answer).toBe('refreshed, forced');
  expect(harness.stored()?.version).toBe(2);
  expect(harness.written()).toContain(
    `The parameters could not be tagged: ssm:AddTagsToResource on ${TOKEN_PARAMETER} failed`,
  );
});

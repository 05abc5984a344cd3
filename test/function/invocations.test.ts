import { setTimeout as pause } from 'node:timers/promises';
import { type Harness, MINUTE_MS } from '../../local/harness.ts';
import { TOKEN_PARAMETER, useHarnesses } from './harnesses.ts';

// Through the synthesized bundle in its own process, with the synthesized policy.
const open = useHarnesses();

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
    expect(line.TokenParameter).toBe(TOKEN_PARAMETER);
  }
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
  const harness = await open({ token: () => ({ tags: { team: 'contact-centre' } }), isDenied: true });
  harness.storeToken('old');
  harness.aws.faults.add({ match: { operation: 'AddTagsToResource' }, fault: { kind: 'deny' } });

  const answer = await harness.beat({ force: true });

  expect(answer).toBe('refreshed, forced');
  expect(harness.stored()?.version).toBe(2);
  expect(harness.written()).toContain(
    `The parameters could not be tagged: ssm:AddTagsToResource on ${TOKEN_PARAMETER} failed`,
  );
});

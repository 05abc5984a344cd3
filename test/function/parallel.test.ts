import { setTimeout as pause } from 'node:timers/promises';
import { type Harness, MINUTE_MS } from '../../local/harness.ts';
import { CALLS, holdUntilAllMeet, useHarnesses } from './harnesses.ts';

const open = useHarnesses();

/** As `ci/access-token` does: Lambda's refusal of a second invocation is a reason to ask again, a little later. */
async function invokePatiently(harness: Harness, event: object): Promise<Readonly<Record<string, unknown>>> {
  for (;;) {
    try {
      return await harness.invoke(event);
    } catch (error) {
      if ((error as Error).name !== 'TooManyRequestsException') throw error;
      await pause(200 + Math.random() * 600);
    }
  }
}

/** Reads continuously while something runs. Returns its result, and the failed reads. */
async function whileReading<T>(
  harness: Harness,
  action: () => Promise<T>,
): Promise<{ readonly result: T; readonly problems: readonly string[] }> {
  const problems: string[] = [];
  let isRunning = true;
  const reading = (async () => {
    while (isRunning) {
      const { problem } = await harness.read();
      if (problem) problems.push(problem);
      await pause(5);
    }
  })();
  try {
    return { result: await action(), problems };
  } finally {
    isRunning = false;
    await reading;
  }
}

test('a hundred jobs that ask for more life cause one mint where concurrency is reserved', async () => {
  const harness = await open();
  await harness.invoke({});
  harness.advance(20 * MINUTE_MS);
  const event = { minRemainingSeconds: 3000 };

  const { result, problems } = await whileReading(harness, () =>
    Promise.all(Array.from({ length: 100 }, () => invokePatiently(harness, event))),
  );

  expect(harness.fn.reservedConcurrency).toBe(1);
  expect(harness.process.starts).toBe(1);
  expect(harness.tokens.size).toBe(2);
  expect(result.filter(({ satisfied }) => satisfied)).toHaveLength(100);
  expect(result.filter(({ outcome }) => outcome === 'refreshed')).toHaveLength(1);
  expect(problems).toEqual([]);
});

test('ten mints at the same moment are harmless where none is reserved: no reader sees a dead token', async () => {
  const harness = await open({ token: () => ({ reservedConcurrency: 0 }) });
  await harness.invoke({});
  harness.advance(20 * MINUTE_MS);
  holdUntilAllMeet(harness, CALLS.GetSecretValue, 10);

  const { problems } = await whileReading(harness, async () => {
    await Promise.all(Array.from({ length: 10 }, () => harness.invoke({ minRemainingSeconds: 2700 })));
    harness.aws.faults.clear();
    harness.advance(MINUTE_MS);
    await harness.invoke({});
  });

  expect(harness.fn.reservedConcurrency).toBeUndefined();
  expect(harness.process.starts).toBe(10);
  expect(problems).toEqual([]);
  const latest = Math.max(...[...harness.tokens.values()].map((expiry) => expiry.getTime()));
  const stored = harness.tokens.get(harness.stored()?.value ?? '')?.getTime() ?? 0;
  // Tokens of the same life that were minted at the same moment differ by the moment only.
  expect(latest - stored).toBeLessThan(10_000);
  expect(harness.status()).toMatchObject({ tokenVersion: harness.stored()?.version, lastFailure: null });
});

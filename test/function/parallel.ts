import { setTimeout as pause } from 'node:timers/promises';
import { fingerprintOf } from '../../lambda/refresh/store.ts';
import { type FunctionHarness, openFunctionHarness } from '../../local/function-harness.ts';
import { MINUTE_MS, plainRoom, play, type Scene, TOKEN_PARAMETER } from './stage.ts';

/** As `ci/access-token` does: Lambda's refusal of a second invocation is a reason to ask again, a little later. */
async function invokePatiently(scene: Scene, event: object): Promise<Readonly<Record<string, unknown>>> {
  for (;;) {
    try {
      return await scene.invoke(event);
    } catch (error) {
      if ((error as Error).name !== 'TooManyRequestsException') throw error;
      await pause(200 + Math.random() * 600);
    }
  }
}

/** Reads all the time while something runs; gives back what went wrong. */
async function whileReading(scene: Scene, action: () => Promise<unknown>): Promise<readonly string[]> {
  const problems: string[] = [];
  let isRunning = true;
  const reading = (async () => {
    while (isRunning) {
      const { problem } = await scene.readOnce();
      if (problem) problems.push(problem);
      await pause(5);
    }
  })();
  try {
    await action();
  } finally {
    isRunning = false;
    await reading;
  }
  return problems;
}

describe('many at once, through the synthesized bundle', () => {
  test(
    'a hundred jobs that ask for more life cause one mint where concurrency is reserved',
    () =>
      play({}, async (scene) => {
        expect(scene.fn.reservedConcurrency).toBe(1);
        await scene.invoke({});
        scene.advance(20 * MINUTE_MS);
        const before = scene.tokens.size;
        const results: Readonly<Record<string, unknown>>[] = [];
        const problems = await whileReading(scene, async () => {
          const event = { minRemainingSeconds: 3000 };
          results.push(
            ...(await Promise.all(Array.from({ length: 100 }, () => invokePatiently(scene, event)))),
          );
        });
        expect(scene.tokens.size - before).toBe(1);
        expect(results.filter(({ satisfied }) => satisfied)).toHaveLength(100);
        expect(results.filter(({ outcome }) => outcome === 'refreshed')).toHaveLength(1);
        expect(scene.process.starts).toBe(1);
        expect(problems).toEqual([]);
      }),
    30_000,
  );

  describe('without the limit', () => {
    let base: FunctionHarness;

    beforeAll(async () => {
      base = await openFunctionHarness({
        beside: await plainRoom(),
        token: () => ({ reservedConcurrency: 0 }),
      });
    });
    afterAll(() => base.close());

    test('an older mint that writes last does not win over a later-expiring token', () =>
      play({ base }, async (scene) => {
        await scene.invoke({});
        scene.advance(51 * MINUTE_MS);
        const arrived = Promise.withResolvers<void>();
        const opened = Promise.withResolvers<void>();
        const match = { operation: 'PutParameter', name: TOKEN_PARAMETER, nth: 1 };
        scene.aws.faults.hook('before-executing', match, () => {
          arrived.resolve();
          return opened.promise;
        });
        scene.authorizationServer.setLifetime(900);
        const older = scene.invoke({});
        await arrived.promise;
        scene.authorizationServer.setLifetime(3600);
        const newer = await scene.invoke({});
        opened.resolve();
        expect(await older).toMatchObject({ reason: 'concurrent-mint', expiresAt: newer.expiresAt });
        expect(scene.status()).toMatchObject({ tokenVersion: 4, expiresAt: newer.expiresAt });
        expect(fingerprintOf(scene.stored()?.value ?? '')).toBe(newer.fingerprint);
      }));

    test(
      'twenty mints at the same moment are harmless: no reader sees a dead token, a beat later all agrees',
      () =>
        play({ base }, async (scene) => {
          expect(scene.fn.reservedConcurrency).toBeUndefined();
          await scene.invoke({});
          scene.advance(20 * MINUTE_MS);
          const all = Promise.withResolvers<void>();
          let arrived = 0;
          scene.aws.faults.hook('before-executing', { operation: 'GetSecretValue' }, () => {
            arrived += 1;
            if (arrived >= 20) all.resolve();
            return all.promise;
          });
          const problems = await whileReading(scene, async () => {
            await Promise.all(Array.from({ length: 20 }, () => scene.invoke({ minRemainingSeconds: 2700 })));
            scene.aws.faults.clear();
            scene.advance(MINUTE_MS);
            await scene.invoke({});
          });
          expect(scene.process.starts).toBe(20);
          expect(problems).toEqual([]);
          const latest = Math.max(...[...scene.tokens.values()].map((expiry) => expiry.getTime()));
          const stored = scene.tokens.get(scene.stored()?.value ?? '')?.getTime() ?? 0;
          // Tokens of the same life that were minted at the same moment differ by the moment only.
          expect(latest - stored).toBeLessThan(10_000);
          expect(scene.status()).toMatchObject({ tokenVersion: scene.stored()?.version, lastFailure: null });
        }),
      30_000,
    );
  });
});

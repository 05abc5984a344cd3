import fc from 'fast-check';
import { BEAT_MS, dueAgeMs, dyingAlarm, guarantee } from '../../../lambda/contract.ts';

/** From the beat of the last breaching minute on: the minute's end, and CloudWatch. */
const EVALUATION_MS = 2 * BEAT_MS;

/** How late a beat may come. */
const JITTER_MS = 15_000;

/** A token's life, its interval, and when its first beat comes, in milliseconds. */
const lives = fc.record({
  lifetimeMs: fc.integer({ min: 5, max: 2880 }).map((minutes) => minutes * 60_000),
  intervalMs: fc.integer({ min: 1, max: 1440 }).map((minutes) => minutes * 60_000),
  firstBeatMs: fc.integer({ min: 0, max: BEAT_MS - 1 }),
});

test('a token that is refreshed in time never comes near the threshold', () => {
  fc.assert(
    fc.property(lives, ({ lifetimeMs, intervalMs, firstBeatMs }) => {
      const promise = guarantee(lifetimeMs, intervalMs);
      fc.pre(promise.outageToleranceMs > 0);
      // The oldest token that a beat finds: it was not quite due a beat ago.
      const dueMs = dueAgeMs(promise.refreshAfterMs);
      const beatsBefore = Math.max(0, Math.ceil((dueMs - firstBeatMs) / BEAT_MS));
      const remainingMs = lifetimeMs - (firstBeatMs + beatsBefore * BEAT_MS + JITTER_MS);
      expect(remainingMs / 1000).toBeGreaterThanOrEqual(dyingAlarm(promise).thresholdSeconds);
    }),
    { numRuns: 2_000 },
  );
});

test('the alarm comes while the token still lives, or the stack warns that it may not', () => {
  fc.assert(
    fc.property(lives, ({ lifetimeMs, intervalMs, firstBeatMs }) => {
      const { thresholdSeconds, datapoints, comesInTime } = dyingAlarm(guarantee(lifetimeMs, intervalMs));
      fc.pre(comesInTime);
      let atMs = firstBeatMs;
      for (let breaching = 0; breaching < datapoints; atMs += BEAT_MS) {
        breaching = (lifetimeMs - atMs) / 1000 < thresholdSeconds ? breaching + 1 : 0;
      }
      const raisedAtMs = atMs - BEAT_MS + EVALUATION_MS;
      expect(raisedAtMs).toBeLessThanOrEqual(lifetimeMs);
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  [60, 50, { thresholdSeconds: 480, datapoints: 5, comesInTime: true }],
  [1440, 50, { thresholdSeconds: 41_670, datapoints: 5, comesInTime: true }],
  [10, 4, { thresholdSeconds: 300, datapoints: 2, comesInTime: true }],
  [10, 50, { thresholdSeconds: 130, datapoints: 1, comesInTime: false }],
])(
  'tokens of %i minutes, replaced within %i, have the alarm of the simulation',
  (lifetime, interval, expected) => {
    expect(dyingAlarm(guarantee(lifetime * 60_000, interval * 60_000))).toEqual(expected);
  },
);

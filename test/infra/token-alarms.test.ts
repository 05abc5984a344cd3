import { Duration } from 'aws-cdk-lib';
import fc from 'fast-check';
import { dyingThreshold, warnsInTime } from '../../infra/token-alarms.ts';
import { BEAT_MS, guarantee } from '../../lambda/guarantee.ts';

/** The alarm: two minutes in a row below the threshold, a minute to close the second and one to evaluate it. */
const DATAPOINTS = 2;
const EVALUATION_MS = 2 * 60_000;

/** A token's life, its interval, and how late each beat comes, in milliseconds. */
const lives = fc.record({
  lifetimeMs: fc.integer({ min: 5, max: 2880 }).map((minutes) => minutes * 60_000),
  intervalMs: fc.integer({ min: 1, max: 1440 }).map((minutes) => minutes * 60_000),
  firstBeatMs: fc.integer({ min: 0, max: BEAT_MS - 1 }),
});

test('a token that is refreshed in time never comes near the threshold', () => {
  fc.assert(
    fc.property(lives, ({ lifetimeMs, intervalMs, firstBeatMs }) => {
      const { refreshAfterMs, outageToleranceMs } = guarantee(lifetimeMs, intervalMs);
      fc.pre(outageToleranceMs >= BEAT_MS);
      // The oldest token that a beat finds: it was not quite due a beat ago.
      const beatsBefore = Math.ceil((refreshAfterMs - firstBeatMs) / BEAT_MS);
      const remainingMs = lifetimeMs - (firstBeatMs + Math.max(0, beatsBefore) * BEAT_MS);
      expect(remainingMs / 1000).toBeGreaterThan(thresholdOf(outageToleranceMs));
    }),
  );
});

test('the alarm comes while the token still lives, or the stack warns that it may not', () => {
  fc.assert(
    fc.property(lives, ({ lifetimeMs, intervalMs, firstBeatMs }) => {
      const { outageToleranceMs } = guarantee(lifetimeMs, intervalMs);
      fc.pre(warnsInTime(Duration.millis(outageToleranceMs)));
      const threshold = thresholdOf(outageToleranceMs);
      let atMs = firstBeatMs;
      for (let breaching = 0; breaching < DATAPOINTS; atMs += BEAT_MS) {
        breaching = (lifetimeMs - atMs) / 1000 < threshold ? breaching + 1 : 0;
      }
      const raisedAtMs = atMs - BEAT_MS + EVALUATION_MS;
      expect(raisedAtMs).toBeLessThanOrEqual(lifetimeMs);
    }),
  );
});

test('an hour that is refreshed after 50 minutes is watched in time, and so is a day', () => {
  for (const minutes of [60, 1440]) {
    const { outageToleranceMs } = guarantee(minutes * 60_000, 50 * 60_000);
    expect(warnsInTime(Duration.millis(outageToleranceMs))).toBe(true);
  }
});

function thresholdOf(outageToleranceMs: number): number {
  return dyingThreshold(Duration.millis(outageToleranceMs)).toSeconds();
}

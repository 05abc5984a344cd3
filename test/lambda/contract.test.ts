import fc from 'fast-check';
import { dueAgeMs, greatestLongestJobMs, guarantee } from '../../lambda/contract.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const lifetimes = fc.integer({ min: 2 * 60, max: 48 * 3_600 }).map((seconds) => seconds * SECOND);
const intervals = fc.integer({ min: 1, max: 1_440 }).map((minutes) => minutes * MINUTE);

/** A lifetime, an interval, and a longest job that such tokens can be configured for. */
const jobs = fc
  .record({
    lifetimeMs: lifetimes.filter((lifetimeMs) => greatestLongestJobMs(lifetimeMs) > 0),
    refreshIntervalMs: intervals,
    share: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
  })
  .map(({ lifetimeMs, refreshIntervalMs, share }) => ({
    lifetimeMs,
    times: { refreshIntervalMs, longestJobMs: Math.floor(greatestLongestJobMs(lifetimeMs) * share) },
  }));

test('tokens of an hour keep jobs of 45 minutes: replaced after 7 min 30 s, through 6 min 10 s of outage', () => {
  const times = { refreshIntervalMs: 50 * MINUTE, longestJobMs: 45 * MINUTE };

  const promise = guarantee(60 * MINUTE, times);

  expect(promise).toEqual({
    refreshAfterMs: 7.5 * MINUTE,
    floorMs: 51 * MINUTE + 10 * SECOND,
    outageToleranceMs: 51 * MINUTE + 30 * SECOND,
    job: { longestJobMs: 45 * MINUTE, outageToleranceMs: 6 * MINUTE + 10 * SECOND },
  });
});

test('each token read lives as long as the longest job, and no other guarantee gets worse', () => {
  fc.assert(
    fc.property(jobs, ({ lifetimeMs, times }) => {
      const promise = guarantee(lifetimeMs, times);
      const without = guarantee(lifetimeMs, { refreshIntervalMs: times.refreshIntervalMs });

      expect(promise.job?.longestJobMs).toBe(times.longestJobMs);
      expect(promise.floorMs).toBeGreaterThanOrEqual(times.longestJobMs);
      expect(promise.floorMs).toBeGreaterThanOrEqual(without.floorMs);
      expect(promise.outageToleranceMs).toBeGreaterThanOrEqual(without.outageToleranceMs);
      // From 6 minutes on, the early first try takes nothing from M - J.
      const leftMs = promise.refreshAfterMs >= 6 * MINUTE ? promise.floorMs - times.longestJobMs : null;
      expect(leftMs ?? promise.job?.outageToleranceMs).toBe(promise.job?.outageToleranceMs);
    }),
  );
});

test('the greatest longest job is possible with tokens that live a minute less, without a mint on each beat', () => {
  fc.assert(
    fc.property(jobs, fc.integer({ min: 0, max: 60 }), ({ lifetimeMs }, secondsLess) => {
      const times = { refreshIntervalMs: 50 * MINUTE, longestJobMs: greatestLongestJobMs(lifetimeMs) };
      const realMs = lifetimeMs - secondsLess * SECOND;

      const { job, floorMs, refreshAfterMs: refreshAfter } = guarantee(realMs, times);

      expect(job?.longestJobMs).toBe(times.longestJobMs);
      expect(floorMs).toBeGreaterThanOrEqual(times.longestJobMs);
      expect(dueAgeMs(refreshAfter)).toBeGreaterThan(MINUTE);
    }),
  );
});

test('a longest job that the lifetime is too short for is ignored', () => {
  const beyond = fc.integer({ min: MINUTE + 1, max: 60 * MINUTE });
  fc.assert(
    fc.property(lifetimes, intervals, beyond, (lifetimeMs, refreshIntervalMs, beyondMs) => {
      const longestJobMs = Math.max(MINUTE, greatestLongestJobMs(lifetimeMs) + beyondMs);

      const promise = guarantee(lifetimeMs, { refreshIntervalMs, longestJobMs });

      expect(promise).toEqual({ ...guarantee(lifetimeMs, { refreshIntervalMs }), job: null });
    }),
  );
});

test('the first try comes 110 s before R, or a quarter of R before, where that is less', () => {
  expect(dueAgeMs(50 * MINUTE)).toBe(50 * MINUTE - 110 * SECOND);
  expect(dueAgeMs(4 * MINUTE)).toBe(3 * MINUTE);
});

test('the outage tolerance is shorter by what a short R takes from the early first try', () => {
  const { outageToleranceMs, floorMs } = guarantee(10 * MINUTE, { refreshIntervalMs: 4 * MINUTE });

  expect(outageToleranceMs).toBe(5 * MINUTE - 50 * SECOND);
  expect(floorMs).toBe(5 * MINUTE - 20 * SECOND);
});

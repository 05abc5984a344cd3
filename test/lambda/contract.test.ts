import { dueAgeMs, greatestLongestJobMs, guarantee } from '../../lambda/contract.ts';

/* Examples. That the guarantees hold is shown by refresh/readers-never-see-an-expired-token.test.ts. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const refreshIntervalMs = 50 * MINUTE;

test('tokens of an hour keep jobs of 45 minutes: replaced after 7 min 30 s, through 6 min 10 s of outage', () => {
  expect(guarantee(60 * MINUTE, { refreshIntervalMs, longestJobMs: 45 * MINUTE })).toEqual({
    refreshAfterMs: 7.5 * MINUTE,
    floorMs: 51 * MINUTE + 10 * SECOND,
    outageToleranceMs: 51 * MINUTE + 30 * SECOND,
    job: { longestJobMs: 45 * MINUTE, outageToleranceMs: 6 * MINUTE + 10 * SECOND },
  });
});

test('a token is replaced at the interval, or at 5/6 of its life, where that is less', () => {
  expect(guarantee(60 * MINUTE, { refreshIntervalMs: 20 * MINUTE }).refreshAfterMs).toBe(20 * MINUTE);
  expect(guarantee(30 * MINUTE, { refreshIntervalMs }).refreshAfterMs).toBe(25 * MINUTE);
});

test('the greatest longest job is possible with tokens that live a minute less, without a mint on each beat', () => {
  const longestJobMs = greatestLongestJobMs(30 * MINUTE);

  const { job, floorMs, refreshAfterMs } = guarantee(29 * MINUTE, { refreshIntervalMs, longestJobMs });

  expect([longestJobMs, job?.longestJobMs]).toEqual([24 * MINUTE, 24 * MINUTE]);
  expect(floorMs).toBeGreaterThanOrEqual(longestJobMs);
  expect(dueAgeMs(refreshAfterMs)).toBeGreaterThan(MINUTE);
});

test('a longest job that the lifetime is too short for is ignored', () => {
  const longestJobMs = greatestLongestJobMs(30 * MINUTE) + 1;

  const promise = guarantee(29 * MINUTE, { refreshIntervalMs, longestJobMs });

  expect(promise).toEqual({ ...guarantee(29 * MINUTE, { refreshIntervalMs }), job: null });
});

test('the first try comes 110 s before R, or a quarter of R before, where that is less', () => {
  expect(dueAgeMs(50 * MINUTE)).toBe(50 * MINUTE - 110 * SECOND);
  expect(dueAgeMs(4 * MINUTE)).toBe(3 * MINUTE);
});

test('the outage tolerance is shorter by what a short R takes from the early first try', () => {
  const { outageToleranceMs, floorMs } = guarantee(10 * MINUTE, { refreshIntervalMs: 4 * MINUTE });
  const { job } = guarantee(60 * MINUTE, { refreshIntervalMs, longestJobMs: 52 * MINUTE });

  expect(outageToleranceMs).toBe(5 * MINUTE - 50 * SECOND);
  expect(floorMs).toBe(5 * MINUTE - 20 * SECOND);
  expect(job?.outageToleranceMs).toBe(2 * MINUTE + 10 * SECOND);
});

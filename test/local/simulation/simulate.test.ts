import { isRaised, ringAlarm } from '../../../local/simulation/alarm.ts';
import { gapsOf, simulate } from '../../../local/simulation/simulate.ts';
import { createWindows } from '../../../local/simulation/windows.ts';
import { createQuietWorld, DAY_MS, HOUR_MS, MINUTE_MS } from '../../../local/simulation/world.ts';

const ALARM = { thresholdSeconds: 480, datapoints: 5, countsMissingAsZero: true };

test('a day in which nothing goes wrong has no gap, and a mint every 49 minutes', async () => {
  const outcome = await liveThrough([]);

  expect(gapsOf(outcome)).toEqual([]);
  expect(outcome.stored.map(({ writtenAt }) => Math.floor(writtenAt / MINUTE_MS)).slice(0, 4)).toEqual([
    0, 49, 98, 147,
  ]);
});

test('an outage that outlasts the token makes a gap that ends within a beat, and an alarm before it', async () => {
  const outage = { from: 8 * HOUR_MS, to: 10 * HOUR_MS };

  const outcome = await liveThrough([outage]);
  const gaps = gapsOf(outcome);

  expect(gaps).toHaveLength(1);
  expect(gaps[0]?.to).toBeGreaterThan(outage.to);
  expect(gaps[0]?.to).toBeLessThan(outage.to + MINUTE_MS);
  expect(isRaised(ringAlarm(outcome.remainingSeconds, ALARM, HOUR_MS), gaps[0]?.from ?? 0)).toBe(true);
});

test('the alarm rings when the metric has stopped for five minutes, and not for a hole of four', () => {
  const healthy = new Float64Array(120).fill(2_000);
  const hole = healthy.map((value, minute) => (minute >= 60 && minute < 64 ? Number.NaN : value));
  const stopped = healthy.map((value, minute) => (minute >= 60 ? Number.NaN : value));

  const rings = [healthy, hole, stopped].map((metric) => ringAlarm(metric, ALARM, 10 * MINUTE_MS));

  expect(rings).toEqual([
    [],
    [],
    [{ from: 66 * MINUTE_MS, to: Number.POSITIVE_INFINITY, isHeartbeatMissing: true }],
  ]);
});

async function liveThrough(outages: readonly { from: number; to: number }[]) {
  const value = { code: 'TOKEN_ENDPOINT_UNAVAILABLE', latencyMs: 200 } as const;
  const endpoint = createWindows(outages.map((outage) => ({ ...outage, value })));
  return await simulate({
    world: createQuietWorld({ lifetimeMs: HOUR_MS, spanMs: DAY_MS, endpoint }),
    reads: [],
    strategy: { name: 'ours', kind: 'ours', refreshIntervalMs: 50 * MINUTE_MS },
  });
}

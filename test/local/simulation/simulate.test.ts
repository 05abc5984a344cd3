import { judgeAlarm, ringAlarm } from '../../../local/simulation/alarm.ts';
import { createQuietWorld } from '../../../local/simulation/quiet-world.ts';
import { simulate } from '../../../local/simulation/simulate.ts';
import { createWindows } from '../../../local/simulation/windows.ts';
import { createWorld, DAY_MS, HOUR_MS, MINUTE_MS } from '../../../local/simulation/world.ts';

const OURS = { name: 'ours', kind: 'ours', refreshIntervalMs: 50 * MINUTE_MS } as const;

test('the world of a seed is the same each time', () => {
  const options = {
    seed: 7,
    spanMs: DAY_MS,
    lifetimeMs: HOUR_MS,
    server: { kind: 'plain', idleTimeoutMs: null },
  } as const;

  const [one, again, another] = [options, options, { ...options, seed: 8 }].map(createWorld);

  expect(again?.beats).toEqual(one?.beats);
  expect(another?.beats).not.toEqual(one?.beats);
});

describe('a day of one-hour tokens', () => {
  test('has no gap and a mint every 49 minutes where nothing goes wrong', async () => {
    const outcome = await liveThrough([]);

    expect(outcome.gaps).toEqual([]);
    expect(outcome.stored.map(({ writtenAt }) => Math.floor(writtenAt / MINUTE_MS)).slice(0, 4)).toEqual([
      0, 49, 98, 147,
    ]);
  });

  test('has a gap that ends within a beat where an outage outlasts the token, and an alarm before it', async () => {
    const outage = { from: 8 * HOUR_MS, to: 10 * HOUR_MS };

    const outcome = await liveThrough([outage]);
    const ringing = ringAlarm(
      outcome.remainingSeconds,
      { thresholdSeconds: 480, datapoints: 5, countsMissingAsZero: true },
      HOUR_MS,
    );

    expect(outcome.gaps).toHaveLength(1);
    expect(outcome.gaps[0]?.to).toBeGreaterThan(outage.to);
    expect(outcome.gaps[0]?.to).toBeLessThan(outage.to + MINUTE_MS);
    expect(judgeAlarm(ringing, outcome.gaps)).toMatchObject({ lapses: 1, announced: 1, withoutLapse: 0 });
  });
});

test('the alarm rings when the metric has stopped for five minutes, and not for a hole of four', () => {
  const settings = { thresholdSeconds: 480, datapoints: 5, countsMissingAsZero: true };
  const healthy = new Float64Array(120).fill(2_000);
  const hole = healthy.map((value, minute) => (minute >= 60 && minute < 64 ? Number.NaN : value));
  const stopped = healthy.map((value, minute) => (minute >= 60 ? Number.NaN : value));

  const rings = [
    ringAlarm(healthy, settings, 0),
    ringAlarm(hole, settings, 10 * MINUTE_MS),
    ringAlarm(stopped, settings, 10 * MINUTE_MS),
  ];

  expect(rings).toEqual([
    [],
    [],
    [{ from: 66 * MINUTE_MS, to: Number.POSITIVE_INFINITY, isHeartbeatMissing: true }],
  ]);
});

async function liveThrough(outages: readonly { from: number; to: number }[]) {
  const world = createQuietWorld({
    lifetimeMs: HOUR_MS,
    spanMs: DAY_MS,
    endpoint: createWindows(
      outages.map((outage) => ({
        ...outage,
        value: { code: 'TOKEN_ENDPOINT_UNAVAILABLE', latencyMs: 200 } as const,
      })),
    ),
  });
  return await simulate({ world, reads: [], strategy: OURS });
}

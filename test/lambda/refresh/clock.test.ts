import { createClock } from '../../../lambda/refresh/clock.ts';

const START = Date.parse('2026-11-20T14:00:00.000Z');

/** A system clock that can step, and a count of elapsed time that does not. */
function makeTime() {
  const time = { systemMs: START, elapsedMs: 1_000 };
  const clock = createClock(
    () => new Date(time.systemMs),
    () => time.elapsedMs,
  );
  const pass = (ms: number) => {
    time.systemMs += ms;
    time.elapsedMs += ms;
  };
  return { time, clock, pass };
}

test.each([-4_000, 0, 4_000])('a difference of %d ms is the header’s resolution, not a wrong clock', (ms) => {
  const { clock, pass } = makeTime();
  expect(clock.compare(new Date(START + ms))).toBe(ms + 500);
  pass(10);
  expect(clock.now()).toEqual(new Date(START + 10));
});

test.each([-6_000, 6_000, 7_200_000])('a clock that is wrong by %d ms follows AWS', (ms) => {
  const { clock, pass } = makeTime();
  clock.compare(new Date(START + ms));
  pass(10);
  expect(clock.now()).toEqual(new Date(START + ms + 510));
});

test('a step after the comparison does not count', () => {
  const { time, clock, pass } = makeTime();
  expect(clock.now()).toEqual(new Date(START));
  clock.compare(new Date(START));
  time.systemMs += 300_000;
  pass(10);
  expect(clock.now()).toEqual(new Date(START + 10));
});

test('a response without a date restarts the count, so that a frozen count does not fall behind', () => {
  const { time, clock } = makeTime();
  clock.compare(new Date(START));
  time.systemMs += 60_000;
  expect(clock.compare(undefined)).toBe(0);
  expect(clock.now()).toEqual(new Date(START + 60_000));
});

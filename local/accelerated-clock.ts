/**
 * Makes a clock that starts at the machine's time and runs `speed` times as fast.
 *
 * The function follows it without a setting: it takes the time from the `Date` header of AWS's responses.
 */
export function createAcceleratedClock(speed: number): {
  readonly now: () => Date;
  /** Real milliseconds that the given time takes on this clock. */
  readonly realMs: (ms: number) => number;
} {
  const start = Date.now();
  return {
    now: () => new Date(start + (Date.now() - start) * speed),
    realMs: (ms) => ms / speed,
  };
}

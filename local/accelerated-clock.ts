/**
 * Makes a clock that runs `speed` times as fast as the machine's, from the machine's time on.
 *
 * The function needs no clock of its own to follow it: it takes the time from the `Date` header of AWS's answers.
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

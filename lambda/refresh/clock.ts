/** A clock that follows AWS's. */
export interface Clock {
  readonly now: () => Date;
  /**
   * Compares the clock with the `Date` header of an AWS response, and follows AWS if they differ by more than whole
   * seconds and a slow response explain. Returns the difference, AWS minus local, in milliseconds. Call it once in each
   * invocation, before the time is used. Without a header the local clock is used.
   */
  readonly compare: (awsTime: Date | undefined) => number;
}

/** A smaller difference is ignored: whole seconds in the header, the network and different AWS servers explain it. */
export const CLOCK_TOLERANCE_MS = 5_000;

/**
 * Makes the clock that everything in an invocation reads. If the function's own clock is wrong, a token would be
 * replaced too late, or an expired one would count as live; the time in AWS's responses is right. After the comparison
 * the clock counts by `elapsedMs`, so that a clock step before the mint does not change the status. Lambda freezes the
 * function between two invocations, perhaps with that count: each comparison starts the count again.
 *
 * @param elapsedMs a count of milliseconds that no clock step changes; @default the clock's own
 */
export function createClock(
  systemNow: () => Date,
  elapsedMs: () => number = () => systemNow().getTime(),
): Clock {
  let compared: { readonly timeMs: number; readonly elapsedMs: number } | undefined;
  return {
    now: () =>
      compared === undefined
        ? systemNow()
        : new Date(compared.timeMs + Math.round(elapsedMs() - compared.elapsedMs)),
    compare: (awsTime) => {
      const systemMs = systemNow().getTime();
      // The header is cut to whole seconds, so that half a second is added.
      const differenceMs = awsTime === undefined ? 0 : awsTime.getTime() + 500 - systemMs;
      const correctionMs = Math.abs(differenceMs) > CLOCK_TOLERANCE_MS ? differenceMs : 0;
      compared = { timeMs: systemMs + correctionMs, elapsedMs: elapsedMs() };
      return differenceMs;
    },
  };
}

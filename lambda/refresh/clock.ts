/** A clock that follows AWS's. */
export interface Clock {
  readonly now: () => Date;
  /**
   * Compares the clock with the `Date` header of an AWS answer, and follows AWS where they differ by more than a
   * header's whole seconds and a slow answer explain. Returns the difference, AWS minus local, in milliseconds. To
   * be called once in each invocation, before the time matters; without a header the local clock is followed.
   */
  readonly compare: (awsTime: Date | undefined) => number;
}

/** Two clocks that differ by less agree: a header's whole seconds, the network and two servers of AWS explain it. */
export const CLOCK_TOLERANCE_MS = 5_000;

/** How far AWS's clock is ahead. The `Date` header is cut to whole seconds: its middle is the best guess. */
export function awsAheadMs(awsTime: Date, now: Date): number {
  return awsTime.getTime() + 500 - now.getTime();
}

/**
 * Makes the clock that everything in an invocation reads. A function whose own clock is wrong would replace a token
 * too late or take a dead one for live; the time that AWS's answers carry is right. From the comparison on, time is
 * counted by `elapsedMs`, so that a step between the reading and the mint does not get into the status. Between two
 * invocations Lambda freezes the function, and with it perhaps that count: the next comparison starts it anew.
 *
 * @param elapsedMs a count of milliseconds that no step of the clock changes; @default the clock's own
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
      const now = systemNow();
      const systemMs = now.getTime();
      const differenceMs = awsTime === undefined ? 0 : awsAheadMs(awsTime, now);
      const correctionMs = Math.abs(differenceMs) > CLOCK_TOLERANCE_MS ? differenceMs : 0;
      compared = { timeMs: systemMs + correctionMs, elapsedMs: elapsedMs() };
      return differenceMs;
    },
  };
}

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

/** Smaller differences are the header's resolution and the network, not a wrong clock. */
const TOLERANCE_MS = 5_000;

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
      const systemMs = systemNow().getTime();
      // The header is cut to whole seconds: its middle is the best guess.
      const differenceMs = awsTime === undefined ? 0 : awsTime.getTime() + 500 - systemMs;
      const correctionMs = Math.abs(differenceMs) > TOLERANCE_MS ? differenceMs : 0;
      compared = { timeMs: systemMs + correctionMs, elapsedMs: elapsedMs() };
      return differenceMs;
    },
  };
}

/** A clock that follows AWS's. */
export interface Clock {
  readonly now: () => Date;
  /**
   * Compares the clock with the `Date` header of an AWS answer, and follows AWS where they differ by more than a
   * header's whole seconds and a slow answer explain. Returns the difference, AWS minus local, in milliseconds.
   */
  readonly compare: (awsTime: Date) => number;
}

/** Smaller differences are the header's resolution and the network, not a wrong clock. */
const TOLERANCE_MS = 5_000;

/**
 * Makes the clock that everything in an invocation reads. A function whose own clock steps would replace a token
 * too late or take a dead one for live; the time that AWS's answers carry does not step.
 */
export function createClock(systemNow: () => Date): Clock {
  let offsetMs = 0;
  return {
    now: () => new Date(systemNow().getTime() + offsetMs),
    compare: (awsTime) => {
      // The header is cut to whole seconds: its middle is the best guess.
      const differenceMs = awsTime.getTime() + 500 - systemNow().getTime();
      offsetMs = Math.abs(differenceMs) > TOLERANCE_MS ? differenceMs : 0;
      return differenceMs;
    },
  };
}

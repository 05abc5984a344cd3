/** Loaded before the function, by `--import`: a signal lets its clock step two hours ahead, as a host's clock does. */
const STEP_MS = 2 * 60 * 60_000;
let offsetMs = 0;
process.on('SIGUSR2', () => {
  offsetMs += STEP_MS;
});

const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + offsetMs);
    else super(...parts);
  }

  static now() {
    return RealDate.now() + offsetMs;
  }
};

/**
 * Loaded before the function: a signal lets its clock step by `?ms=`, as a host's clock does; with `&at=start` the
 * clock is wrong from the start. Plain JavaScript, loaded by `--import`.
 */
const { searchParams } = new URL(import.meta.url);
const stepMs = Number(searchParams.get('ms'));
let offsetMs = searchParams.get('at') === 'start' ? stepMs : 0;
process.on('SIGUSR2', () => {
  offsetMs = stepMs;
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

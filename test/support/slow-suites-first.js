import TestSequencer from '@jest/test-sequencer';

/** Without the durations of an earlier run, Jest starts small files last. These are small, and take long. */
const SLOW = /\/packaging\/new-provider\./;

/** Jest's order, but what takes longest begins first, so that nothing has to wait for it at the end. */
export default class SlowSuitesFirst extends TestSequencer {
  sort(tests) {
    const ordered = super.sort(tests);
    return [
      ...ordered.filter(({ path }) => SLOW.test(path)),
      ...ordered.filter(({ path }) => !SLOW.test(path)),
    ];
  }
}

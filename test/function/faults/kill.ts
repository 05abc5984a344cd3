import type { CALLS, CallName, FaultHarness } from '../../support/fault-harness.ts';

/** Kills the process when the call arrives; AWS never executes it. */
export function killBefore(harness: FaultHarness, match: (typeof CALLS)[CallName]): void {
  harness.aws.faults.hook('before-executing', match, () => harness.process.kill());
  harness.aws.faults.add({ match, fault: { kind: 'cut-before-executing' } });
}

/** Kills the process when AWS has executed the call, before the answer is out. */
export function killAfter(harness: FaultHarness, match: (typeof CALLS)[CallName]): void {
  harness.aws.faults.hook('after-executing', match, () => harness.process.kill());
}

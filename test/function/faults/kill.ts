import type { Harness } from '../../../local/harness.ts';
import type { CALLS, CallName } from '../harnesses.ts';

/** Kills the process when the call arrives; AWS never executes it. */
export function killBefore(harness: Harness, match: (typeof CALLS)[CallName]): void {
  harness.aws.faults.hook('before-executing', match, () => harness.process.kill());
  harness.aws.faults.add({ match, fault: { kind: 'cut-before-executing' } });
}

/** Kills the process when AWS has executed the call, before the answer is out. */
export function killAfter(harness: Harness, match: (typeof CALLS)[CallName]): void {
  harness.aws.faults.hook('after-executing', match, () => harness.process.kill());
}

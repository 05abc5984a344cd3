import type { FunctionHarnessOptions } from '../../../local/function-harness.ts';
import type { FaultHarness } from '../../support/fault-harness.ts';

/**
 * What is stored when the fault comes: a token that is due, with nine minutes left; one that is fresh; or nothing.
 */
export type Before = 'due' | 'fresh' | 'empty';

/** One fault, at a named point. */
export interface Scenario {
  readonly group: string;
  readonly fault: string;
  /** @default 'due' */
  readonly before?: Before;
  /** How the harness differs from the plain one. */
  readonly options?: FunctionHarnessOptions;
  /** Small accounts cannot reserve concurrency: then so many instances of the function run at once, all of them warm. */
  readonly instances?: number;
  /** Puts the fault in place, or does it. */
  readonly arrange: (harness: FaultHarness) => unknown;
  /** What runs while the fault is there; answers what came of it. @default one beat */
  readonly act?: (harness: FaultHarness) => Promise<string>;
  /** Mends what scripted faults do not cover; those are cleared in any case. */
  readonly repair?: (harness: FaultHarness) => unknown;
  /** Token requests are under way at the same time: then no instance can tell which token was issued last. */
  readonly requestsCross?: boolean;
  /** What the act answers: `outcome, reason` or the failure's code. */
  readonly answers: string | RegExp;
  /** What the failure's message says; such a failure leaves the stored token as it is. */
  readonly says?: RegExp;
  /** What the beat answers that heals. @default not looked at */
  readonly healedBy?: string;
  /** Beats after the fault until all is well again; 0: the beat with the fault has already seen to it. @default 1 */
  readonly healedAfter?: number;
  /** The fault itself takes the token from the readers, until the beat that heals. */
  readonly takesTokenAway?: boolean;
}

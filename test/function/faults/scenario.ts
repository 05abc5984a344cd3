import type { Harness, HarnessOptions } from '../../../local/harness.ts';

/**
 * What is stored before the fault: a due token with nine minutes left, a fresh one, or nothing.
 */
export type Before = 'due' | 'fresh' | 'empty';

/** One fault, at a named point. */
export interface Scenario {
  readonly group: string;
  readonly fault: string;
  /** @default 'due' */
  readonly before?: Before;
  /** How the harness differs from the plain one. */
  readonly options?: HarnessOptions;
  /** Small accounts cannot reserve concurrency: then so many instances of the function run at once, all of them warm. */
  readonly instances?: number;
  /** Scripts the fault, or causes it. */
  readonly arrange: (harness: Harness) => unknown;
  /** What runs during the fault; returns its result. @default one beat */
  readonly act?: (harness: Harness) => Promise<string>;
  /** Undoes what is not a scripted fault; scripted faults are cleared in any case. */
  readonly repair?: (harness: Harness) => unknown;
  /** Token requests are under way at the same time: then no instance can tell which token was issued last. */
  readonly requestsCross?: boolean;
  /** What the act answers: `outcome, reason` or the failure's code. */
  readonly answers: string | RegExp;
  /** Text of the failure's message. Such a failure keeps the stored token. */
  readonly says?: RegExp;
  /** The result of the beat that heals. @default not checked */
  readonly healedBy?: string;
  /** Beats after the fault until everything works again; 0: the beat with the fault heals. @default 1 */
  readonly healedAfter?: number;
  /** The fault itself makes the token unreadable, until the beat that heals. */
  readonly takesTokenAway?: boolean;
}

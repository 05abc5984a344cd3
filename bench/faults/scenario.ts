import type { FunctionHarnessOptions } from '../../local/function-harness.ts';
import type { FaultRoom } from './fault-room.ts';

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
  /** How the room differs from the plain one. */
  readonly room?: FunctionHarnessOptions;
  /** Small accounts cannot reserve concurrency: then beats and events run beside each other. */
  readonly isUnreserved?: true;
  /** Puts the fault in place, or does it. */
  readonly arrange: (room: FaultRoom) => unknown;
  /** What runs while the fault is there; answers what came of it. @default one beat */
  readonly act?: (room: FaultRoom) => Promise<string>;
  /** Mends what scripted faults do not cover; those are cleared in any case. */
  readonly repair?: (room: FaultRoom) => unknown;
  /** What the act answers: `outcome, reason` or the failure's code. */
  readonly answers: string | RegExp;
  /** Beats after the fault until all is well again; 0: the beat with the fault has already seen to it. @default 1 */
  readonly healedAfter?: number;
  /** The fault itself takes the token from the readers, until the beat that heals. */
  readonly takesTokenAway?: boolean;
}

/** What came of a scenario. Each part is good or tells what is not. */
export interface Verdict {
  readonly scenario: Scenario;
  readonly answer: string;
  readonly reads: number;
  readonly badReads: number;
  /** The least remaining life of a token that was read; undefined where none was. */
  readonly leastRemainingMs: number | undefined;
  /** The worst case of a token that expired earlier than the one it replaced, and how long it stood there (Infinity: to the end). */
  readonly worse: { readonly byMs: number; readonly forMs: number } | undefined;
  /** Undefined: not within the beats that were waited for. */
  readonly healedAfter: number | undefined;
  /** What is not as promised; none: all is well. */
  readonly problems: readonly string[];
}

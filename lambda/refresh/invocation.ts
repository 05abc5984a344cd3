import type { FailureCode } from '../errors.ts';
import type { Request } from '../event.ts';
import type { Minter } from '../mint/minter.ts';
import type { Clock } from './clock.ts';
import type { Parameters } from './parameters.ts';
import type { Policy } from './planner.ts';
import type { LastFailure, TokenDescription } from './status.ts';

/** What one instance remembers between invocations. If it is lost, one more call is made; no token is lost. */
export interface Memory {
  lastFailure: LastFailure | null;
  /** When a mint last returned the stored token again. */
  sameTokenAt: Date | null;
  /** The last use of a token that this instance knows of. */
  lastUse: { readonly fingerprint: string; readonly usedAt: Date } | null;
  /**
   * The token itself, as this instance wrote or read it, so that a keep-alive need not decrypt it, with the version that
   * Parameter Store gave it. A version never changes.
   */
  heldToken: { readonly version: number; readonly accessToken: string } | null;
  /** What this instance last wrote about a token: a status that says something else of it is a lie. */
  written: TokenDescription | null;
}

export function createMemory(): Memory {
  return { lastFailure: null, sameTokenAt: null, lastUse: null, heldToken: null, written: null };
}

/** Facts that an invocation found, for its log line. */
export interface Observations {
  /** Remaining life of the stored token at the start of the invocation, as a reader sees it; 0 if none is stored, null if unknown. */
  remainingMs: number | null;
  readonly warnings: string[];
  /** Why the token, which was due, could not be replaced in an invocation that requested nothing of the kind. @default null */
  failure?: FailureCode | null;
}

/** All that an invocation of the function needs for a refresh. */
export interface Invocation {
  readonly request: Exclude<Request, { kind: 'diagnose' }>;
  readonly parameters: Parameters;
  /** Loads what an idle beat does not need. */
  readonly loadMinter: () => Promise<Minter>;
  /** Whether the provider has a probe. Known without loading the minter. */
  readonly hasProbe: boolean;
  readonly clock: Clock;
  readonly policy: Policy;
  readonly provider: string;
  readonly memory: Memory;
  readonly observations: Observations;
  /** Aborts the work before Lambda's time limit. */
  readonly signal: AbortSignal;
  /** Makes the signal for storing a failure, after `signal` may have fired. */
  readonly recordingSignal: () => AbortSignal;
}

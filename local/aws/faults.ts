import type { ServiceName } from './operation.ts';

/** A call as faults and hooks see it: what is called on which thing, never a value. */
export interface CallSummary {
  readonly service: ServiceName;
  readonly operation: string;
  /** Parameter names, the secret id or the function's name of the request. */
  readonly names: readonly string[];
}

/** Which calls a fault affects; an absent field affects all. */
export interface FaultMatch {
  readonly operation?: string;
  /** Affects calls that name this parameter, secret or function. */
  readonly name?: string;
}

/** What goes wrong. `cut` closes the connection without an answer. */
export type Fault =
  | {
      readonly kind:
        | 'throttle'
        | 'deny'
        | 'hang'
        | 'cut-before-executing'
        | 'cut-after-executing'
        | 'cut-half-way-through-answer';
    }
  | { readonly kind: 'before-executing' | 'after-executing'; readonly run: () => unknown };

/** Starts without faults. */
export function createFaults() {
  const entries = new Set<{ readonly match: FaultMatch; readonly fault: Fault; times: number }>();

  const faults = {
    /** Adds a fault, until it has affected `times` calls, or all are cleared. */
    add({ match = {}, fault, times = Infinity }: { match?: FaultMatch; fault: Fault; times?: number }): void {
      entries.add({ match, fault, times });
    },
    /** Calls back into the test at a point of matching calls, and waits for it. */
    hook: (kind: 'before-executing' | 'after-executing', match: FaultMatch, run: () => unknown) =>
      faults.add({ match, fault: { kind, run } }),
    clear: () => entries.clear(),
    /** For the endpoint: the faults that affect this call. */
    take(call: CallSummary): readonly Fault[] {
      const met = [...entries].filter(
        ({ match: { operation = call.operation, name } }) =>
          operation === call.operation && (name === undefined || call.names.includes(name)),
      );
      for (const entry of met) {
        entry.times -= 1;
        if (entry.times === 0) entries.delete(entry);
      }
      return met.map(({ fault }) => fault);
    },
  };
  return faults;
}

import type { ServiceName } from './operation.ts';

/** A call as faults and hooks see it: what is called on which thing, never a value. */
export interface CallSummary {
  readonly service: ServiceName;
  readonly operation: string;
  readonly requestId: string;
  /** Parameter names, the secret id or the function's name of the request. */
  readonly names: readonly string[];
}

/** Which calls a fault affects; an absent field affects all. */
export interface FaultMatch {
  readonly service?: ServiceName;
  readonly operation?: string;
  /** Affects calls that name this parameter, secret or function. */
  readonly name?: string;
  /** Affects only the nth matching call (from 1), counted from when the fault was added. */
  readonly nth?: number;
}

/** What goes wrong. `cut` closes the connection without an answer. */
export type Fault =
  | { readonly kind: 'throttle' }
  | { readonly kind: 'deny' }
  | { readonly kind: 'server-error'; readonly status?: number }
  | { readonly kind: 'hang' }
  | { readonly kind: 'cut-before-executing' }
  | { readonly kind: 'cut-after-executing' }
  | { readonly kind: 'cut-half-way-through-answer' }
  | { readonly kind: 'stale-read' }
  | { readonly kind: 'before-executing'; readonly run: (call: CallSummary) => unknown }
  | { readonly kind: 'after-executing'; readonly run: (call: CallSummary) => unknown };

/** The faults of calls to AWS. */
export type Faults = ReturnType<typeof createFaults>;

interface Entry {
  readonly match: FaultMatch;
  readonly fault: Fault;
  readonly times: number;
  seen: number;
  hits: number;
}

/** Starts without faults. */
export function createFaults() {
  const entries = new Set<Entry>();

  const faults = {
    /** Adds a fault, until it is removed or has affected `times` calls. `hits`: how many calls it has affected. */
    add(options: { match?: FaultMatch; fault: Fault; times?: number }) {
      const entry: Entry = { match: {}, times: Number.POSITIVE_INFINITY, ...options, seen: 0, hits: 0 };
      entries.add(entry);
      return {
        get hits(): number {
          return entry.hits;
        },
        remove: () => entries.delete(entry),
      };
    },
    /** Calls back into the test at a point of matching calls, and waits for it. */
    hook: (
      kind: 'before-executing' | 'after-executing',
      match: FaultMatch,
      run: (call: CallSummary) => unknown,
    ) => faults.add({ match, fault: { kind, run } }),
    clear: () => entries.clear(),
    /** For the endpoint: the faults that affect this call. */
    take(call: CallSummary): readonly Fault[] {
      const met: Fault[] = [];
      for (const entry of entries) {
        if (!fits(entry.match, call)) continue;
        entry.seen += 1;
        if (entry.match.nth !== undefined && entry.seen !== entry.match.nth) continue;
        entry.hits += 1;
        met.push(entry.fault);
        if (entry.hits >= entry.times || entry.match.nth !== undefined) entries.delete(entry);
      }
      return met;
    },
  };
  return faults;
}

function fits(match: FaultMatch, call: CallSummary): boolean {
  return (
    (match.service === undefined || match.service === call.service) &&
    (match.operation === undefined || match.operation === call.operation) &&
    (match.name === undefined || call.names.includes(match.name))
  );
}

import type { Request } from '../../../../lambda/event.ts';
import type { Observations, RefreshResult } from '../../../../lambda/refresh/refresh.ts';
import type { Server, VirtualAccount } from '../../../../local/simulation/virtual-account.ts';

export type RefreshRequest = Exclude<Request, { kind: 'diagnose' }>;

/** What an execution begins with. */
export interface Scenario {
  readonly name: string;
  /** Makes the account anew: each schedule has its own. */
  readonly account: () => VirtualAccount;
  readonly requests: readonly RefreshRequest[];
  /** On instances of their own, all at once; or one after the other on one instance, as reserved concurrency has it. */
  readonly instances: 'one' | 'each its own';
  readonly server: Server['kind'];
  readonly hasProbe: boolean;
  readonly lifetimesMs: readonly number[];
  /** Whether the server may answer the request first that was sent last. */
  readonly requestsCross: boolean;
}

/** One invocation, as it goes on. */
export interface Invocation {
  readonly index: number;
  readonly request: RefreshRequest;
  /** The calls that it made, with what each came to. Undefined once its instance has died. */
  history: string | undefined;
  outcome: { readonly result: RefreshResult } | { readonly error: unknown } | undefined;
  observations: Observations;
}

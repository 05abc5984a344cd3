import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';

/** Where a fault can be scripted; the CXone access-key route is a token endpoint too. */
export type FaultyEndpoint = 'token' | 'discovery' | 'probe' | 'renewal';

/**
 * What happens to one request.
 *
 * `delay` calls a function when the request arrives and waits for its result. `rewrite` gets the body of a success and
 * returns the body to send. `delay` and `rewrite` reach the authorization server: a token is minted although
 * the client may not receive it. The others do not reach it.
 */
export type Fault =
  | { readonly kind: 'reset' }
  | { readonly kind: 'hang' }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  | {
      readonly kind: 'rewrite';
      readonly rewrite: (body: Record<string, unknown>) => Record<string, unknown>;
    }
  | { readonly kind: 'delay'; readonly until: () => unknown };

/** Creates an empty script of faults, per endpoint. */
export function createFaultScript() {
  const upcoming = new Map<FaultyEndpoint, Fault[]>();
  const standing = new Map<FaultyEndpoint, Fault>();

  return {
    /** Applies the fault to the next request to the endpoint, after the faults scripted before. */
    next(endpoint: FaultyEndpoint, fault: Fault): void {
      upcoming.set(endpoint, [...(upcoming.get(endpoint) ?? []), fault]);
    },
    /** Applies the fault to every request without a `next` fault, until `clear`. */
    always(endpoint: FaultyEndpoint, fault: Fault): void {
      standing.set(endpoint, fault);
    },
    /** Ends all faults. */
    clear(): void {
      upcoming.clear();
      standing.clear();
    },
    /** Removes the fault for the current request from the script, and returns it. */
    take(endpoint: FaultyEndpoint): Fault | undefined {
      return upcoming.get(endpoint)?.shift() ?? standing.get(endpoint);
    },
  };
}

/** The part of Koa's context of a request that a fault changes. */
interface Context {
  readonly req: IncomingMessage;
  status: number;
  body: unknown;
  respond?: boolean | undefined;
  set(headers: Record<string, string>): void;
}

/** Plays the fault on a request. `proceed`: answers as the authorization server does. */
export async function playFault(fault: Fault | undefined, ctx: Context, proceed: () => Promise<void>) {
  switch (fault?.kind) {
    case 'hang':
      ctx.respond = false;
      return;
    case 'reset': {
      ctx.respond = false;
      const { socket } = ctx.req;
      // TLS cannot be reset, only ended.
      if (socket instanceof TLSSocket) socket.destroy();
      else socket.resetAndDestroy();
      return;
    }
    case 'answer':
      ctx.status = fault.status;
      ctx.set({ ...fault.headers });
      ctx.body = fault.body ?? '';
      return;
    case 'delay':
      await fault.until();
  }
  await proceed();
  if (fault?.kind === 'rewrite' && ctx.status === 200) {
    ctx.body = fault.rewrite(ctx.body as Record<string, unknown>);
  }
}

/** An answer with a JSON body. */
export function jsonAnswer(status: number, body: unknown, headers: Record<string, string> = {}): Fault {
  return {
    kind: 'answer',
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}

/** An RFC 6749, 5.2 error. */
export function oauthError(status: number, error: string): Fault {
  return jsonAnswer(status, { error });
}

/** HTTP 429, with `Retry-After` in seconds. */
export function throttled(retryAfter: number): Fault {
  return jsonAnswer(429, {}, { 'retry-after': String(retryAfter) });
}

/** A success with these members replaced; `undefined` removes one. */
export function withMembers(members: Record<string, unknown>): Fault {
  return { kind: 'rewrite', rewrite: (body) => ({ ...body, ...members }) };
}

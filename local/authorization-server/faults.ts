import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';

/** Where a fault can be scripted; the CXone access-key route is a token endpoint too. */
export type FaultyEndpoint = 'token' | 'discovery' | 'probe' | 'renewal';

/**
 * What happens to one request.
 *
 * `delay` calls a function when the request arrives and waits for its result. `rewrite` gets the body of a success and
 * returns the body to send. `delay`, `slow-body` and `rewrite` reach the authorization server: a token is minted although
 * the client may not receive it. The others do not reach it.
 */
export type Fault =
  | { readonly kind: 'reset' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'slow-body'; readonly intervalMs: number }
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
    /** Applies the fault to the next `times` requests to the endpoint, after the faults scripted before. */
    next(endpoint: FaultyEndpoint, fault: Fault, times = 1): void {
      upcoming.set(endpoint, [...(upcoming.get(endpoint) ?? []), ...Array<Fault>(times).fill(fault)]);
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
  if (fault?.kind === 'slow-body') {
    ctx.body = Readable.from(byteByByte(JSON.stringify(ctx.body), fault.intervalMs));
  }
}

async function* byteByByte(text: string, intervalMs: number) {
  for (const byte of text) {
    await sleep(intervalMs, undefined, { ref: false });
    yield byte;
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
export function oauthError(status: number, error: string, description?: string): Fault {
  return jsonAnswer(status, {
    error,
    ...(description === undefined ? {} : { error_description: description }),
  });
}

/** Genesys Cloud's throttling of the token endpoint: HTTP 400, not 429. */
export const GENESYS_THROTTLED: Fault = jsonAnswer(400, {
  error: 'invalid_request',
  description: 'rate limit exceeded; expires in 30 seconds',
  error_description: 'rate limit exceeded; expires in 30 seconds',
});

/** HTTP 429; a number of seconds and a date are the two forms of `Retry-After` (RFC 9110, 10.2.3). */
export function throttled(retryAfter: number | Date): Fault {
  const value = typeof retryAfter === 'number' ? String(retryAfter) : retryAfter.toUTCString();
  return {
    kind: 'answer',
    status: 429,
    headers: { 'retry-after': value, 'content-type': 'text/plain' },
    body: '',
  };
}

/** A load balancer's HTML page. */
export const BAD_GATEWAY: Fault = {
  kind: 'answer',
  status: 502,
  headers: { 'content-type': 'text/html' },
  body: '<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n',
};

/** A redirect to another URL. */
export function redirect(location: string): Fault {
  return { kind: 'answer', status: 302, headers: { location }, body: '' };
}

/** A success with these members replaced; `undefined` removes one. */
export function withMembers(members: Record<string, unknown>): Fault {
  return { kind: 'rewrite', rewrite: (body) => ({ ...body, ...members }) };
}

/** Where a fault can be scripted; the CXone access-key route is a token endpoint too. */
export type FaultyEndpoint = 'token' | 'discovery' | 'probe' | 'renewal';

/**
 * What happens to one request.
 *
 * `delay` waits for a promise, or calls a function when the request arrives and waits for its result. `rewrite` gets the
 * parsed body of a success and returns the body to send. `delay`,
 * `slow-body` and `rewrite` reach the authorization server: a token is minted although the client may
 * not receive it. The others do not reach it.
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
  | { readonly kind: 'delay'; readonly until: Promise<unknown> | (() => unknown) };

/** The scripted faults, per endpoint. */
export type FaultScript = ReturnType<typeof createFaultScript>;

/** Creates an empty script. */
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
    /** Ends the faults of one endpoint, or of all. */
    clear(endpoint?: FaultyEndpoint): void {
      for (const script of [upcoming, standing]) {
        if (endpoint === undefined) script.clear();
        else script.delete(endpoint);
      }
    },
    /** Removes the fault for the current request from the script, and returns it. */
    take(endpoint: FaultyEndpoint): Fault | undefined {
      return upcoming.get(endpoint)?.shift() ?? standing.get(endpoint);
    },
  };
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

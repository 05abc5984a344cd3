/** The result of introspection (RFC 7662, 2.2); `exp` in seconds since 1970. */
export type Introspection = {
  readonly active: boolean;
  readonly exp?: number;
  readonly client_id?: string;
  readonly scope?: string;
};

/** How tokens relate to those issued before: see `AuthorizationServer.setIssuing`. */
export type Issuing = 'fresh' | 'same-token' | 'single-active';

type Entry = { readonly clientId: string; readonly scope: string; readonly exp: number; usedAt: number };

/**
 * What a provider does to tokens beyond OAuth: ends unused ones, ends older ones when a new one is issued, or returns the
 * same one again.
 */
export type TokenRegister = {
  /** Registers a token that was just issued. */
  add(token: string, facts: Introspection): void;
  /** The live token that this client already has for this scope, and its remaining life. */
  find(facts: Introspection): { token: string; remainingSeconds: number } | undefined;
  /** Ends all of the client's tokens but this one. */
  revokeOthers(token: string, clientId: string | undefined): void;
  revoke(token: string): void;
  /** Tells whether the token was revoked, or not used for longer than the inactivity timeout. */
  isDead(token: string): boolean;
  /** Resets the token's inactivity. */
  use(token: string): void;
};

/** Creates an empty register. `inactivityTimeoutMs` is read each time; `undefined`: tokens live until they expire. */
export function createTokenRegister(options: {
  readonly now: () => Date;
  readonly inactivityTimeoutMs: () => number | undefined;
}): TokenRegister {
  const entries = new Map<string, Entry>();
  const revoked = new Set<string>();
  const nowMs = () => options.now().getTime();
  const isDead = (token: string): boolean => {
    const entry = entries.get(token);
    const timeoutMs = options.inactivityTimeoutMs();
    if (entry !== undefined && timeoutMs !== undefined && nowMs() - entry.usedAt >= timeoutMs) {
      // Final: a later, longer timeout does not make the token live again.
      revoked.add(token);
    }
    return revoked.has(token);
  };

  return {
    add(token, { client_id = '', scope = '', exp = 0 }) {
      entries.set(token, { clientId: client_id, scope, exp, usedAt: nowMs() });
    },
    find({ client_id, scope = '' }) {
      for (const [token, entry] of entries) {
        const remainingSeconds = Math.floor(entry.exp - nowMs() / 1000);
        const same = entry.clientId === client_id && entry.scope === scope;
        if (same && remainingSeconds > 0 && !isDead(token)) return { token, remainingSeconds };
      }
      return undefined;
    },
    revokeOthers(token, clientId) {
      for (const [other, entry] of entries) {
        if (other !== token && entry.clientId === clientId) revoked.add(other);
      }
    },
    revoke(token) {
      revoked.add(token);
    },
    isDead,
    use(token) {
      const entry = entries.get(token);
      if (entry !== undefined) entry.usedAt = nowMs();
    },
  };
}

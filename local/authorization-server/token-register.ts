/** The result of introspection (RFC 7662, 2.2); `exp` in seconds since 1970. */
export type Introspection = {
  readonly active: boolean;
  readonly exp?: number;
  readonly client_id?: string;
  readonly scope?: string;
};

/** How tokens relate to those issued before: see `AuthorizationServer.setIssuing`. */
export type Issuing = 'fresh' | 'same-token';

/** What a provider does to tokens beyond OAuth: returns the same one again, or ends one. */
export type TokenRegister = {
  /** Registers a token that was just issued. */
  add(token: string, facts: Introspection): void;
  /** The live token that this client already has for this scope, and its remaining life. */
  find(facts: Introspection): { token: string; remainingSeconds: number } | undefined;
  revoke(token: string): void;
  isRevoked(token: string): boolean;
};

/** Creates an empty register. */
export function createTokenRegister(now: () => Date): TokenRegister {
  const issued = new Map<string, Introspection>();
  const revoked = new Set<string>();
  return {
    add: (token, facts) => issued.set(token, facts),
    find({ client_id, scope }) {
      for (const [token, { exp = 0, ...facts }] of issued) {
        const remainingSeconds = Math.floor(exp - now().getTime() / 1000);
        const isSame = facts.client_id === client_id && facts.scope === scope;
        if (isSame && remainingSeconds > 0 && !revoked.has(token)) return { token, remainingSeconds };
      }
      return undefined;
    },
    revoke: (token) => revoked.add(token),
    isRevoked: (token) => revoked.has(token),
  };
}

import { RefreshError } from '../../lambda/errors.ts';
import type { World } from './world.ts';

const USUAL_LATENCY_MS = 250;

/** A token that the virtual server issued. Virtual time, milliseconds. */
export interface IssuedToken {
  readonly id: number;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** When it was ended before its expiry: by a newer token, or by the inactivity timeout. */
  killedAt: number;
  /** Until when somebody is known to use it. */
  usedUntil: number;
}

/** The virtual time that everything in one run shares. */
export interface VirtualTime {
  now: number;
}

/** A virtual token endpoint, and the resource server that knows which tokens are live. */
export interface TokenServer {
  readonly issued: readonly IssuedToken[];
  mints: number;
  /**
   * Answers a token request, and lets the time pass that this takes.
   *
   * @throws RefreshError the code of the fault at that time
   */
  readonly mint: (time: VirtualTime) => { readonly token: IssuedToken; readonly expiresInMs: number };
  /** Whether a token is accepted at a time. With an inactivity timeout, this use keeps it alive until `until`. */
  readonly use: (token: IssuedToken, at: number, until: number) => boolean;
  /** When a token ended or will end, if nobody uses it any more. */
  readonly diesAt: (token: IssuedToken) => number;
}

/** Opens the token endpoint of a world. */
export function createTokenServer(world: World): TokenServer {
  const { lifetimeMs } = world;
  const { kind, idleTimeoutMs } = world.server;
  const issued: IssuedToken[] = [];

  function issue(at: number): IssuedToken {
    const last = issued.at(-1);
    if (kind === 'same-token' && last !== undefined && last.expiresAt - at >= 1_000) return last;
    if (kind === 'single-active' && last !== undefined) last.killedAt = Math.min(last.killedAt, at);
    const token = {
      id: issued.length,
      issuedAt: at,
      expiresAt: at + lifetimeMs,
      killedAt: Number.POSITIVE_INFINITY,
      usedUntil: at,
    };
    issued.push(token);
    return token;
  }

  function diesAt(token: IssuedToken): number {
    const idleAt = idleTimeoutMs === null ? Number.POSITIVE_INFINITY : token.usedUntil + idleTimeoutMs;
    return Math.min(token.expiresAt, token.killedAt, idleAt);
  }

  return {
    issued,
    mints: 0,
    mint(time) {
      this.mints++;
      const trouble = world.endpoint.at(time.now)?.value;
      if (trouble !== undefined) {
        time.now += trouble.latencyMs;
        throw new RefreshError(trouble.code, 'The virtual endpoint is in trouble.', {
          retryAfterMs: trouble.retryAfterMs || undefined,
        });
      }
      const latencyMs = world.slow.at(time.now)?.value ?? USUAL_LATENCY_MS;
      const issuedAt = time.now + latencyMs / 2;
      const token = issue(issuedAt);
      time.now += latencyMs;
      return { token, expiresInMs: Math.floor((token.expiresAt - issuedAt) / 1_000) * 1_000 };
    },
    use(token, at, until) {
      if (at >= diesAt(token)) {
        token.killedAt = Math.min(token.killedAt, diesAt(token));
        return false;
      }
      token.usedUntil = Math.max(token.usedUntil, until);
      return true;
    },
    diesAt,
  };
}

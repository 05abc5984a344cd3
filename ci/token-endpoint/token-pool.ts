import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoredToken } from './access-token.ts';
import { RateLimit } from './rate-limit.ts';
import type { TokenSource } from './token-source.ts';

/** A token for one call. */
export interface Lease {
  readonly token: StoredToken;
  readonly source: TokenSource;
  /** Reports the answer to the call; undefined: it got none. */
  answered(answer?: IncomingMessage): void;
  /** Tells whether the token's minute is used up. */
  isUsedUp(): boolean;
}

/** Why there is no token for a call: none is live, or all are used up. */
export type NoLease = 'none is live' | { readonly retryAfterSeconds: number };

/** The tokens of one job. */
export interface TokenPool {
  /** The sources for a token request, each first in its turn. */
  inTurn(): readonly TokenSource[];
  /** Takes the token that has most left. Waits where only the answers to calls on the way can tell whether one has. */
  take(): Promise<Lease | NoLease>;
  /** Tells whether a token has something left for certain. */
  hasRoom(): boolean;
  /** The calls with each token, for the job's log; undefined: there were none. */
  report(): string | undefined;
}

/** Waiting for an answer, one looks again at least this often. */
const LOOK_EVERY_MS = 1000;

/** Makes the pool. One token alone is used as if there were no limit: the API says what is too much. */
export function createTokenPool(
  sources: readonly { readonly name: string; readonly source: TokenSource }[],
  now: () => number,
): TokenPool {
  const members = sources.map(({ name, source }) => ({
    name,
    source,
    version: source.held.version,
    limit: new RateLimit(now),
    calls: 0,
    leastLeft: Number.POSITIVE_INFINITY,
  }));
  type Member = (typeof members)[number];
  let turn = 0;
  const waiting: (() => void)[] = [];

  /** The one with most left; of two, the one that was used less. */
  const mostLeft = (among: readonly Member[]): Member | undefined =>
    among.toSorted((a, b) => b.limit.left() - a.limit.left() || a.calls - b.calls)[0];

  const lease = (member: Member, token: StoredToken): Lease => {
    // The API counts a newer token anew.
    if (token.version !== member.version) {
      Object.assign(member, { version: token.version, limit: new RateLimit(now) });
    }
    const { limit, source } = member;
    limit.onTheWay += 1;
    member.calls += 1;
    return {
      token,
      source,
      answered(answer) {
        limit.answered(answer);
        const left = limit.left() + limit.onTheWay;
        if (limit.resetAtMs > now()) member.leastLeft = Math.min(member.leastLeft, Math.max(0, left));
        for (const wake of waiting.splice(0)) wake();
      },
      isUsedUp: () => limit.left() < 1,
    };
  };

  const nextAnswer = (untilMs: number): Promise<void> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      const waitMs = Math.max(1, Math.min(LOOK_EVERY_MS, untilMs - now()));
      sleep(waitMs, undefined, { ref: false }).then(resolve);
    });

  return {
    inTurn() {
      const first = turn % members.length;
      turn += 1;
      return [...members.slice(first), ...members.slice(0, first)].map(({ source }) => source);
    },
    async take() {
      const live = new Set(members);
      for (let best = mostLeft(members); best !== undefined; best = mostLeft([...live])) {
        if (members.length === 1 || best.limit.left() > 0) {
          const token = await best.source.current();
          if (token === undefined) live.delete(best);
          // Others may have used it up meanwhile.
          else if (members.length === 1 || best.limit.left() > 0) return lease(best, token);
          continue;
        }
        const limits = [...live].map(({ limit }) => limit);
        const resetAtMs = Math.min(...limits.map((limit) => limit.resetAtMs));
        if (limits.every(({ onTheWay }) => onTheWay === 0)) {
          return { retryAfterSeconds: Math.max(1, Math.ceil((resetAtMs - now()) / 1000)) };
        }
        await nextAnswer(resetAtMs);
      }
      return 'none is live';
    },
    hasRoom: () => members.some(({ limit }) => limit.left() >= 1),
    report() {
      const used = members.filter(({ calls }) => calls > 0);
      if (used.length === 0) return undefined;
      const calls = members.map((member) => `${member.name} ${member.calls}`).join(', ');
      const least = used.toSorted((a, b) => a.leastLeft - b.leastLeft)[0] as Member;
      const left = Number.isFinite(least.leastLeft)
        ? `; the least left of ${least.limit.allowed} a minute: ${least.leastLeft} (${least.name})`
        : '';
      return `calls per token: ${calls}${left}`;
    },
  };
}

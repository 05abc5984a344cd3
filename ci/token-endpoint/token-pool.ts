import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoredToken } from './access-token.ts';
import { RateLimit } from './rate-limit.ts';
import { apiRefusal } from './refusal.ts';
import type { TokenSource } from './token-source.ts';

/** The tokens of one job. */
export type TokenPool = ReturnType<typeof createTokenPool>;

/** A token for one call. */
export type Lease = Awaited<ReturnType<TokenPool['take']>>;

const LOOK_EVERY_MS = 20;

/**
 * Makes the pool. One token alone is used as if there were no limit: the API says what is too much.
 *
 * @param reason why there is no token, for the client's log
 */
export function createTokenPool(
  sources: readonly { readonly name: string; readonly source: TokenSource }[],
  now: () => number,
  reason: () => string,
) {
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

  const leftOf = ({ limit }: Member): number =>
    members.length === 1 ? Number.POSITIVE_INFINITY : limit.left();
  /** The one with most left; of two, the one that was used less. */
  const best = (among: Iterable<Member>): Member | undefined =>
    [...among].sort((a, b) => b.limit.left() - a.limit.left() || a.calls - b.calls)[0];

  const lease = (member: Member, token: StoredToken) => {
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
      /** Reports the answer to the call; undefined: it got none. */
      answered(answer?: IncomingMessage): void {
        limit.answered(answer);
        const left = limit.left() + limit.onTheWay;
        if (limit.resetAtMs > now()) member.leastLeft = Math.min(member.leastLeft, Math.max(0, left));
      },
      /** Tells whether the token's minute is used up, and another token has something left for certain. */
      isWorseThanOthers: (): boolean => limit.left() < 1 && members.some((one) => one.limit.left() >= 1),
    };
  };

  return {
    /** The sources for a token request, each first in its turn. */
    inTurn(): readonly TokenSource[] {
      const first = turn % members.length;
      turn += 1;
      return [...members.slice(first), ...members.slice(0, first)].map(({ source }) => source);
    },
    /**
     * Takes the token that has most left. Waits where only the answers to calls on the way can tell whether one has.
     *
     * @throws Refusal if none is live, or all are used up
     */
    async take() {
      const live = new Set(members);
      for (let member = best(live); member !== undefined; member = best(live)) {
        if (leftOf(member) > 0) {
          const token = await member.source.current();
          if (token === undefined) live.delete(member);
          // Others may have used it up meanwhile.
          else if (leftOf(member) > 0) return lease(member, token);
          continue;
        }
        const limits = [...live].map(({ limit }) => limit);
        if (limits.every(({ onTheWay }) => onTheWay === 0)) {
          const resetAtMs = Math.min(...limits.map((limit) => limit.resetAtMs));
          const seconds = String(Math.max(1, Math.ceil((resetAtMs - now()) / 1000)));
          const message = `All tokens of this job are used up for this minute. Retry the request in [${seconds}] seconds`;
          throw apiRefusal(429, 'too.many.requests', message, { 'retry-after': seconds });
        }
        await sleep(LOOK_EVERY_MS);
      }
      throw apiRefusal(503, 'service.unavailable', reason(), { 'retry-after': '10' });
    },
    /** The calls with each token, for the job's log; undefined: there were none. */
    report(): string | undefined {
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

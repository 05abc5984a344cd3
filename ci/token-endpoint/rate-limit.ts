import type { IncomingMessage } from 'node:http';

/** Requests a minute for each token at Genesys Cloud, until an answer says otherwise. */
const USUAL_ALLOWED = 300;
/** Answers tell whole seconds, and take time. */
const INACCURACY_MS = 2000;
/** A later reset is not believed. */
const LONGEST_RESET_SECONDS = 120;

/** What is known of one token's requests of the current minute, from the headers of the answers. */
export class RateLimit {
  allowed = USUAL_ALLOWED;
  resetAtMs = Number.NEGATIVE_INFINITY;
  /** Calls without an answer: the count of an answer may not have them yet. */
  onTheWay = 0;
  private known = 0;
  private readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  /** How many calls may be sent; 0 or less: the minute is used up. */
  left(): number {
    const afterReset = this.now() - this.resetAtMs;
    if (afterReset > INACCURACY_MS) return this.allowed - this.onTheWay;
    // Perhaps it begins anew: such a token is used if no other has anything left.
    if (afterReset >= 0) return 0.5;
    return this.allowed - this.known - this.onTheWay;
  }

  /** Records the answer to a call that was on the way; undefined: it got none. */
  answered(answer?: IncomingMessage): void {
    this.onTheWay -= 1;
    const { headers = {}, statusCode } = answer ?? {};
    const number = (name: string): number => Number.parseInt(String(headers[name]), 10);
    const [count, allowed] = [number('inin-ratelimit-count'), number('inin-ratelimit-allowed')];
    if (count >= 0 && allowed > 0) this.learn(count, allowed, number('inin-ratelimit-reset'));
    else if (statusCode === 429) this.learn(this.allowed, this.allowed, number('retry-after'));
  }

  private learn(count: number, allowed: number, resetSeconds: number): void {
    const resetAtMs = this.now() + Math.min(resetSeconds, LONGEST_RESET_SECONDS) * 1000;
    // Not a number, or of an earlier minute: an answer may be late.
    if (!(resetAtMs >= this.resetAtMs - INACCURACY_MS)) return;
    const isSameMinute = resetAtMs <= this.resetAtMs + INACCURACY_MS;
    this.known = isSameMinute ? Math.max(this.known, count) : count;
    this.resetAtMs = isSameMinute ? Math.min(this.resetAtMs, resetAtMs) : resetAtMs;
    this.allowed = allowed;
  }
}

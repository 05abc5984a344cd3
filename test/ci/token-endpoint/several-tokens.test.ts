import type { IncomingMessage } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Refusal } from '../../../ci/token-endpoint/refusal.ts';
import { createTokenPool } from '../../../ci/token-endpoint/token-pool.ts';
import { answering } from './support/genesys-api.ts';
import { openGateway } from './support/job.ts';

/* Genesys Cloud allows 300 requests a minute for each token, this API 50. */
const ALLOWED = 50;

/** The pool of these tokens before an API that counts the calls with each: all on one clock. */
function openPool(...names: readonly string[]) {
  let now = 0;
  let refused = 0;
  let sent = 0;
  const minutes = new Map<string, { count: number; endsAtMs: number }>();
  const minuteOf = (token: string) => {
    let minute = minutes.get(token);
    if (minute === undefined || now >= minute.endsAtMs) minute = { count: 0, endsAtMs: now + 60_000 };
    minutes.set(token, minute);
    return minute;
  };
  const sources = names.map((name) => {
    const held = { accessToken: name, version: 1, expiresAtMs: Number.POSITIVE_INFINITY };
    const current = async () => held;
    return { name, source: { held, current, newest: current, refuse: () => undefined } };
  });
  const pool = createTokenPool(
    sources,
    () => now,
    () => '',
  );
  const call = async (): Promise<boolean> => {
    const lease = await pool.take();
    const minute = minuteOf(lease.token.accessToken);
    const isGood = minute.count < ALLOWED;
    if (isGood) minute.count += 1;
    else refused += 1;
    const headers = countHeaders(minute.count, (minute.endsAtMs - now) / 1000);
    // Some answers are late.
    sent += 1;
    for (let turns = sent % 3; turns >= 0; turns -= 1) await nextTurn();
    lease.answered({
      headers,
      statusCode: isGood ? 200 : 429,
    } as Partial<IncomingMessage> as IncomingMessage);
    return isGood;
  };
  return {
    pool,
    call,
    minuteOf,
    refused: () => refused,
    advance: (seconds: number) => {
      now += seconds * 1000;
    },
    /** Ten workers that call until the API or the pool refuses. Returns the good calls, and the pause that the pool asks for. */
    async callUntilRefused() {
      let [calls, pause] = [0, Number.NaN];
      const work = async () => {
        while (await call()) calls += 1;
      };
      const workers = Array.from({ length: 10 }, () =>
        work().catch(({ headers }: Refusal) => {
          pause = Number(headers['retry-after']);
        }),
      );
      await Promise.all(workers);
      return { calls, pause };
    },
  };
}

function countHeaders(count: number, reset: number) {
  return {
    'inin-ratelimit-count': String(count),
    'inin-ratelimit-allowed': String(ALLOWED),
    'inin-ratelimit-reset': String(Math.ceil(reset)),
  };
}

test('two tokens give two times the calls of one, each minute, and no call is refused', async () => {
  const job = openPool('a', 'b');

  const first = await job.callUntilRefused();
  job.advance(first.pause);
  const second = await job.callUntilRefused();

  expect([first.calls, second.calls, job.refused()]).toEqual([2 * ALLOWED, 2 * ALLOWED, 0]);
  expect(first.pause).toBeLessThanOrEqual(60);
});

test('one token alone is not held back: the API refuses. The report tells the calls, and the least that was left', async () => {
  const job = openPool('a');

  const { calls } = await job.callUntilRefused();

  expect(calls).toBe(ALLOWED);
  expect(job.refused()).toBe(10);
  expect(job.pool.report()).toBe(`calls per token: a ${calls + 10}; the least left of 50 a minute: 0 (a)`);
});

test('what other jobs used of a token is known from the first answer', async () => {
  const job = openPool('a', 'b');
  job.minuteOf('b').count = ALLOWED - 10;

  const { calls } = await job.callUntilRefused();

  expect([calls, job.refused()]).toEqual([ALLOWED + 10, 0]);
});

test('while all tokens are used up, the pause is that of the one that comes first', async () => {
  const job = openPool('a', 'b');
  await job.call();
  job.advance(30);
  await job.call();

  const { pause } = await job.callUntilRefused();

  expect(pause).toBe(30);
});

test('a token request is answered with each token in turn', () => {
  const { pool } = openPool('a', 'b', 'c');

  const firsts = Array.from({ length: 4 }, () => pool.inTurn()[0]?.held.accessToken);

  expect(firsts).toEqual(['a', 'b', 'c', 'a']);
});

test('the gateway exchanges the bearer of --own-bearer, and sends a call without a body again if its token is used up', async () => {
  let used = 1;
  const job = await openGateway(
    'canary',
    (request, response, token) => {
      const count = token === 'canary-a' ? used : 1;
      answering(count < ALLOWED ? 200 : 429, countHeaders(count, 60))(request, response, token);
    },
    { names: 'a,b', options: ['--own-bearer'] },
  );
  const call = async (bearer = job.bearer) => (await job.call('/api/v2/x', bearer)).status;

  const statuses = [await call(), await call()];
  used = ALLOWED;
  statuses.push(await call(), await call());
  const again = await job.requestToken();
  const stored = await call('canary-a');
  await job.end();

  expect([...statuses, stored]).toEqual([200, 200, 200, 200, 401]);
  expect(job.api.calls.map(({ token }) => token?.at(-1)).join('')).toMatch(/^(ab|ba)(ab|bab)b*$/);
  expect(again.body.access_token).toBe(job.bearer);
  expect(job.bearer).toMatch(/^[0-9a-f]{64}$/);
  expect(JSON.stringify(job.env)).not.toContain('canary');
});

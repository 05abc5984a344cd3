import { metered } from './support/genesys-api.ts';
import { openGateway } from './support/job.ts';

/* Genesys Cloud allows 300 requests a minute for each token, this API 100. */
const ALLOWED = 100;

/** Starts a job with tokens of these names, behind a gateway to an API that counts. All have one clock. */
async function openJob(names: string, ...options: readonly string[]) {
  let aheadMs = 0;
  const meter = metered(ALLOWED, () => Date.now() + aheadMs);
  const job = await openGateway('canary', meter.answer, { names, options });
  const call = (method = 'GET', bearer = job.bearer) =>
    job.call('/api/v2/x', bearer, { method, body: method === 'POST' ? '{}' : null });
  return {
    ...job,
    ...meter,
    call,
    /** Ten workers that call until one gets 429. Returns the calls that were answered, and the pause that is asked for. */
    async callUntilRefused(method = 'GET') {
      let [calls, pause] = [0, Number.NaN];
      const work = async () => {
        for (;;) {
          const { status, headers } = await call(method);
          if (status === 429) pause = Number(headers.get('retry-after'));
          if (status !== 200) return;
          calls += 1;
        }
      };
      await Promise.all(Array.from({ length: 10 }, work));
      return { calls, pause };
    },
    advance(seconds: number) {
      aheadMs += seconds * 1000;
      job.stored.advance(seconds);
    },
  };
}

test.each([
  ['a', 1],
  ['a,b,c,d', 4],
])(
  'tokens %s give %d times the calls of one, each minute',
  async (names, times) => {
    const job = await openJob(names);

    const first = await job.callUntilRefused();
    job.advance(first.pause);
    const second = await job.callUntilRefused();
    await job.end();

    expect([first.calls, second.calls]).toEqual([times * ALLOWED, times * ALLOWED]);
    expect(first.pause).toBeLessThanOrEqual(60);
    expect(job.counted.refusedTooEarly).toBe(0);
    // One token alone is not held back: the API refuses.
    expect(job.counted.refused > 0).toBe(times === 1);
    expect(job.stderr()).toContain(`calls per token: a ${(job.counted.good + job.counted.refused) / times}`);
    expect(job.stderr()).toContain('the least left of 100 a minute: 0 (');
  },
  60_000,
);

test('what other jobs used of a token is known from the first answer: no call with a body is refused', async () => {
  const job = await openJob('a,b');
  job.bucketOf('canary-b').count = ALLOWED - 10;

  const { calls } = await job.callUntilRefused('POST');
  await job.end();

  expect(calls).toBe(ALLOWED + 10);
  expect(job.counted.refused).toBe(0);
});

test('a call without a body is sent with another token if other jobs used the first up', async () => {
  const job = await openJob('a,b');
  await job.call();
  await job.call();
  job.bucketOf('canary-a').count = ALLOWED;
  job.bucketOf('canary-b').count = 50;

  const statuses = [];
  for (let calls = 0; calls < 3; calls += 1) statuses.push((await job.call()).status);
  await job.end();

  expect(statuses).toEqual([200, 200, 200]);
});

test('while a token is used up, the pause is that of the one that comes first', async () => {
  const job = await openJob('a,b');
  await job.call();
  job.advance(30);
  await job.call();
  await job.callUntilRefused();

  const { headers } = await job.call();
  await job.end();

  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(30);
});

test('each client of a pool gets another token', async () => {
  const job = await openJob('a,b,c');

  const answers = [];
  for (let client = 0; client < 4; client += 1) answers.push((await job.requestToken()).body.access_token);
  await job.end();

  expect([job.bearer, ...answers]).toEqual(['a', 'b', 'c', 'a', 'b'].map((name) => `canary-${name}`));
});

test('with --own-bearer no stored token enters COMMAND, and the gateway exchanges the bearer', async () => {
  const job = await openJob('a,b', '--own-bearer');

  const own = await Promise.all([job.call(), job.call()]);
  const again = await job.requestToken();
  const stored = await job.call('GET', 'canary-a');
  await job.end();

  expect(own.map(({ status }) => status)).toEqual([200, 200]);
  expect(again.body.access_token).toBe(job.bearer);
  expect(job.bearer).toMatch(/^[0-9a-f]{64}$/);
  expect(stored.status).toBe(401);
  expect(job.api.calls.map(({ token }) => token).toSorted()).toEqual(['canary-a', 'canary-b']);
  expect(JSON.stringify(job.env)).not.toContain('canary');
});

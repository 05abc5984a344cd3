import { metered } from './support/genesys-api.ts';
import { openGateway } from './support/job.ts';

/* Genesys Cloud allows 300 requests a minute for each token, this API 50. */
const ALLOWED = 50;

/** Starts a job with tokens of these names, behind a gateway to an API that counts. Both have one clock. */
async function openJob(names: string, ...options: readonly string[]) {
  let now = Date.now;
  const meter = metered(ALLOWED, () => now());
  const job = await openGateway('canary', meter.answer, { names, options });
  now = job.stored.now;
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
  };
}

let job: Awaited<ReturnType<typeof openJob>>;

beforeAll(async () => {
  job = await openJob('a,b');
});

beforeEach(() => {
  // A new minute.
  job.stored.advance(100);
  job.counted.refused = 0;
});

afterAll(() => job.end());

test('two tokens give two times the calls of one, each minute, and no call is refused', async () => {
  const first = await job.callUntilRefused();
  job.stored.advance(first.pause);
  const second = await job.callUntilRefused();

  expect([first.calls, second.calls]).toEqual([2 * ALLOWED, 2 * ALLOWED]);
  expect(first.pause).toBeLessThanOrEqual(60);
  expect(job.counted.refused).toBe(0);
});

test('one token alone is not held back: the API refuses. The end tells the calls, and the least that was left', async () => {
  const alone = await openJob('a');

  const { calls } = await alone.callUntilRefused();
  await alone.end();

  expect(calls).toBe(ALLOWED);
  expect(alone.counted.refused).toBeGreaterThan(0);
  const all = alone.counted.good + alone.counted.refused;
  expect(alone.stderr()).toContain(`calls per token: a ${all}; the least left of 50 a minute: 0 (a)`);
});

test('what other jobs used of a token is known from the first answer: no call with a body is refused', async () => {
  job.bucketOf('canary-b').count = ALLOWED - 10;

  const { calls } = await job.callUntilRefused('POST');

  expect(calls).toBe(ALLOWED + 10);
  expect(job.counted.refused).toBe(0);
});

test('a call without a body is sent with another token if other jobs used the first up', async () => {
  await Promise.all([job.call(), job.call()]);
  job.bucketOf('canary-a').count = ALLOWED;
  job.bucketOf('canary-b').count = ALLOWED / 2;

  const statuses = [];
  for (let calls = 0; calls < 3; calls += 1) statuses.push((await job.call()).status);

  expect(statuses).toEqual([200, 200, 200]);
  expect(job.counted.refused).toBe(1);
});

test('while a token is used up, the pause is that of the one that comes first', async () => {
  await job.call();
  job.stored.advance(30);
  await job.call();
  await job.callUntilRefused();

  const { headers } = await job.call();

  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(30);
});

test('each client of a pool gets another token', async () => {
  const answers = [await job.requestToken(), await job.requestToken(), await job.requestToken()];

  const tokens = answers.map(({ body }) => body.access_token);
  expect(tokens).toEqual([tokens[0], tokens[0] === 'canary-a' ? 'canary-b' : 'canary-a', tokens[0]]);
});

test('with --own-bearer no stored token enters COMMAND, and the gateway exchanges the bearer', async () => {
  const own = await openJob('a,b', '--own-bearer');

  const calls = await Promise.all([own.call(), own.call()]);
  const again = await own.requestToken();
  const stored = await own.call('GET', 'canary-a');
  await own.end();

  expect(calls.map(({ status }) => status)).toEqual([200, 200]);
  expect(again.body.access_token).toBe(own.bearer);
  expect(own.bearer).toMatch(/^[0-9a-f]{64}$/);
  expect(stored.status).toBe(401);
  expect(own.api.calls.map(({ token }) => token).toSorted()).toEqual(['canary-a', 'canary-b']);
  expect(JSON.stringify(own.env)).not.toContain('canary');
});

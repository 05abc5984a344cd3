import { setTimeout as pause } from 'node:timers/promises';
import { jsonAnswer } from '../../local/authorization-server/faults.ts';
import { type Harness, MINUTE_MS, openHarness, parametersOf } from '../../local/harness.ts';
import { expectContract } from '../support/contract-file.ts';
import { expectNoLeaks } from './harnesses.ts';

const { token: TOKEN, status: STATUS } = parametersOf('demo');

/* The synthesized bundle in its own process, with the synthesized policy. */
let harness: Harness;
/** The first answer, where a token is stored and tagging is denied. */
let firstAnswer: string;
beforeAll(async () => {
  harness = await openHarness({ token: () => ({ tags: { team: 'contact-centre' } }) });
  harness.storeToken('old');
  harness.aws.faults.add({ match: { operation: 'AddTagsToResource' }, fault: { kind: 'deny' } });
  firstAnswer = await harness.beat({ force: true });
});
beforeEach(async () => {
  harness.clearFaults();
  await harness.invoke({ force: true });
});
afterAll(async () => {
  await harness.close();
  expectNoLeaks(harness);
});

const EVENTS_WHILE_A_TOKEN_LIVES = [
  {},
  { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} },
  { force: true },
  {
    source: 'aws.secretsmanager',
    'detail-type': 'Secret Label Updated',
    detail: { name: 'demo/oauth-client', labelUpdated: 'AWSCURRENT', versionId: 'v' },
  },
  { minRemainingSeconds: 2700 },
  { minRemainingSeconds: 0 },
  { minRemainingSeconds: 1_000_000_000 },
  { diagnose: true },
  { minRemainingSeconds: -1 },
  { minRemainingSeconds: 1.5 },
  { minRemainingSeconds: '2700' },
  { force: false },
  { force: 'true' },
  { diagnose: false },
  { force: true, diagnose: true },
  { unknown: true },
  { source: 'aws.s3', 'detail-type': 'Object Created', detail: {} },
];
const EVENTS_DURING_A_BACKOFF = [{}, { minRemainingSeconds: 3540 }, { force: true }, { diagnose: true }];

/** The answer to an event, or the error that Lambda reports, with the kinds of the values that change. */
async function exchange(event: object) {
  const outcome = await harness.invoke(event).then(
    (answer) => ({ answer: masked(answer) }),
    ({ name }) => ({ errorType: name }),
  );
  return { event, ...outcome };
}

/** Both parameters as the function left them. */
function storedParameters() {
  return [...harness.aws.ssm.parameters.values()].map(({ name, versions }) => {
    const newest = versions.at(-1);
    const isStatus = newest?.type === 'String';
    return {
      name,
      type: newest?.type,
      tier: newest?.tier,
      value: isStatus ? masked(JSON.parse(newest.value)) : 'the token',
    };
  });
}

test('the parameters, the events and the answers are those that a version promises', async () => {
  const { faults } = harness.authorizationServer;

  for (const Name of [TOKEN, STATUS]) harness.administer('DeleteParameter', { Name });
  faults.always('token', { kind: 'answer', status: 401 });
  const refused = await exchange({});
  const beforeTheFirstToken = storedParameters();
  harness.clearFaults();
  harness.advance(6 * MINUTE_MS);
  const first = await exchange({});
  const withAToken = storedParameters();
  const exchanges = [];
  for (const event of EVENTS_WHILE_A_TOKEN_LIVES) {
    harness.advance(20 * MINUTE_MS);
    await harness.invoke({});
    exchanges.push(await exchange(event));
  }
  await harness.invoke({ force: true });
  harness.advance(51 * MINUTE_MS);
  faults.always('token', { kind: 'answer', status: 401 });
  await harness.beat();
  const duringABackoff = [];
  for (const event of EVENTS_DURING_A_BACKOFF) duringABackoff.push(await exchange(event));
  const whileMintingFails = storedParameters();
  harness.clearFaults();
  // The server did not issue the long token: its probe would refuse it.
  faults.always('probe', { kind: 'answer', status: 200 });
  faults.always('token', jsonAnswer(200, { access_token: 'x'.repeat(4097), expires_in: 3600 }));
  await harness.invoke({ force: true });
  const aboveFourKilobytes = storedParameters().filter(({ type }) => type === 'SecureString');

  const contract = {
    functionName: harness.fn.name,
    parameters: {
      'where the first mint failed': beforeTheFirstToken,
      'with a token': withAToken,
      'while minting fails': whileMintingFails,
      'with a token above 4,096 bytes': aboveFourKilobytes,
    },
    events: {
      'where the first mint failed': [refused],
      'without a token': [first],
      'with a live token': exchanges,
      'while minting fails': duringABackoff,
    },
  };
  expectContract('function.json', `${JSON.stringify(contract, null, 2)}\n`);
});

const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'ISO 8601, UTC, with milliseconds'],
  [/^[0-9a-f]{12}$/, '12 hex digits'],
  [/^[0-9a-f]{16}$/, '16 hex digits'],
  [/ /, 'text for people'],
];

/** Replaces numbers, times and texts for people by what they are. Names, codes and reasons stay. */
function masked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  if (typeof value === 'string') return KINDS.find(([shape]) => shape.test(value))?.[1] ?? value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, key === 'schemaVersion' ? member : masked(member)]),
  );
}

const lastLine = () => JSON.parse(harness.process.lines.at(-1) ?? '{}');

test('an invocation writes one line of JSON; its metric is the remaining life as a reader saw it', async () => {
  const before = harness.process.lines.length;
  harness.advance(51 * MINUTE_MS);

  await harness.invoke({});

  expect(harness.process.lines).toHaveLength(before + 1);
  const { _aws, RemainingSeconds, TokenParameter, level } = lastLine();
  expect([level, Math.round(RemainingSeconds / 60), TokenParameter]).toEqual(['info', 9, TOKEN]);
  const Metrics = [{ Name: 'RemainingSeconds', Unit: 'Seconds' }];
  const metric = { Namespace: 'TokenRefresher', Dimensions: [['TokenParameter']], Metrics };
  expect(_aws).toEqual({ Timestamp: expect.any(Number), CloudWatchMetrics: [metric] });
});

test('an invocation of any kind that finds the token due replaces it first, by one mint', async () => {
  const before = harness.tokens.size;
  harness.advance(51 * MINUTE_MS);

  expect(await harness.invoke({ diagnose: true })).toMatchObject({ healthy: true });
  expect(harness.tokens.size).toBe(before + 1);
  harness.advance(51 * MINUTE_MS);
  expect(await harness.beat({ nonsense: true })).toBe('EVENT_INVALID');
  expect(harness.tokens.size).toBe(before + 2);
  // The alarm "failing" does not count it.
  expect(lastLine()).toMatchObject({ level: 'error', error: { code: 'EVENT_INVALID' }, InvalidEvents: 1 });
  // A refresh that fails in such an invocation counts.
  harness.advance(51 * MINUTE_MS);
  harness.authorizationServer.faults.always('token', { kind: 'reset' });
  expect(await harness.beat({ nonsense: true })).toBe('EVENT_INVALID');
  expect(lastLine()).toMatchObject({
    failure: 'TOKEN_ENDPOINT_UNAVAILABLE',
    error: { code: 'EVENT_INVALID' },
  });
  expect(lastLine()).not.toHaveProperty('InvalidEvents');
});

test('many jobs that ask for more life at once cause one mint where concurrency is reserved', async () => {
  const before = harness.tokens.size;
  harness.advance(20 * MINUTE_MS);

  const results = await Promise.all(Array.from({ length: 30 }, invokePatiently));

  expect(harness.fn.reservedConcurrency).toBe(1);
  expect(harness.process.starts).toBe(1);
  expect(harness.tokens.size).toBe(before + 1);
  expect(results.filter(({ satisfied }) => satisfied)).toHaveLength(30);
  expect(results.filter(({ outcome }) => outcome === 'refreshed')).toHaveLength(1);
});

/** As `ci/access-token` does: Lambda's refusal of a second invocation is a reason to ask again, a little later. */
async function invokePatiently(): Promise<Readonly<Record<string, unknown>>> {
  for (;;) {
    try {
      return await harness.invoke({ minRemainingSeconds: 3000 });
    } catch (error) {
      if ((error as Error).name !== 'TooManyRequestsException') throw error;
      await pause(100 + Math.random() * 300);
    }
  }
}

test('where tagging is denied, the token is stored all the same, and the log says what was denied', () => {
  expect(firstAnswer).toBe('refreshed, forced');
  expect(harness.written()).toContain(
    `The parameters could not be tagged: ssm:AddTagsToResource on ${TOKEN} failed`,
  );
});

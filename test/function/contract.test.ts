import { jsonAnswer } from '../../local/authorization-server/faults.ts';
import { type Harness, MINUTE_MS } from '../../local/harness.ts';
import { expectContract } from '../support/contract-file.ts';
import { useHarnesses } from './harnesses.ts';

const open = useHarnesses();

const SECRET_LABEL_UPDATED = {
  source: 'aws.secretsmanager',
  'detail-type': 'Secret Label Updated',
  detail: { name: 'demo/oauth-client', labelUpdated: 'AWSCURRENT', versionId: 'v' },
};
const EVENTS_WHILE_A_TOKEN_LIVES = [
  {},
  { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} },
  { force: true },
  SECRET_LABEL_UPDATED,
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
async function exchange(harness: Harness, event: object) {
  const outcome = await harness.invoke(event).then(
    (answer) => ({ answer: masked(answer) }),
    ({ name }) => ({ errorType: name }),
  );
  return { event, ...outcome };
}

/** Both parameters as the function left them. */
function parametersOf({ aws }: Harness) {
  return [...aws.ssm.parameters.values()].map(({ name, versions }) => {
    const newest = versions.at(-1);
    const isStatus = newest?.type === 'String';
    return {
      name,
      type: newest?.type,
      tier: newest?.tier,
      labels: newest?.labels,
      value: isStatus ? masked(JSON.parse(newest.value)) : 'the token',
    };
  });
}

test('the parameters, the events and the answers are those that a version promises', async () => {
  const harness = await open();
  const { faults } = harness.authorizationServer;

  faults.always('token', { kind: 'answer', status: 401 });
  const refused = await exchange(harness, {});
  const beforeTheFirstToken = parametersOf(harness);
  harness.clearFaults();
  harness.advance(6 * MINUTE_MS);
  const first = await exchange(harness, {});
  const withAToken = parametersOf(harness);
  const exchanges = [];
  for (const event of EVENTS_WHILE_A_TOKEN_LIVES) {
    harness.advance(20 * MINUTE_MS);
    await harness.invoke({});
    exchanges.push(await exchange(harness, event));
  }
  await harness.invoke({ force: true });
  harness.advance(51 * MINUTE_MS);
  faults.always('token', { kind: 'answer', status: 401 });
  await harness.beat();
  const duringABackoff = [];
  for (const event of EVENTS_DURING_A_BACKOFF) duringABackoff.push(await exchange(harness, event));
  const whileMintingFails = parametersOf(harness);
  const aboveFourKilobytes = await withALongToken();

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

/** The token's parameter where the token has more than 4,096 bytes. No probe: the server did not issue it. */
async function withALongToken() {
  const harness = await open({ token: () => ({ probeUrl: undefined }) });
  const body = { access_token: 'x'.repeat(4097), token_type: 'Bearer', expires_in: 3600 };
  harness.authorizationServer.faults.always('token', jsonAnswer(200, body));
  await harness.invoke({});
  return parametersOf(harness).filter(({ type }) => type === 'SecureString');
}

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

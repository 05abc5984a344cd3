import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteSecretCommand,
  PutSecretValueCommand,
  RestoreSecretCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { type Harness, MINUTE_MS } from '../../../local/harness.ts';
import type { Scenario } from './scenario.ts';
import { testScenarios } from './test-scenarios.ts';

const group = 'secret';
const SecretId = 'demo/oauth-client';

async function administer<T>(
  harness: Harness,
  call: (client: SecretsManagerClient) => Promise<T>,
): Promise<T> {
  const { aws, administrator } = harness;
  const client = new SecretsManagerClient({
    region: aws.region,
    endpoint: aws.url,
    credentials: administrator,
  });
  try {
    return await call(client);
  } finally {
    client.destroy();
  }
}

/** Stores a value, and resolves when Secrets Manager's event has been handled. */
async function store(harness: Harness, value: string): Promise<void> {
  const invocations = () => harness.aws.requests.filter(({ operation }) => operation === 'Invoke').length;
  const before = invocations();
  await administer(harness, (client) =>
    client.send(new PutSecretValueCommand({ SecretId, SecretString: value })),
  );
  while (invocations() === before) await sleep(1);
  await harness.aws.lambda.settled();
}

const rightValue = ({ clientSecrets }: Harness) =>
  JSON.stringify({ client_id: 'ci-jobs', client_secret: clientSecrets.at(-1) });

/** Bad values that somebody stores, and what the beat that follows says about them. */
const VALUES: readonly (readonly [string, string, RegExp])[] = [
  ['no JSON', 'ci-jobs:secret', /not JSON.*put-secret-value/],
  ['a key missing', '{"client_id":"ci-jobs"}', /client_secret is missing.*put-secret-value/],
  [
    'a trailing newline',
    '{"client_id":"ci-jobs","client_secret":"secret\\n"}',
    /ends with a newline.*put-secret-value/,
  ],
];

/** The secret is bad, wrong, or gone. */
testScenarios([
  ...VALUES.map(
    ([what, value, says]): Scenario => ({
      group,
      fault: `overwritten with ${what}`,
      arrange: (harness) => store(harness, value),
      async act(harness) {
        // The event of the change has failed with it already; the next invocation does so again.
        harness.advance(MINUTE_MS);
        const before = harness.authorizationServer.requests.length;
        const answer = await harness.beat();
        return harness.authorizationServer.requests.length === before ? answer : `${answer}, after a request`;
      },
      // Storing the right one mints at once.
      repair: async (harness) => store(harness, rightValue(harness)),
      answers: 'SECRET_MALFORMED',
      says,
      healedAfter: 0,
    }),
  ),
  {
    group,
    fault: 'a wrong client secret: the one before still works',
    arrange: (harness) => store(harness, '{"client_id":"ci-jobs","client_secret":"wrong"}'),
    act(harness) {
      // The event of the change has minted with it already.
      harness.advance(MINUTE_MS);
      return harness.beat({ force: true });
    },
    answers: 'refreshed, forced',
    healedAfter: 0,
  },
  {
    group,
    fault: 'replaced at the provider first, in Secrets Manager four beats later',
    arrange: ({ authorizationServer }) =>
      authorizationServer.replaceClientSecret('ci-jobs', 'another-secret'),
    async act(harness) {
      let answer = await harness.beat();
      for (let minute = 1; minute < 4; minute += 1) {
        harness.advance(MINUTE_MS);
        answer = await harness.beat();
      }
      return answer;
    },
    async repair(harness) {
      await store(harness, '{"client_id":"ci-jobs","client_secret":"another-secret"}');
      harness.authorizationServer.replaceClientSecret('ci-jobs', harness.clientSecrets.at(-1) ?? '');
    },
    // Tried after one minute and after three, by the backoff.
    answers: 'TOKEN_REJECTED',
    healedAfter: 0,
  },
  {
    group,
    fault: 'marked for deletion',
    arrange: (harness) => administer(harness, (client) => client.send(new DeleteSecretCommand({ SecretId }))),
    repair: (harness) => administer(harness, (client) => client.send(new RestoreSecretCommand({ SecretId }))),
    answers: 'SECRET_UNAVAILABLE',
    says: /InvalidRequestException.*restore-secret/,
  },
  {
    group,
    fault: 'its KMS key disabled',
    arrange: (harness) => setManagedKey(harness, 'secretsmanager', 'Disabled'),
    repair: (harness) => setManagedKey(harness, 'secretsmanager', 'Enabled'),
    answers: 'SECRET_UNAVAILABLE',
  },
]);

/** An AWS managed key cannot be disabled by hand; to the function the error is that of a customer's. */
function setManagedKey({ aws }: Harness, service: string, state: 'Enabled' | 'Disabled'): void {
  const key = aws.kms.keys.find(({ alias }) => alias === `alias/aws/${service}`);
  if (key) key.state = state;
}

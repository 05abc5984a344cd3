import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteSecretCommand,
  PutSecretValueCommand,
  RestoreSecretCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { type FaultRoom, MINUTE_MS } from '../fault-room.ts';
import type { Scenario } from '../scenario.ts';

const group = 'secret';
const SecretId = 'demo/oauth-client';

async function administer<T>(
  room: FaultRoom,
  call: (client: SecretsManagerClient) => Promise<T>,
): Promise<T> {
  const { aws, administrator } = room;
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

/** Stores a value; the event that Secrets Manager sends has been dealt with when this resolves. */
async function store(room: FaultRoom, value: string): Promise<void> {
  const invocations = () => room.aws.requests.filter(({ operation }) => operation === 'Invoke').length;
  const before = invocations();
  await administer(room, (client) =>
    client.send(new PutSecretValueCommand({ SecretId, SecretString: value })),
  );
  while (invocations() === before) await sleep(1);
  await room.aws.lambda.settled();
}

const rightValue = ({ clientSecrets }: FaultRoom) =>
  JSON.stringify({ client_id: 'ci-jobs', client_secret: clientSecrets.at(-1) });

/** Bad values that somebody stores, and the code of the beat that follows. */
const VALUES: readonly (readonly [string, string, string])[] = [
  ['the placeholder', '{"client_id":"REPLACE_ME","client_secret":"REPLACE_ME"}', 'SECRET_MALFORMED'],
  ['no JSON', 'ci-jobs:secret', 'SECRET_MALFORMED'],
  ['a key missing', '{"client_id":"ci-jobs"}', 'SECRET_MALFORMED'],
  ['a trailing newline', '{"client_id":"ci-jobs","client_secret":"secret\\n"}', 'SECRET_MALFORMED'],
];

/** The secret is bad, wrong, or gone. */
export const secret: readonly Scenario[] = [
  ...VALUES.map(
    ([what, value, code]): Scenario => ({
      group,
      fault: `overwritten with ${what}`,
      arrange: (room) => store(room, value),
      async act(room) {
        // The event of the change has failed with it already; the next beat does so again.
        room.advance(MINUTE_MS);
        return await room.beat();
      },
      // Storing the right one mints at once.
      repair: async (room) => store(room, rightValue(room)),
      answers: code,
      healedAfter: 0,
    }),
  ),
  {
    group,
    fault: 'a wrong client secret: the one before still works',
    arrange: (room) => store(room, '{"client_id":"ci-jobs","client_secret":"wrong"}'),
    act(room) {
      // The event of the change has minted with it already.
      room.advance(MINUTE_MS);
      return room.beat({ force: true });
    },
    answers: 'refreshed, forced',
    healedAfter: 0,
  },
  {
    group,
    fault: 'replaced at the provider first, in Secrets Manager four beats later',
    arrange: ({ authorizationServer }) =>
      authorizationServer.replaceClientSecret('ci-jobs', 'another-secret'),
    async act(room) {
      let answer = await room.beat();
      for (let minute = 1; minute < 4; minute += 1) {
        room.advance(MINUTE_MS);
        answer = await room.beat();
      }
      return answer;
    },
    async repair(room) {
      await store(room, '{"client_id":"ci-jobs","client_secret":"another-secret"}');
      room.authorizationServer.replaceClientSecret('ci-jobs', room.clientSecrets.at(-1) ?? '');
    },
    // Tried after one minute and after three: a wrong secret is not hammered.
    answers: 'TOKEN_REJECTED',
    healedAfter: 0,
  },
  {
    group,
    fault: 'marked for deletion',
    arrange: (room) => administer(room, (client) => client.send(new DeleteSecretCommand({ SecretId }))),
    repair: (room) => administer(room, (client) => client.send(new RestoreSecretCommand({ SecretId }))),
    answers: 'SECRET_UNAVAILABLE',
  },
  {
    group,
    fault: 'its KMS key disabled',
    arrange: (room) => setManagedKey(room, 'secretsmanager', 'Disabled'),
    repair: (room) => setManagedKey(room, 'secretsmanager', 'Enabled'),
    answers: 'SECRET_UNAVAILABLE',
  },
];

/** An AWS managed key cannot be disabled by hand; to the function the error is that of a customer's. */
function setManagedKey({ aws }: FaultRoom, service: string, state: 'Enabled' | 'Disabled'): void {
  const key = aws.kms.keys.find(({ alias }) => alias === `alias/aws/${service}`);
  if (key) key.state = state;
}

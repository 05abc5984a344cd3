import { type Harness, MINUTE_MS } from '../../../local/harness.ts';
import { testScenarios } from './scenario.ts';

const clientSecret = (value: string) => JSON.stringify({ client_id: 'ci-jobs', client_secret: value });
const rightValue = ({ clientSecrets }: Harness) => clientSecret(clientSecrets.at(-1) ?? '');

/** To the function the error is that of a customer managed key. */
function setKey({ aws }: Harness, state: 'Enabled' | 'Disabled'): void {
  const key = aws.kms.keys.find(({ alias }) => alias === 'alias/aws/secretsmanager');
  if (key) key.state = state;
}

/** The secret is bad, wrong, or gone. */
testScenarios([
  {
    fault: 'the secret overwritten with a text that is no JSON',
    arrange: ({ putSecret }) => putSecret('ci-jobs:secret'),
    async act(harness) {
      // The event of the change has failed with it already; the next invocation does so again.
      harness.advance(MINUTE_MS);
      const before = harness.authorizationServer.requests.length;
      const answer = await harness.beat();
      return harness.authorizationServer.requests.length === before ? answer : `${answer}, after a request`;
    },
    // Storing the right one mints at once.
    repair: (harness) => harness.putSecret(rightValue(harness)),
    answers: 'SECRET_MALFORMED',
    says: /not JSON.*put-secret-value/,
    healedAfter: 0,
  },
  {
    fault: 'a wrong client secret is stored: the one before still works',
    arrange: ({ putSecret }) => putSecret(clientSecret('wrong')),
    act(harness) {
      // The event of the change has minted with it already.
      harness.advance(MINUTE_MS);
      return harness.beat({ force: true });
    },
    answers: 'refreshed, forced',
    healedAfter: 0,
  },
  {
    fault: 'the client secret replaced at the provider first, in Secrets Manager four beats later',
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
      await harness.putSecret(clientSecret('another-secret'));
      harness.authorizationServer.replaceClientSecret('ci-jobs', harness.clientSecrets.at(-1) ?? '');
    },
    // Tried after one minute and after three, by the backoff.
    answers: 'TOKEN_REJECTED',
    healedAfter: 0,
  },
  {
    fault: 'the secret marked for deletion',
    arrange: ({ administer, secretName }) => administer('DeleteSecret', { SecretId: secretName }),
    repair: ({ administer, secretName }) => administer('RestoreSecret', { SecretId: secretName }),
    answers: 'SECRET_UNAVAILABLE',
    says: /InvalidRequestException.*restore-secret/,
  },
  {
    fault: 'the secret’s KMS key disabled',
    arrange: (harness) => setKey(harness, 'Disabled'),
    repair: (harness) => setKey(harness, 'Enabled'),
    answers: 'SECRET_UNAVAILABLE',
  },
]);

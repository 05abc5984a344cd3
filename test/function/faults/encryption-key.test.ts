import type { Harness, HarnessOptions } from '../../../local/harness.ts';
import type { Scenario } from './scenario.ts';
import { testScenarios } from './test-scenarios.ts';

const group = 'encryption key';
const DENY_ALL = { Effect: 'Deny', Principal: { AWS: '*' }, Action: 'kms:*', Resource: '*' };

/** The token is encrypted with a customer managed key. */
const options: HarnessOptions = { token: ({ aws }) => ({ encryptionKeyArn: aws.kms.addKey().arn }) };

const keyOf = ({ aws }: Harness) => aws.kms.keys.find(({ managedBy }) => managedBy === undefined);

function setState(harness: Harness, state: 'Enabled' | 'Disabled'): void {
  const key = keyOf(harness);
  if (key) key.state = state;
}

function denied(action: string): Scenario {
  return {
    group,
    fault: `${action} denied by the key's policy`,
    options,
    arrange(harness) {
      const key = keyOf(harness);
      if (key === undefined) throw new Error('The harness has no key.');
      key.policy = {
        Version: '2012-10-17',
        Statement: [
          {
            ...DENY_ALL,
            Action: action,
            Principal: {
              AWS: `arn:aws:sts::${harness.aws.accountId}:assumed-role/refresher/${harness.fn.name}`,
            },
          },
          ALLOW_ACCOUNT,
        ],
      };
    },
    repair(harness) {
      const key = keyOf(harness);
      if (key) key.policy = { Version: '2012-10-17', Statement: [ALLOW_ACCOUNT] };
    },
    answers: 'PARAMETER_NOT_WRITTEN',
    says: /allow it in the KMS key's policy/,
  };
}

const ALLOW_ACCOUNT = {
  Effect: 'Allow',
  Principal: { AWS: 'arn:aws:iam::111122223333:root' },
  Action: 'kms:*',
  Resource: '*',
};

/** A customer managed key that cannot be used for writing; readers can decrypt what is there, unless it is disabled. */
testScenarios([
  {
    group,
    fault: 'disabled for a minute',
    options,
    arrange: (harness) => setState(harness, 'Disabled'),
    repair: (harness) => setState(harness, 'Enabled'),
    answers: 'PARAMETER_NOT_WRITTEN',
    says: /The KMS key is disabled or being deleted/,
    // Nobody can decrypt the stored token.
    takesTokenAway: true,
  },
  denied('kms:Encrypt'),
]);

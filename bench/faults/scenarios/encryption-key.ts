import type { FunctionHarnessOptions } from '../../../local/function-harness.ts';
import type { FaultRoom } from '../fault-room.ts';
import type { Scenario } from '../scenario.ts';

const group = 'encryption key';
const DENY_ALL = { Effect: 'Deny', Principal: { AWS: '*' }, Action: 'kms:*', Resource: '*' };

/** The token is encrypted with a key of the customer's. */
const room: FunctionHarnessOptions = { token: ({ aws }) => ({ encryptionKeyArn: aws.kms.addKey().arn }) };

const keyOf = ({ aws }: FaultRoom) => aws.kms.keys.find(({ managedBy }) => managedBy === undefined);

function setState(faultRoom: FaultRoom, state: 'Enabled' | 'Disabled'): void {
  const key = keyOf(faultRoom);
  if (key) key.state = state;
}

function denied(what: string, action: string): Scenario {
  return {
    group,
    fault: `${what} denied by the key's policy`,
    room,
    arrange(faultRoom) {
      const key = keyOf(faultRoom);
      if (key === undefined) throw new Error('The room has no key.');
      key.policy = {
        Version: '2012-10-17',
        Statement: [
          {
            ...DENY_ALL,
            Action: action,
            Principal: {
              AWS: `arn:aws:sts::${faultRoom.aws.accountId}:assumed-role/refresher/${faultRoom.fn.name}`,
            },
          },
          ALLOW_ACCOUNT,
        ],
      };
    },
    repair(faultRoom) {
      const key = keyOf(faultRoom);
      if (key) key.policy = { Version: '2012-10-17', Statement: [ALLOW_ACCOUNT] };
    },
    answers: 'PARAMETER_NOT_WRITTEN',
  };
}

const ALLOW_ACCOUNT = {
  Effect: 'Allow',
  Principal: { AWS: 'arn:aws:iam::111122223333:root' },
  Action: 'kms:*',
  Resource: '*',
};

/** A customer managed key that cannot be used for writing; readers can decrypt what is there, unless it is disabled. */
export const encryptionKey: readonly Scenario[] = [
  {
    group,
    fault: 'disabled for a minute',
    room,
    arrange: (faultRoom) => setState(faultRoom, 'Disabled'),
    repair: (faultRoom) => setState(faultRoom, 'Enabled'),
    answers: 'PARAMETER_NOT_WRITTEN',
    // Nobody can decrypt what is there.
    takesTokenAway: true,
  },
  denied('kms:Encrypt', 'kms:Encrypt'),
];

import type { Fault } from '../../../local/aws/faults.ts';
import type { KmsKey } from '../../../local/aws/kms.ts';
import type { Harness, HarnessOptions } from '../../../local/harness.ts';
import { CALLS, type CallName } from '../harnesses.ts';
import { type Scenario, testScenarios } from './scenario.ts';

type SimpleFault = Exclude<Fault['kind'], 'before-executing' | 'after-executing'>;

const UNAVAILABLE = 'PARAMETER_UNAVAILABLE';
const NOT_WRITTEN = 'PARAMETER_NOT_WRITTEN';

/** The function gives up before its own time limit: a shorter one makes the beat shorter, not another. */
const SHORT: HarnessOptions = { timeoutMs: 10_000 };

/** A fault that a retry overcomes: the beat succeeds. */
function once(call: CallName, kind: SimpleFault, more: Partial<Scenario> = {}): Scenario {
  return {
    fault: `${call}: ${kind}, once`,
    arrange: ({ aws }) => aws.faults.add({ match: CALLS[call], fault: { kind }, times: 1 }),
    answers: 'refreshed, age',
    healedAfter: 0,
    ...more,
  };
}

/** A fault of each try in a beat: the beat fails with this code and advice, the next one succeeds. */
function throughout(
  call: CallName,
  kind: SimpleFault,
  answers: string,
  more: Partial<Scenario> = {},
): Scenario {
  return {
    fault: `${call}: ${kind}, for a minute`,
    options: SHORT,
    arrange: ({ aws }) => aws.faults.add({ match: CALLS[call], fault: { kind } }),
    answers,
    ...more,
  };
}

/** A token without its status: the next invocation sees that they do not belong together. */
const MISMATCH = { healedBy: 'refreshed, version-mismatch' };

/** The token is encrypted with a customer managed key. */
const OWN_KEY: HarnessOptions = { token: ({ aws }) => ({ encryptionKeyArn: aws.kms.addKey().arn }) };

function keyOf({ aws }: Harness): KmsKey {
  const key = aws.kms.keys.find(({ managedBy }) => managedBy === undefined);
  if (key === undefined) throw new Error('The harness has no key.');
  return key;
}

const statementsOf = (harness: Harness) => keyOf(harness).policy.Statement as object[];

/** A statement of the key's policy that denies the function to encrypt; readers can decrypt the stored token. */
const denyEncryption = ({ aws, fn }: Harness) => ({
  Effect: 'Deny',
  Principal: { AWS: `arn:aws:sts::${aws.accountId}:assumed-role/refresher/${fn.name}` },
  Action: 'kms:Encrypt',
  Resource: '*',
});

/** Each call to AWS fails in each way that the function treats differently. */
testScenarios([
  once('GetParameters', 'cut-half-way-through-answer'),
  once('GetSecretValue', 'hang'),
  once('PutParameter token', 'throttle'),
  // The retry makes one more version: the beat cannot tell that from a mint of another instance.
  once('PutParameter token', 'cut-after-executing', {
    answers: 'still-fresh, concurrent-mint',
    healedAfter: 1,
    ...MISMATCH,
  }),
  once('PutParameter status', 'cut-after-executing'),
  throughout('PutParameter token', 'cut-after-executing', NOT_WRITTEN),
  throughout('GetParameters', 'hang', UNAVAILABLE),
  throughout('GetParameters', 'throttle', UNAVAILABLE, { says: /raise its throughput/ }),
  throughout('GetParameters', 'server-error', UNAVAILABLE, { says: /The next invocation tries again/ }),
  throughout('GetParameters', 'deny', UNAVAILABLE, {
    says: /is not authorized to perform: ssm:GetParameters.*Deploy the stack again/,
  }),
  throughout('GetSecretValue', 'throttle', 'SECRET_UNAVAILABLE', { says: /The next invocation tries again/ }),
  throughout('GetSecretValue', 'deny', 'SECRET_UNAVAILABLE', { says: /Deploy the stack again/ }),
  throughout('PutParameter token', 'throttle', NOT_WRITTEN, { says: /The next invocation tries again/ }),
  throughout('PutParameter token', 'deny', NOT_WRITTEN, { says: /Deploy the stack again/ }),
  throughout('PutParameter status', 'deny', NOT_WRITTEN, MISMATCH),
  {
    fault: 'the token’s KMS key disabled for a minute',
    options: OWN_KEY,
    arrange: (harness) => Object.assign(keyOf(harness), { state: 'Disabled' }),
    repair: (harness) => Object.assign(keyOf(harness), { state: 'Enabled' }),
    answers: NOT_WRITTEN,
    says: /The KMS key is disabled or being deleted/,
    // Nobody can decrypt the stored token.
    takesTokenAway: true,
  },
  {
    fault: 'kms:Encrypt denied by the key’s policy',
    options: OWN_KEY,
    arrange: (harness) => statementsOf(harness).unshift(denyEncryption(harness)),
    repair: (harness) => statementsOf(harness).shift(),
    answers: NOT_WRITTEN,
    says: /allow it in the KMS key's policy/,
  },
]);

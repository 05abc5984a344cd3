import type { Harness } from '../../../local/harness.ts';
import { CALLS, STATUS_PARAMETER, TOKEN_PARAMETER } from '../harnesses.ts';
import { killBefore, testScenarios } from './scenario.ts';

function remove({ administer }: Harness, name: string): void {
  administer('DeleteParameter', { Name: name });
}

/** Moves a label to a version. */
function label({ administer }: Harness, ParameterVersion: number): void {
  administer('LabelParameterVersion', { Name: TOKEN_PARAMETER, ParameterVersion, Labels: ['keep'] });
}

/** The parameters are deleted, overwritten, or read in an older state. */
testScenarios([
  {
    fault: 'the status overwritten with other text',
    before: 'fresh',
    arrange: ({ storeStatus }) => storeStatus('{"schemaVersion":1'),
    answers: 'refreshed, status-unreadable',
    healedAfter: 0,
  },
  {
    fault: 'both parameters deleted',
    before: 'fresh',
    arrange(harness) {
      remove(harness, TOKEN_PARAMETER);
      remove(harness, STATUS_PARAMETER);
    },
    answers: 'refreshed, no-token',
    healedAfter: 0,
    takesTokenAway: true,
  },
  {
    fault: 'the token overwritten by hand',
    before: 'fresh',
    arrange: ({ storeToken }) => storeToken('pasted-by-hand'),
    answers: 'refreshed, version-mismatch',
    healedAfter: 0,
    takesTokenAway: true,
  },
  {
    fault: 'the token deleted, and the beat that replaces it killed between its writes',
    arrange(harness) {
      remove(harness, TOKEN_PARAMETER);
      killBefore(harness, CALLS['PutParameter status']);
    },
    answers: 'Runtime.ExitError',
    // The new token has version 1 again, as the status says of the one before.
    healedBy: 'refreshed, version-mismatch',
    takesTokenAway: true,
  },
  {
    fault: 'the token overwritten between the beat’s read and its write',
    arrange: ({ aws, storeToken }) =>
      aws.faults.hook('after-executing', { ...CALLS.GetParameters, nth: 1 }, () =>
        storeToken('pasted-by-hand'),
      ),
    // No status describes the pasted text: it might be a later mint's token. The beat's own token stays until the next.
    act: async (harness) => `${await harness.beat()}; ${(await harness.read()).problem ?? 'readable'}`,
    answers: 'still-fresh, concurrent-mint; readable',
    healedBy: 'refreshed, version-mismatch',
    takesTokenAway: true,
  },
  {
    fault: 'the oldest of 100 versions carries a label',
    arrange(harness) {
      const { value = '' } = harness.stored() ?? {};
      for (let version = 2; version <= 100; version += 1) harness.storeToken(value);
      label(harness, 1);
    },
    repair: (harness) => label(harness, 100),
    answers: 'PARAMETER_NOT_WRITTEN',
    says: /unlabel-parameter-version/,
  },
  {
    fault: 'a stale read: the state before the last write',
    before: 'fresh',
    async arrange(harness) {
      await harness.beat({ force: true });
      harness.aws.faults.add({ match: CALLS.GetParameters, fault: { kind: 'stale-read' } });
    },
    answers: /^(refreshed, version-mismatch|still-fresh, concurrent-mint)$/,
  },
]);

import type { Harness } from '../../../local/harness.ts';
import { CALLS, STATUS_PARAMETER, TOKEN_PARAMETER } from '../harnesses.ts';
import { killBefore } from './kill.ts';
import type { Scenario } from './scenario.ts';
import { testScenarios } from './test-scenarios.ts';

const group = 'parameters';

function overwrite(harness: Harness, name: string, value: string): void {
  const type = name === TOKEN_PARAMETER ? 'SecureString' : 'String';
  harness.administer('PutParameter', { Name: name, Value: value, Type: type, Overwrite: true });
}

function remove(harness: Harness, name: string): void {
  harness.administer('DeleteParameter', { Name: name });
}

function changeStatus(harness: Harness, change: (status: Record<string, unknown>) => object): void {
  const json = harness.aws.ssm.parameters.get(STATUS_PARAMETER)?.versions.at(-1)?.value ?? '{}';
  overwrite(harness, STATUS_PARAMETER, JSON.stringify(change(JSON.parse(json))));
}

const hours = (count: number) => new Date(Date.now() + count * 3_600_000).toISOString();

/** What somebody does to the stored status, and the reason for which the next invocation mints. */
const STATUSES: readonly (readonly [string, (harness: Harness) => void, string])[] = [
  ['status deleted', (harness) => remove(harness, STATUS_PARAMETER), 'status-unreadable'],
  [
    'status is no JSON',
    (harness) => overwrite(harness, STATUS_PARAMETER, '{"schemaVersion":1'),
    'status-unreadable',
  ],
  [
    'status is of another schema',
    (harness) => changeStatus(harness, (status) => ({ ...status, schemaVersion: 2 })),
    'status-unreadable',
  ],
  [
    'status describes another version',
    (harness) => changeStatus(harness, (status) => ({ ...status, tokenVersion: 7 })),
    'version-mismatch',
  ],
  [
    'status claims a time in the future',
    (harness) =>
      changeStatus(harness, (status) => ({
        ...status,
        issuedAt: hours(2),
        refreshDueAt: hours(2.5),
        expiresAt: hours(3),
      })),
    'clock-future',
  ],
];

/** The parameters are deleted, overwritten, or read in an older state. */
testScenarios([
  ...STATUSES.map(
    ([fault, arrange, reason]): Scenario => ({
      group,
      fault,
      before: 'fresh',
      arrange,
      answers: `refreshed, ${reason}`,
      healedAfter: 0,
    }),
  ),
  {
    group,
    fault: 'token deleted',
    before: 'fresh',
    arrange: (harness) => remove(harness, TOKEN_PARAMETER),
    answers: 'refreshed, no-token',
    healedAfter: 0,
    takesTokenAway: true,
  },
  {
    group,
    fault: 'both deleted',
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
    group,
    fault: 'token overwritten by hand',
    before: 'fresh',
    arrange: (harness) => overwrite(harness, TOKEN_PARAMETER, 'pasted-by-hand'),
    answers: 'refreshed, version-mismatch',
    healedAfter: 0,
    takesTokenAway: true,
  },
  {
    group,
    fault: 'token deleted between the beat’s read and its write',
    arrange: (harness) =>
      harness.aws.faults.hook('after-executing', { ...CALLS.GetParameters, nth: 1 }, () =>
        remove(harness, TOKEN_PARAMETER),
      ),
    answers: 'still-fresh, concurrent-mint',
    takesTokenAway: true,
  },
  {
    group,
    fault: 'token deleted, and the beat that replaces it killed between its writes',
    before: 'due',
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
    group,
    fault: 'token overwritten between the beat’s read and its write',
    arrange: (harness) =>
      harness.aws.faults.hook('after-executing', { ...CALLS.GetParameters, nth: 1 }, () =>
        overwrite(harness, TOKEN_PARAMETER, 'pasted-by-hand'),
      ),
    // No status describes what was pasted: it might be a later mint's token. The beat's own token stays until the next.
    act: async (harness) => `${await harness.beat()}; ${(await harness.read()).problem ?? 'readable'}`,
    answers: 'still-fresh, concurrent-mint; readable',
    healedBy: 'refreshed, version-mismatch',
    takesTokenAway: true,
  },
  {
    group,
    fault: 'token overwritten between the two writes',
    arrange: (harness) =>
      harness.aws.faults.hook('after-executing', CALLS['PutParameter token'], () =>
        overwrite(harness, TOKEN_PARAMETER, 'pasted-by-hand'),
      ),
    answers: 'refreshed, age',
    takesTokenAway: true,
  },
  {
    group,
    fault: 'oldest of 100 versions carries a label',
    arrange(harness) {
      const { value = '' } = harness.aws.ssm.parameters.get(TOKEN_PARAMETER)?.versions[0] ?? {};
      for (let version = 2; version <= 100; version += 1) overwrite(harness, TOKEN_PARAMETER, value);
      harness.administer('LabelParameterVersion', {
        Name: TOKEN_PARAMETER,
        ParameterVersion: 1,
        Labels: ['keep'],
      });
    },
    repair: (harness) =>
      harness.administer('LabelParameterVersion', {
        Name: TOKEN_PARAMETER,
        ParameterVersion: 100,
        Labels: ['keep'],
      }),
    answers: 'PARAMETER_NOT_WRITTEN',
  },
  {
    group,
    fault: 'stale read: the state before the last write',
    before: 'fresh',
    async arrange(harness) {
      await harness.beat({ force: true });
      harness.aws.faults.add({ match: CALLS.GetParameters, fault: { kind: 'stale-read' } });
    },
    answers: 'refreshed, version-mismatch',
    healedAfter: 0,
  },
]);

import { CALLS, type FaultRoom, STATUS_PARAMETER, TOKEN_PARAMETER } from '../fault-room.ts';
import type { Scenario } from '../scenario.ts';
import { killBefore } from './kills.ts';

const group = 'parameters';

function overwrite(room: FaultRoom, name: string, value: string): void {
  const type = name === TOKEN_PARAMETER ? 'SecureString' : 'String';
  room.parameters('PutParameter', { Name: name, Value: value, Type: type, Overwrite: true });
}

function remove(room: FaultRoom, name: string): void {
  room.parameters('DeleteParameter', { Name: name });
}

function changeStatus(room: FaultRoom, change: (status: Record<string, unknown>) => object): void {
  const json = room.aws.ssm.parameters.get(STATUS_PARAMETER)?.versions.at(-1)?.value ?? '{}';
  overwrite(room, STATUS_PARAMETER, JSON.stringify(change(JSON.parse(json))));
}

const hours = (count: number) => new Date(Date.now() + count * 3_600_000).toISOString();

/** What somebody does to the stored status, and the reason for which the next beat mints. */
const STATUSES: readonly (readonly [string, (room: FaultRoom) => void, string])[] = [
  ['status deleted', (room) => remove(room, STATUS_PARAMETER), 'status-unreadable'],
  [
    'status is no JSON',
    (room) => overwrite(room, STATUS_PARAMETER, '{"schemaVersion":1'),
    'status-unreadable',
  ],
  [
    'status is of another schema',
    (room) => changeStatus(room, (status) => ({ ...status, schemaVersion: 2 })),
    'status-unreadable',
  ],
  [
    'status describes another version',
    (room) => changeStatus(room, (status) => ({ ...status, tokenVersion: 7 })),
    'version-mismatch',
  ],
  [
    'status claims a time in the future',
    (room) =>
      changeStatus(room, (status) => ({
        ...status,
        issuedAt: hours(2),
        refreshDueAt: hours(2.5),
        expiresAt: hours(3),
      })),
    'clock-future',
  ],
];

/** The parameters are deleted, overwritten, or read in an older state. */
export const parameters: readonly Scenario[] = [
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
    arrange: (room) => remove(room, TOKEN_PARAMETER),
    answers: 'refreshed, no-token',
    healedAfter: 0,
    takesTokenAway: true,
  },
  {
    group,
    fault: 'both deleted',
    before: 'fresh',
    arrange(room) {
      remove(room, TOKEN_PARAMETER);
      remove(room, STATUS_PARAMETER);
    },
    answers: 'refreshed, no-token',
    healedAfter: 0,
    takesTokenAway: true,
  },
  {
    group,
    fault: 'token overwritten by hand',
    before: 'fresh',
    arrange: (room) => overwrite(room, TOKEN_PARAMETER, 'pasted-by-hand'),
    answers: 'refreshed, version-mismatch',
    healedAfter: 0,
    takesTokenAway: true,
  },
  {
    group,
    fault: 'token deleted between the beat’s read and its write',
    arrange: (room) =>
      room.aws.faults.hook('after-executing', { ...CALLS.GetParameters, nth: 1 }, () =>
        remove(room, TOKEN_PARAMETER),
      ),
    answers: 'refreshed, age',
    healedAfter: 0,
    takesTokenAway: true,
  },
  {
    group,
    fault: 'token deleted, and the beat that replaces it killed between its writes',
    before: 'due',
    arrange(room) {
      remove(room, TOKEN_PARAMETER);
      killBefore(room, CALLS['PutParameter status']);
    },
    answers: 'Runtime.ExitError',
    takesTokenAway: true,
  },
  {
    group,
    fault: 'token overwritten between the beat’s read and its write',
    arrange: (room) =>
      room.aws.faults.hook('after-executing', { ...CALLS.GetParameters, nth: 1 }, () =>
        overwrite(room, TOKEN_PARAMETER, 'pasted-by-hand'),
      ),
    answers: 'refreshed, age',
    healedAfter: 0,
    takesTokenAway: true,
  },
  {
    group,
    fault: 'token overwritten between the two writes',
    arrange: (room) =>
      room.aws.faults.hook('after-executing', CALLS['PutParameter token'], () =>
        overwrite(room, TOKEN_PARAMETER, 'pasted-by-hand'),
      ),
    answers: 'refreshed, age',
    takesTokenAway: true,
  },
  {
    group,
    fault: 'oldest of 100 versions carries a label',
    arrange(room) {
      const { value = '' } = room.aws.ssm.parameters.get(TOKEN_PARAMETER)?.versions[0] ?? {};
      for (let version = 2; version <= 100; version += 1) overwrite(room, TOKEN_PARAMETER, value);
      room.parameters('LabelParameterVersion', {
        Name: TOKEN_PARAMETER,
        ParameterVersion: 1,
        Labels: ['keep'],
      });
    },
    repair: (room) =>
      room.parameters('LabelParameterVersion', {
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
    async arrange(room) {
      await room.beat({ force: true });
      room.aws.faults.add({ match: CALLS.GetParameters, fault: { kind: 'stale-read' } });
    },
    answers: 'refreshed, version-mismatch',
    healedAfter: 0,
  },
  {
    group,
    fault: 'stale read after a lost write, at the second look',
    arrange(room) {
      room.aws.faults.add({
        match: CALLS['PutParameter token'],
        fault: { kind: 'cut-after-executing' },
        times: 1,
      });
      room.aws.faults.add({ match: { ...CALLS.GetParameters, nth: 2 }, fault: { kind: 'stale-read' } });
    },
    answers: 'refreshed, age',
    healedAfter: 0,
  },
];

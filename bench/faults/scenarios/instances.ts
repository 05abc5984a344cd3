import type { FaultMatch } from '../../../local/aws/faults.ts';
import { CALLS, type FaultRoom, TOKEN_PARAMETER } from '../fault-room.ts';
import type { Scenario } from '../scenario.ts';

const group = 'instances';

/** A gate that the first call to arrive waits at, and a signal that it is there. */
function holdFirst(room: FaultRoom, match: FaultMatch) {
  const arrived = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  room.aws.faults.add({
    match: { ...match, nth: 1 },
    fault: {
      kind: 'before-executing',
      run: () => {
        arrived.resolve();
        return opened.promise;
      },
    },
  });
  return { arrived: arrived.promise, open: () => opened.resolve() };
}

/** Lets the first `count` calls to GetSecretValue wait for each other: so many mints are then under way at once. */
function meet(room: FaultRoom, count: number): void {
  const all = Promise.withResolvers<void>();
  let arrived = 0;
  room.aws.faults.hook('before-executing', CALLS.GetSecretValue, () => {
    arrived += 1;
    if (arrived >= count) all.resolve();
    return all.promise;
  });
}

/** An older mint is held at a call while another one runs through. */
async function olderFinishesLast(
  room: FaultRoom,
  options: { readonly olderLivesSeconds: number; readonly newerHeldAt?: FaultMatch },
): Promise<string> {
  const older = holdFirst(room, CALLS['PutParameter token']);
  room.authorizationServer.setLifetime(options.olderLivesSeconds);
  const olderAnswer = room.beat();
  await older.arrived;
  room.authorizationServer.setLifetime(3600);
  const newer = options.newerHeldAt && holdFirst(room, options.newerHeldAt);
  const newerAnswer = room.beat();
  await (newer?.arrived ?? newerAnswer);
  older.open();
  const first = await olderAnswer;
  newer?.open();
  return `${first} | ${await newerAnswer}`;
}

const atOnce = (count: number, event: object) => async (room: FaultRoom) =>
  (await Promise.all(Array.from({ length: count }, () => room.beat(event)))).sort().join(' | ');

/** SIGSTOP: the process stands still until Lambda ends it. */
function freezeAfter(room: FaultRoom, match: FaultMatch): void {
  room.aws.faults.hook('after-executing', match, () => {
    for (const pid of room.process.pids) process.kill(pid, 'SIGSTOP');
  });
}

/** Several instances of the function at once, and one that stands still. */
export const instances: readonly Scenario[] = [
  {
    group,
    fault: 'two beats at once, concurrency reserved',
    arrange: () => undefined,
    act: atOnce(2, {}),
    // Lambda refuses the second, which the client then tries again.
    answers: 'refreshed, age | still-fresh, not-due',
    healedAfter: 0,
  },
  {
    group,
    fault: 'two beats at once, none reserved',
    isUnreserved: true,
    arrange: (room) => meet(room, 2),
    act: atOnce(2, {}),
    answers:
      /^(refreshed, age|still-fresh, concurrent-mint) \| (refreshed, age|still-fresh, concurrent-mint)$/,
  },
  {
    group,
    fault: 'five forced at once, none reserved',
    isUnreserved: true,
    before: 'fresh',
    arrange: (room) => meet(room, 5),
    act: atOnce(5, { force: true }),
    answers: /^((refreshed, forced|still-fresh, concurrent-mint|still-fresh, not-later)( \| )?){5}$/,
  },
  {
    group,
    fault: 'an older mint of a shorter-lived token writes last',
    isUnreserved: true,
    arrange: () => undefined,
    act: (room) => olderFinishesLast(room, { olderLivesSeconds: 900 }),
    answers: 'still-fresh, concurrent-mint | refreshed, age',
    healedAfter: 0,
  },
  {
    group,
    fault: "an older mint writes last, before the newer one's status",
    isUnreserved: true,
    arrange: () => undefined,
    act: (room) =>
      olderFinishesLast(room, { olderLivesSeconds: 3600, newerHeldAt: CALLS['PutParameter status'] }),
    answers: 'refreshed, age | refreshed, age',
  },
  ...(
    [
      ['before its second look', { ...CALLS.GetParameters, nth: 3 }],
      ['before it reads the better token', { operation: 'GetParameter', name: `${TOKEN_PARAMETER}:2` }],
      ['before it puts the better token back', { ...CALLS['PutParameter token'], nth: 3 }],
    ] as const
  ).map(
    ([when, match]): Scenario => ({
      group,
      fault: `an older mint writes last and is killed ${when}`,
      isUnreserved: true,
      arrange(room) {
        room.aws.faults.add({ match, fault: { kind: 'before-executing', run: () => room.process.kill() } });
        room.aws.faults.add({ match, fault: { kind: 'cut-before-executing' } });
      },
      act: (room) => olderFinishesLast(room, { olderLivesSeconds: 3600 }),
      answers: 'Runtime.ExitError | refreshed, age',
    }),
  ),
  ...(['GetSecretValue', 'PutParameter token', 'PutParameter status'] as const).map(
    (name): Scenario => ({
      group: 'time limit',
      fault: `frozen after ${name}, ended by Lambda`,
      room: { timeoutMs: 5_000 },
      arrange: (room) => freezeAfter(room, CALLS[name]),
      answers: 'Sandbox.Timedout',
      healedAfter: name === 'PutParameter status' ? 0 : 1,
    }),
  ),
];

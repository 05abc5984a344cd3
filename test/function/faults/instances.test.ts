import type { FaultMatch } from '../../../local/aws/faults.ts';
import { type Harness, MINUTE_MS } from '../../../local/harness.ts';
import { CALLS, holdUntilAllMeet } from '../harnesses.ts';
import { testScenarios } from './scenario.ts';

/** A gate at which the first call waits, and a signal that it has arrived. */
function holdFirst(harness: Harness, match: FaultMatch) {
  const arrived = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  harness.aws.faults.add({
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

/**
 * An older mint waits at a call while the next beat, a minute later, runs to its end. The harness's clock is ahead of the
 * processes', so that both follow AWS's `Date` header. It has whole seconds: within one second their order is unknown.
 */
async function olderFinishesLast(
  harness: Harness,
  options: { readonly olderLivesSeconds: number; readonly newerHeldAt?: FaultMatch },
): Promise<string> {
  const older = holdFirst(harness, CALLS['PutParameter token']);
  harness.authorizationServer.setLifetime(options.olderLivesSeconds);
  const olderAnswer = harness.beat();
  await older.arrived;
  harness.advance(MINUTE_MS);
  harness.authorizationServer.setLifetime(3600);
  const newer = options.newerHeldAt && holdFirst(harness, options.newerHeldAt);
  const newerAnswer = harness.beat();
  await (newer?.arrived ?? newerAnswer);
  older.open();
  const first = await olderAnswer;
  newer?.open();
  return `${first} | ${await newerAnswer}`;
}

/** Several instances of the function at once, and a stopped one. */
testScenarios([
  {
    fault: 'five beats at once, no concurrency reserved',
    instances: 5,
    arrange: (harness) => holdUntilAllMeet(harness, CALLS.GetSecretValue, 5),
    act: async (harness) => (await Promise.all(Array.from({ length: 5 }, () => harness.beat()))).join(' | '),
    requestsCross: true,
    answers: /^((refreshed, age|still-fresh, concurrent-mint)( \| )?){5}$/,
  },
  {
    fault: 'an older mint of a shorter-lived token writes last',
    instances: 2,
    arrange: () => undefined,
    act: (harness) => olderFinishesLast(harness, { olderLivesSeconds: 900 }),
    answers: 'still-fresh, concurrent-mint | refreshed, age',
  },
  {
    fault: "an older mint writes last, before the newer one's status",
    instances: 2,
    arrange: () => undefined,
    act: (harness) =>
      olderFinishesLast(harness, { olderLivesSeconds: 3600, newerHeldAt: CALLS['PutParameter status'] }),
    // It is not known yet which one is later: the next invocation mints one that is later than both.
    answers: 'still-fresh, concurrent-mint | refreshed, age',
  },
  {
    // SIGSTOP: the process is stopped until Lambda ends it.
    fault: 'an instance is frozen between its two writes, and ended by Lambda at its time limit',
    options: { timeoutMs: 5_000 },
    arrange: ({ aws, process: { pids } }) =>
      aws.faults.hook('after-executing', CALLS['PutParameter token'], () => {
        for (const pid of pids) process.kill(pid, 'SIGSTOP');
      }),
    answers: 'Sandbox.Timedout',
  },
]);

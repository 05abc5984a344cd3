import type { FaultMatch } from '../../../local/aws/faults.ts';
import { type Harness, MINUTE_MS } from '../../../local/harness.ts';
import { CALLS, holdUntilAllMeet } from '../harnesses.ts';
import type { Scenario } from './scenario.ts';
import { testScenarios } from './test-scenarios.ts';

const group = 'instances';

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

const atOnce = (count: number, event: object) => async (harness: Harness) =>
  (await Promise.all(Array.from({ length: count }, () => harness.beat(event)))).sort().join(' | ');

/** SIGSTOP: the process is stopped until Lambda ends it. */
function freezeAfter(harness: Harness, match: FaultMatch): void {
  harness.aws.faults.hook('after-executing', match, () => {
    for (const pid of harness.process.pids) process.kill(pid, 'SIGSTOP');
  });
}

/** Several instances of the function at once, and a stopped one. */
testScenarios([
  {
    group,
    fault: 'two beats at once, concurrency reserved',
    arrange: () => undefined,
    act: atOnce(2, {}),
    // Lambda refuses the second. Its client tries again, until the first has ended or the tries have.
    answers: /^(refreshed, age \| still-fresh, not-due|TooManyRequestsException \| refreshed, age)$/,
    healedAfter: 0,
  },
  {
    group,
    fault: 'two beats at once, none reserved',
    instances: 2,
    arrange: (harness) => holdUntilAllMeet(harness, CALLS.GetSecretValue, 2),
    act: atOnce(2, {}),
    requestsCross: true,
    answers:
      /^(refreshed, age|still-fresh, concurrent-mint) \| (refreshed, age|still-fresh, concurrent-mint)$/,
  },
  {
    group,
    fault: 'five forced at once, none reserved',
    instances: 5,
    before: 'fresh',
    arrange: (harness) => holdUntilAllMeet(harness, CALLS.GetSecretValue, 5),
    act: atOnce(5, { force: true }),
    requestsCross: true,
    answers: /^((refreshed, forced|still-fresh, concurrent-mint)( \| )?){5}$/,
  },
  {
    group,
    fault: 'an older mint of a shorter-lived token writes last',
    instances: 2,
    arrange: () => undefined,
    act: (harness) => olderFinishesLast(harness, { olderLivesSeconds: 900 }),
    answers: 'still-fresh, concurrent-mint | refreshed, age',
  },
  {
    group,
    fault: "an older mint writes last, before the newer one's status",
    instances: 2,
    arrange: () => undefined,
    act: (harness) =>
      olderFinishesLast(harness, { olderLivesSeconds: 3600, newerHeldAt: CALLS['PutParameter status'] }),
    answers: 'still-fresh, concurrent-mint | refreshed, age',
  },
  ...(['GetSecretValue', 'PutParameter token', 'PutParameter status'] as const).map(
    (name): Scenario => ({
      group: 'time limit',
      fault: `frozen after ${name}, ended by Lambda`,
      options: { timeoutMs: 10_000 },
      arrange: (harness) => freezeAfter(harness, CALLS[name]),
      answers: 'Sandbox.Timedout',
      healedAfter: name === 'PutParameter status' ? 0 : 1,
    }),
  ),
]);

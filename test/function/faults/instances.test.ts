import { CALLS, holdUntilAllMeet } from '../harnesses.ts';
import { testScenarios } from './scenario.ts';

/** Several instances of the function at once, and a stopped one. */
testScenarios([
  {
    fault: 'five beats at once, no concurrency reserved',
    instances: 5,
    arrange: (harness) => holdUntilAllMeet(harness, CALLS.GetSecretValue, 5),
    act: async (harness) => (await Promise.all(Array.from({ length: 5 }, () => harness.beat()))).join(' | '),
    answers: /^((refreshed, age|still-fresh, concurrent-mint)( \| )?){5}$/,
  },
  {
    // SIGSTOP: the process is stopped until Lambda ends it.
    fault: 'an instance is frozen between its two writes, and ended by Lambda at its time limit',
    options: { timeoutMs: 10_000 },
    arrange: ({ aws, process: { pids } }) =>
      aws.faults.hook('after-executing', CALLS['PutParameter token'], () => {
        for (const pid of pids) process.kill(pid, 'SIGSTOP');
      }),
    answers: 'Sandbox.Timedout',
  },
]);

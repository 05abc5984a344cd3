import { setTimeout as sleep } from 'node:timers/promises';
import { type Harness, type HarnessOptions, MINUTE_MS } from '../../../local/harness.ts';
import { CALLS } from '../harnesses.ts';
import { type Scenario, testScenarios } from './scenario.ts';

const SIGNAL_TIME_MS = 50;

const shifted = (ms: number, at: 'start' | 'signal'): HarnessOptions => ({
  nodeArguments: ['--import', `${new URL('./shift-clock.mjs', import.meta.url).href}?ms=${ms}&at=${at}`],
});

async function step(harness: Harness): Promise<void> {
  for (const pid of harness.process.pids) process.kill(pid, 'SIGUSR2');
  await sleep(SIGNAL_TIME_MS);
}

const STEPS = [
  ['2 h ahead', 120 * MINUTE_MS],
  ['2 h behind', -120 * MINUTE_MS],
] as const;

/** The function's own clock is wrong, or steps. */
testScenarios(
  STEPS.flatMap(([how, ms]): Scenario[] => [
    {
      fault: `the clock is ${how} from the start`,
      options: shifted(ms, 'start'),
      before: 'empty',
      arrange: () => undefined,
      answers: 'refreshed, no-token',
      healedAfter: 0,
    },
    {
      fault: `the clock steps ${how} between two beats`,
      options: shifted(ms, 'signal'),
      arrange: step,
      answers: 'refreshed, age',
      healedAfter: 0,
    },
    {
      fault: `the clock steps ${how} between the read and the mint`,
      options: shifted(ms, 'signal'),
      arrange: (harness) =>
        harness.aws.faults.hook('after-executing', CALLS.GetSecretValue, () => step(harness)),
      answers: 'refreshed, age',
    },
  ]),
);

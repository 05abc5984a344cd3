import { CALLS, type CallName, TOKEN_PARAMETER } from '../harnesses.ts';
import { killAfter, killBefore } from './kill.ts';
import type { Scenario } from './scenario.ts';
import { testScenarios } from './test-scenarios.ts';

const group = 'kill -9';
const answers = 'Runtime.ExitError';

/** SIGKILL ends the process at every step of a mint. */
testScenarios([
  ...(Object.keys(CALLS) as CallName[]).flatMap((name): Scenario[] => [
    { group, fault: `before ${name}`, arrange: (harness) => killBefore(harness, CALLS[name]), answers },
    {
      group,
      fault: `after ${name}, before its answer`,
      arrange: (harness) => killAfter(harness, CALLS[name]),
      answers,
      ...(name === 'PutParameter token' && { healedBy: 'refreshed, version-mismatch' }),
      // Both writes are done by then; only the beat's answer is lost.
      healedAfter: name === 'PutParameter status' ? 0 : 1,
    },
  ]),
  {
    group,
    fault: 'token request received, nothing minted',
    arrange: ({ authorizationServer, process }) =>
      authorizationServer.faults.next('token', { kind: 'delay', until: () => process.kill() }),
    answers,
  },
  {
    group,
    fault: 'token minted, answer not sent',
    arrange: ({ authorizationServer, process }) =>
      authorizationServer.faults.next('token', {
        kind: 'rewrite',
        rewrite: (body) => {
          void process.kill();
          return body;
        },
      }),
    answers,
  },
  {
    group,
    fault: 'probe of the new token received',
    arrange: ({ authorizationServer, process }) =>
      authorizationServer.faults.next('probe', { kind: 'delay', until: () => process.kill() }),
    answers,
  },
  {
    group,
    fault: 'after the retry of a lost write, at its second look',
    arrange: (harness) => {
      harness.aws.faults.add({
        match: CALLS['PutParameter token'],
        fault: { kind: 'cut-after-executing' },
        times: 1,
      });
      harness.aws.faults.add({
        match: { ...CALLS.GetParameters, nth: 2 },
        fault: { kind: 'before-executing', run: () => harness.process.kill() },
      });
    },
    answers,
  },
  {
    group,
    fault: 'keep-alive: the stored token decrypted, not yet used',
    before: 'fresh',
    arrange: (harness) => {
      harness.advance(5 * 60_000);
      harness.aws.faults.hook(
        'after-executing',
        { operation: 'GetParameter', name: `${TOKEN_PARAMETER}:1` },
        () => harness.process.kill(),
      );
    },
    answers,
    healedAfter: 0,
  },
  ...(['PutParameter token', 'PutParameter status'] as const).flatMap((name): Scenario[] => [
    {
      group,
      fault: `first mint: before ${name}`,
      before: 'empty',
      arrange: (harness) => killBefore(harness, CALLS[name]),
      answers,
    },
    {
      group,
      fault: `first mint: after ${name}`,
      before: 'empty',
      arrange: (harness) => killAfter(harness, CALLS[name]),
      answers,
      healedAfter: name === 'PutParameter status' ? 0 : 1,
    },
  ]),
]);

import { MINUTE_MS } from '../../../local/harness.ts';
import { CALLS, type CallName, TOKEN_PARAMETER } from '../harnesses.ts';
import { killBefore, type Scenario, testScenarios } from './scenario.ts';

const answers = 'Runtime.ExitError';

/** SIGKILL ends the process at each step of a mint. */
testScenarios([
  ...(Object.keys(CALLS) as CallName[]).map(
    (name): Scenario => ({
      fault: `kill -9 before ${name}`,
      arrange: (harness) => killBefore(harness, CALLS[name]),
      answers,
      ...(name === 'PutParameter status' ? { healedBy: 'refreshed, version-mismatch' } : {}),
    }),
  ),
  {
    fault: 'kill -9 when the token is minted, and its answer not sent',
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
    fault: 'kill -9 when the probe of the new token is received',
    arrange: ({ authorizationServer, process }) =>
      authorizationServer.faults.next('probe', { kind: 'delay', until: () => process.kill() }),
    answers,
  },
  {
    fault: 'kill -9 in a keep-alive: the stored token decrypted, not yet used',
    before: 'fresh',
    arrange: async (harness) => {
      // The instance that stored the token need not decrypt it.
      await harness.process.kill();
      harness.advance(5 * MINUTE_MS);
      harness.aws.faults.hook(
        'after-executing',
        { operation: 'GetParameter', name: `${TOKEN_PARAMETER}:1` },
        () => harness.process.kill(),
      );
    },
    answers,
    healedAfter: 0,
  },
]);

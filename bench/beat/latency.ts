import { setTimeout } from 'node:timers/promises';
import type { ProcessHarness } from '../../local/process-harness.ts';

/** The latency of each call, in milliseconds. */
export const LATENCY_MS = { aws: 20, tokenEndpoint: 150, probe: 60 } as const;

/** Each call of a mint needs the one before: the state, the secret, the token, the probe, both writes. */
export const MINT_CHAIN_MS = 4 * LATENCY_MS.aws + LATENCY_MS.tokenEndpoint + LATENCY_MS.probe;

/** Lets each call to AWS, to the token endpoint and to the probe take {@link LATENCY_MS} longer. */
export function addLatency({ aws, server }: ProcessHarness): void {
  aws.faults.hook('before-executing', {}, () => setTimeout(LATENCY_MS.aws));
  const delays = [
    ['token', LATENCY_MS.tokenEndpoint],
    ['probe', LATENCY_MS.probe],
  ] as const;
  for (const [endpoint, ms] of delays) {
    // A getter, so that each request with the fault waits.
    server.faults.always(endpoint, {
      kind: 'delay',
      get until() {
        return setTimeout(ms);
      },
    });
  }
}

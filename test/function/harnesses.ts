import type { FaultMatch } from '../../local/aws/faults.ts';
import { type Harness, type HarnessOptions, openHarness, parametersOf } from '../../local/harness.ts';
import { expectNoLeak } from '../support/leaks.ts';

export const { token: TOKEN_PARAMETER, status: STATUS_PARAMETER } = parametersOf('demo');

/** The calls that the function makes, to put a fault at one of them. None of them is a reader's. */
export const CALLS = {
  GetParameters: { operation: 'GetParameters' },
  GetSecretValue: { operation: 'GetSecretValue' },
  'PutParameter token': { operation: 'PutParameter', name: TOKEN_PARAMETER },
  'PutParameter status': { operation: 'PutParameter', name: STATUS_PARAMETER },
} as const satisfies Record<string, FaultMatch>;

export type CallName = keyof typeof CALLS;

/** Lets the first `count` of these calls wait for each other, so that as many instances of the function run at once. */
export function holdUntilAllMeet(harness: Harness, match: FaultMatch, count: number): void {
  const all = Promise.withResolvers<void>();
  let arrived = 0;
  harness.aws.faults.hook('before-executing', match, () => {
    arrived += 1;
    if (arrived >= count) all.resolve();
    return all.promise;
  });
}

/** How a test's harness differs from the plain one. */
export interface TestHarnessOptions extends HarnessOptions {
  /** The test makes a policy refuse a call of the function. */
  readonly isDenied?: boolean;
  /** Further secrets that nothing may hold that the function writes. */
  readonly secrets?: readonly string[];
}

/**
 * Gives the tests of a suite their harnesses: one authorization server and one synthesis for all that need no other. After
 * each test its harnesses are closed, and nothing that came out of them may hold a secret.
 */
export function useHarnesses(): (options?: TestHarnessOptions) => Promise<Harness> {
  const opened: { harness: Harness; options: TestHarnessOptions }[] = [];
  let plain: Harness;
  beforeAll(async () => {
    plain = await openHarness();
  });
  afterEach(async () => {
    const ended = opened.splice(0);
    await Promise.all(ended.map(({ harness }) => harness.close()));
    for (const { harness, options } of ended) {
      expectNoLeaks(harness, options.secrets);
      if (!options.isDenied) expect(harness.refusedCalls()).toEqual([]);
    }
  });
  afterAll(() => plain.close());

  return async (options = {}) => {
    // Clients of its own need an authorization server of its own.
    const isPlain = options.server === undefined;
    const harness = await openHarness({ ...(isPlain ? { beside: plain } : {}), ...options });
    opened.push({ harness, options });
    return harness;
  };
}

/** Expects no token and no secret in anything that the function wrote, answered or stored beside the token. */
export function expectNoLeaks(harness: Harness, moreSecrets: readonly string[] = []): void {
  expectNoLeak(harness.written(), [...harness.tokens.keys(), ...harness.clientSecrets, ...moreSecrets]);
}

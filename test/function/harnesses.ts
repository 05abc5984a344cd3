import { type Harness, type HarnessOptions, openHarness } from '../../local/harness.ts';
import { expectNoLeak } from '../support/leaks.ts';

/** Gives the tests of a suite their harnesses, which are closed after each test. Nothing that came out may hold a secret. */
export function useHarnesses(): (options?: HarnessOptions) => Promise<Harness> {
  const opened: Harness[] = [];
  afterEach(async () => {
    for (const harness of opened.splice(0)) {
      await harness.close();
      expectNoLeaks(harness);
    }
  });
  return async (options) => {
    const harness = await openHarness(options);
    opened.push(harness);
    return harness;
  };
}

/** Expects no token and no secret in anything that the function wrote, answered or stored beside the token. */
export function expectNoLeaks(harness: Harness, moreSecrets: readonly string[] = []): void {
  expectNoLeak(harness.written(), [...harness.tokens.keys(), ...harness.clientSecrets, ...moreSecrets]);
}

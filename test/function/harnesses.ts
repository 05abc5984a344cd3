import type { Harness } from '../../local/harness.ts';
import { expectNoLeak } from '../support/leaks.ts';

/** Expects no token and no secret in anything that the function wrote, answered or stored beside the token. */
export function expectNoLeaks(harness: Harness, moreSecrets: readonly string[] = []): void {
  expectNoLeak(harness.written(), [...harness.tokens.keys(), ...harness.clientSecrets, ...moreSecrets]);
}

import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { type Account, isConsistent } from './account.ts';
import type { Cdk } from './cdk.ts';
import type { Commands } from './commands.ts';
import type { Target } from './target.ts';
import type { TokenServer } from './token-server.ts';

/** Everything that a run works with. */
export interface RunContext {
  readonly target: Target;
  readonly commands: Commands;
  readonly account: Account;
  readonly cdk: Cdk;
  readonly server: TokenServer;
  /** Names of this run only: the prefix of all parameters; what is made before the first deployment, a filled secret and a job's role. */
  readonly names: { readonly prefix: string; readonly secret: string; readonly role: string };
}

/** Path of a token's parameters. */
export function pathOf({ names }: RunContext, token: string): string {
  return `${names.prefix}/${token}`;
}

/**
 * Expects that a token is stored that its status describes and the server accepts, or waits until there is one of at least
 * this version.
 */
export async function expectToken(
  context: RunContext,
  token: string,
  { atLeast = 1, withinSeconds = 0, reader = context.account } = {},
) {
  const until = Date.now() + withinSeconds * 1000;
  for (;;) {
    const stored = await reader.readStored(pathOf(context, token));
    const { accessToken = '', version = 0, status } = stored;
    if (isConsistent(stored) && version >= atLeast) {
      assert.notEqual(await context.server.isLive(accessToken), false, 'the server does not accept it');
      return { accessToken, version, status };
    }
    const found = `version ${version}, status ${JSON.stringify(status)}`;
    assert.ok(Date.now() < until, `${token}: no version ${atLeast} within ${withinSeconds} s: ${found}`);
    await delay(500);
  }
}

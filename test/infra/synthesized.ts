import { synthesize } from '../../local/synthesized-function.ts';
import { FULL_CONTEXT, FULL_TOKENS, TARGET } from './full-configuration.ts';

const stacks = new Map<string, ReturnType<typeof synthesize>>();

/** The stack of a configuration, synthesized once for all suites of a process. */
export function stackOf(tokens: readonly object[] = FULL_TOKENS, context: object = FULL_CONTEXT) {
  const key = JSON.stringify([tokens, context]);
  const stack = stacks.get(key) ?? synthesize({ tokens, context: { ...context }, target: TARGET });
  stacks.set(key, stack);
  return stack;
}

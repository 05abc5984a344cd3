import { Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

const stacks = new WeakSet<Stack>();

/**
 * Keeps the logical ids and the policies of released versions in this stack, so that an upgrade replaces and removes nothing.
 * For the app's own stack only: in other people's stacks a construct owns no id and no order outside its own scope.
 */
export function keepReleasedIds(stack: Stack): void {
  stacks.add(stack);
}

/** Whether the stack of this construct keeps them. */
export function keepsReleasedIds(scope: IConstruct): boolean {
  return stacks.has(Stack.of(scope));
}

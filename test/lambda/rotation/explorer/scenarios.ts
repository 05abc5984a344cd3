import type { Step } from '../../../../lambda/rotation/steps.ts';
import type { VirtualAccount } from '../../../../local/simulation/virtual-account.ts';
import { scenarios } from '../../refresh/explorer/scenarios.ts';

/** What happens beside each other. */
export interface RotationScenario {
  readonly name: string;
  readonly account: () => VirtualAccount;
  /** The rotations that are asked for, one after the other. */
  readonly rotations: readonly string[];
  /** How often Secrets Manager begins anew after a failure. */
  readonly tries: number;
  /** A step of the first rotation that runs once more, at any moment. */
  readonly repeats?: Step;
  /** Whether a person changes the secret outside, at any moment. */
  readonly outside?: boolean;
  /** Whether a beat runs at any moment, and finds the token due. */
  readonly beat?: boolean;
}

function accountThat(start: 'fresh' | 'due'): () => VirtualAccount {
  const [found] = scenarios({ count: 1, kinds: ['beat'], lifetimes: ['equal lifetimes'] }).filter(
    ({ name }) => name.startsWith(start),
  );
  if (found === undefined) throw new Error(`There is no scenario ${start}.`);
  return found.account;
}

const one = { account: accountThat('fresh'), rotations: ['T1'], tries: 2 };
const twice = { ...one, rotations: ['T1', 'T2'], tries: 1 };
const STEPS: readonly Step[] = ['createSecret', 'testSecret', 'finishSecret'];

export const ALONE: readonly RotationScenario[] = [
  { ...one, name: 'one rotation' },
  { ...twice, name: 'two rotations' },
];

export const BESIDE: readonly RotationScenario[] = [
  ...STEPS.map((repeats) => ({ ...twice, name: `${repeats} is repeated`, repeats })),
  { ...one, name: 'the secret is changed outside', outside: true },
  { ...twice, account: accountThat('due'), name: 'a beat', beat: true },
];

import type { Step } from '../../../../lambda/rotation/steps.ts';
import type { VirtualAccount } from '../../../../local/simulation/virtual-account.ts';
import type { Explorer } from '../../refresh/explorer/explore-sets.ts';
import { scenarios } from '../../refresh/explorer/scenarios.ts';
import { type RotationScenario, startRotationExecution } from './execution.ts';

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

const ALONE: readonly RotationScenario[] = [
  { ...one, name: 'one rotation' },
  { ...twice, name: 'two rotations' },
];

const BESIDE: readonly RotationScenario[] = [
  ...STEPS.map((repeats) => ({ ...twice, name: `${repeats} is repeated`, repeats })),
  { ...one, name: 'the secret is changed outside', outside: true },
  { ...twice, account: accountThat('due'), name: 'a beat', beat: true },
];

/** Every order of the calls of rotations, refreshes and people, with every fault of each call. */
export const ROTATIONS: Explorer<RotationScenario> = {
  quick: [
    ['rotations, one fault', ALONE, 1],
    ['rotations beside others', BESIDE, 0],
  ],
  full: [
    ['a rotation, three faults', ALONE.slice(0, 1), 3],
    ['two rotations, two faults', ALONE.slice(1), 2],
    ['rotations beside others, one fault', BESIDE, 1],
  ],
  startExecution: startRotationExecution,
};

import type { Explorer } from '../../refresh/explorer/explore-sets.ts';
import { startRotationExecution } from './execution.ts';
import { ALONE, BESIDE, type RotationScenario } from './scenarios.ts';

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

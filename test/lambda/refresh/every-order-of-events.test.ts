import { ROTATIONS } from '../rotation/explorer/sets.ts';
import { runExplorer } from './explorer/explore-sets.ts';
import { REFRESHES } from './explorer/sets.ts';

/**
 * The deployed `refresh()` in every order of its calls, with every fault of each call, as far as the sets say; what
 * must hold is in `explorer/checks.ts`. A violation is printed as its shortest schedule. Here from one of the eight starts;
 * `npm run prove` explores all, and further.
 *
 * The explorer of rotations kills the rotation function and loses answers between every two calls, beside the refresher and readers.
 */
test.each([
  ['refresh', (start: string) => runExplorer(REFRESHES, ['--quick', start]), 'status of another version'],
  ['rotation', (start: string) => runExplorer(ROTATIONS, ['--quick', start]), 'one rotation'],
])(
  'no order of events of a %s breaks a rule',
  async (_, explore, start) => {
    expect(await explore(start)).toBe(0);
  },
  60_000,
);

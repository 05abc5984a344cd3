import { describeViolations, exploreSet, QUICK } from './explorer/explorations.ts';

/**
 * The deployed `refresh()` in every order of its calls, with every fault of each call, as far as the set says; what
 * must hold is in `explorer/checks.ts`. A violation is printed as its shortest schedule, and
 * `node test/lambda/refresh/explorer/main.ts --replay '…'` runs it again. `npm run prove` explores further.
 */
test.each(QUICK)(
  '$name: nothing that must not happen',
  async (set) => {
    const { schedules, states, violations } = await exploreSet(set);

    expect(describeViolations(violations)).toEqual([]);
    expect(schedules).toBeGreaterThan(set.scenarios.length);
    console.log(`${set.name}: ${schedules} schedules, ${states} states`);
  },
  240_000,
);

import { parseArgs } from 'node:util';
import { explore, type Violation } from './explore.ts';
import { type Scenario, scenarios } from './scenarios.ts';

/** Scenarios that are explored with the same bound. */
type ExplorationSet = readonly [name: string, scenarios: readonly Scenario[], maxFaults: number];

/** The planner treats a changed secret as it treats `force`. */
const FEWER = { kinds: ['beat', 'force', 'minRemaining'], lifetimes: ['unequal lifetimes'] };

/** The sets of `npm test`, which takes two of the starts, and of `npm run prove -- guards`. */
const QUICK: readonly ExplorationSet[] = [
  ['two on one instance, two faults', scenarios({ ...FEWER, onOneInstance: true }), 2],
  ['two at once, one fault', scenarios(FEWER), 1],
  ['three beats or forced mints at once', scenarios({ ...FEWER, count: 3, kinds: ['beat', 'force'] }), 0],
];

/** The sets of `npm run prove`. */
const FULL: readonly ExplorationSet[] = [
  ['two on one instance, two faults', scenarios({ onOneInstance: true }), 2],
  ['two at once, two faults', scenarios({}), 2],
  ['three at once, no fault', scenarios({ count: 3 }), 0],
  ['two at once, one live token, one fault', scenarios({ server: 'one live token' }), 1],
  ['two at once, same token, one fault', scenarios({ server: 'same token' }), 1],
  ['two at once, no probe, one fault', scenarios({ hasProbe: false }), 1],
  ['two at once, requests that cross, one fault', scenarios({ requestsCross: true }), 1],
];

/**
 * Explores every order of events, prints a line for each set and the shortest schedule of each violation; ends with 1 where
 * there is a violation. Texts select scenarios whose names begin with one of them.
 *
 * `node test/lambda/refresh/explorer/main.ts [--quick] [--stop-at-first] [TEXT…]`
 */
const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean' }, 'stop-at-first': { type: 'boolean' } },
  allowPositionals: true,
});
// Stack traces of a million errors would cost time, and are not used.
Error.stackTraceLimit = 0;
for (const [name, all, maxFaults] of values.quick ? QUICK : FULL) {
  const startedAt = Date.now();
  const selected = all.filter(
    ({ name }) => positionals.length === 0 || positionals.some((text) => name.startsWith(text)),
  );
  const shortest = new Map<string, Violation>();
  let schedules = 0;
  let states = 0;
  for (const scenario of selected) {
    const found = await explore(scenario, maxFaults);
    schedules += found.schedules;
    states += found.states;
    for (const one of found.violations) {
      const known = shortest.get(one.problem);
      if (known === undefined || length(one) < length(known)) shortest.set(one.problem, one);
    }
    if (values['stop-at-first'] && shortest.size > 0) break;
  }
  const seconds = ((Date.now() - startedAt) / 1_000).toFixed(1);
  console.log(
    `${name}: ${selected.length} scenarios, ${schedules.toLocaleString('en')} schedules, ${states.toLocaleString('en')} states, ${shortest.size} violations, ${seconds} s`,
  );
  for (const { problem, scenario, steps } of shortest.values()) {
    console.log(`violation: ${problem}\n  ${scenario}\n    ${steps.join('\n    ')}`);
  }
  if (shortest.size > 0) process.exitCode = 1;
  if (values['stop-at-first'] && shortest.size > 0) break;
}

/** Fewer faults count before fewer steps. */
function length({ faults, steps }: Violation): number {
  return faults * 1_000 + steps.length;
}

import { parseArgs } from 'node:util';
import { type Choice, type Execution, explore, type Violation } from './explore.ts';

/** Scenarios that are explored with the same bound. */
export type ExplorationSet<S> = readonly [name: string, scenarios: readonly S[], maxFaults: number];

/**
 * Explores every order of events, prints a line for each set and the shortest schedule of each violation; ends with 1 where
 * there is a violation. Texts select scenarios whose names begin with one of them.
 *
 * Arguments of the program: `[--quick] [--stop-at-first] [TEXT…]`
 */
export async function exploreSets<S extends { readonly name: string }, C extends Choice>({
  quick,
  full,
  startExecution,
}: {
  readonly quick: readonly ExplorationSet<S>[];
  readonly full: readonly ExplorationSet<S>[];
  readonly startExecution: (scenario: S) => Promise<Execution<C>>;
}): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { quick: { type: 'boolean' }, 'stop-at-first': { type: 'boolean' } },
    allowPositionals: true,
  });
  // Stack traces of a million errors would cost time, and are not used.
  Error.stackTraceLimit = 0;
  for (const [name, all, maxFaults] of values.quick ? quick : full) {
    const startedAt = Date.now();
    const selected = all.filter(
      ({ name }) => positionals.length === 0 || positionals.some((text) => name.startsWith(text)),
    );
    const shortest = new Map<string, Violation>();
    let schedules = 0;
    let states = 0;
    for (const scenario of selected) {
      const found = await explore(scenario, maxFaults, startExecution);
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
}

/** Fewer faults count before fewer steps. */
function length({ faults, steps }: Violation): number {
  return faults * 1_000 + steps.length;
}

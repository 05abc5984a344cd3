import { parseArgs } from 'node:util';
import { type Execution, explore, type Violation } from './explore.ts';

/** Scenarios that are explored with the same bound. */
type ExplorationSet<S> = readonly [name: string, scenarios: readonly S[], maxFaults: number];

/** What an explorer explores: `quick` for `npm test` and `npm run prove -- guards`, `full` for `npm run prove`. */
export interface Explorer<S> {
  readonly quick: readonly ExplorationSet<S>[];
  readonly full: readonly ExplorationSet<S>[];
  readonly startExecution: (scenario: S) => Promise<Execution>;
}

/**
 * The program of an explorer: prints a line for each set, and the shortest schedule of each violation. Texts select
 * scenarios whose names begin with one of them. Returns how many violations it found.
 *
 * @param args `[--quick] [--stop-at-first] [TEXT…]`
 */
export async function runExplorer<S extends { readonly name: string }>(
  explorer: Explorer<S>,
  args = process.argv.slice(2),
): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: { quick: { type: 'boolean' }, 'stop-at-first': { type: 'boolean' } },
    allowPositionals: true,
  });
  let all = 0;
  for (const [name, scenarios, maxFaults] of values.quick ? explorer.quick : explorer.full) {
    const startedAt = Date.now();
    const selected = scenarios.filter(
      ({ name }) => positionals.length === 0 || positionals.some((text) => name.startsWith(text)),
    );
    const shortest = new Map<string, Violation>();
    let states = 0;
    for (const scenario of selected) {
      if (values['stop-at-first'] && all + shortest.size > 0) break;
      const found = await explore(scenario, maxFaults, explorer.startExecution);
      states += found.states;
      for (const one of found.violations) {
        const known = shortest.get(one.problem);
        if (known === undefined || length(one) < length(known)) shortest.set(one.problem, one);
      }
    }
    all += shortest.size;
    const seconds = ((Date.now() - startedAt) / 1_000).toFixed(1);
    const found = `${states.toLocaleString('en')} states, ${shortest.size} violations`;
    console.log(`${name}: ${selected.length} scenarios, ${found}, ${seconds} s`);
    for (const { problem, scenario, steps } of shortest.values()) {
      console.log(`violation: ${problem}\n  ${scenario}\n    ${steps.join('\n    ')}`);
    }
  }
  return all;
}

/** Fewer faults count before fewer steps. */
function length({ faults, steps }: Violation): number {
  return faults * 1_000 + steps.length;
}

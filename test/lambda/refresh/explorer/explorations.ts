import { startExecution } from './execution.ts';
import { type Scenario, scenarios } from './scenarios.ts';
import { type Counterexample, explore, replay } from './schedule.ts';

/** Scenarios that are explored with the same bound. */
export interface ExplorationSet {
  readonly name: string;
  readonly scenarios: readonly Scenario[];
  readonly maxFaults: number;
}

/** What the exploration of one set found. */
export interface Finding {
  readonly schedules: number;
  readonly states: number;
  readonly violations: readonly Violated[];
}

interface Violated extends Counterexample {
  readonly scenario: string;
  /** What `--replay` takes. */
  readonly replay: string;
}

const pairsOnOneInstance = () => scenarios({ requests: 2, instances: 'one' });
const pairsAtOnce = () => scenarios({ requests: 2, instances: 'each its own' });
const threeAtOnce = () => scenarios({ requests: 3, instances: 'each its own' });

/** Bounds with which `npm test` explores. */
export const QUICK: readonly ExplorationSet[] = [
  { name: 'two on one instance, two faults', scenarios: pairsOnOneInstance(), maxFaults: 2 },
  { name: 'two at once, one fault', scenarios: pairsAtOnce(), maxFaults: 1 },
  {
    name: 'three beats or forced mints at once, no fault',
    scenarios: scenarios({
      requests: 3,
      instances: 'each its own',
      kinds: ['beat', 'force'],
      lifetimes: 'unequal lifetimes',
    }),
    maxFaults: 0,
  },
];

/** The full tree, for `npm run prove`. */
export const FULL: readonly ExplorationSet[] = [
  { name: 'two on one instance, two faults', scenarios: pairsOnOneInstance(), maxFaults: 2 },
  { name: 'two at once, two faults', scenarios: pairsAtOnce(), maxFaults: 2 },
  { name: 'three at once, no fault', scenarios: threeAtOnce(), maxFaults: 0 },
  ...(['one live token', 'same token'] as const).map((server) => ({
    name: `two at once, ${server}, one fault`,
    scenarios: scenarios({ requests: 2, instances: 'each its own', server }),
    maxFaults: 1,
  })),
  {
    name: 'two at once, no probe, one fault',
    scenarios: scenarios({ requests: 2, instances: 'each its own', hasProbe: false }),
    maxFaults: 1,
  },
  {
    name: 'two at once, requests that cross, one fault',
    scenarios: scenarios({ requests: 2, instances: 'each its own', requestsCross: true }),
    maxFaults: 1,
  },
];

/** Explores a set; where `stopAtFirst`, up to the first scenario with a violation. */
export async function exploreSet(
  { scenarios: all, maxFaults }: ExplorationSet,
  { stopAtFirst = false } = {},
): Promise<Finding> {
  const violations: Violated[] = [];
  let schedules = 0;
  let states = 0;
  const { stackTraceLimit } = Error;
  // Stack traces of a million errors would cost time, and are not used.
  Error.stackTraceLimit = 0;
  try {
    for (const scenario of all) {
      const found = await explore({ start: () => startExecution(scenario), maxFaults });
      schedules += found.schedules;
      states += found.states;
      for (const one of found.counterexamples) {
        const choices = one.choices.join(',');
        violations.push({
          ...one,
          scenario: scenario.name,
          replay: `${scenario.name} | ${maxFaults} | ${choices}`,
        });
      }
      if (stopAtFirst && violations.length > 0) break;
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return { schedules, states, violations };
}

/** Tells each problem once, by its shortest schedule, and how to run that again. */
export function describeViolations(violations: readonly Violated[]): string[] {
  const shortest = new Map<string, Violated>();
  for (const one of violations) {
    const known = shortest.get(one.problem);
    const isShorter =
      known === undefined ||
      one.faults < known.faults ||
      (one.faults === known.faults && one.steps.length < known.steps.length);
    if (isShorter) shortest.set(one.problem, one);
  }
  return [...shortest.values()].map(
    ({ problem, scenario, steps, replay: again }) =>
      `${problem}\n  ${scenario}\n${steps.map((step) => `    ${step}`).join('\n')}\n  again: --replay '${again}'`,
  );
}

/** Runs the schedule of a violation again. */
export async function replayText(text: string) {
  const [name, maxFaults = '0', choices = ''] = text.split(' | ');
  const all = [...FULL, ...QUICK].flatMap((set) => set.scenarios);
  const scenario = all.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`There is no scenario "${name}".`);
  return await replay({
    start: () => startExecution(scenario),
    maxFaults: Number(maxFaults),
    choices: choices.split(',').filter(Boolean).map(Number),
  });
}

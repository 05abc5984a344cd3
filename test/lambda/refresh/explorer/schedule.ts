/** What becomes of one call: each call of each invocation is a point of choice. */
export type Fate = 'succeeds' | 'fails' | 'loses its answer' | 'dies';

/** A call that an invocation has made and that nothing has happened to yet. */
export interface PendingCall {
  readonly invocation: number;
  readonly name: string;
  /** Fates besides success that differ from each other: a call that changes nothing cannot lose more than its answer. */
  readonly faults: readonly Fate[];
  /** Whether it makes no difference which calls of other invocations come before it. */
  readonly isLocal: boolean;
  /** Lets the call meet its fate. */
  readonly settle: (fate: Fate) => void;
}

/** One execution, from a state on. Each method that checks throws a {@link Violation}. */
export interface Execution {
  /** The calls that wait, one for each invocation at most. Empty: everything has ended. */
  readonly pending: () => readonly PendingCall[];
  /** Names all that decides how the execution goes on, and what will be checked of it. */
  readonly state: () => string;
  /** Returns what makes executions that go on from the present state. */
  readonly save: () => () => Execution;
  /** Checks what must hold after each step. */
  readonly checkStep: () => void;
  /** Checks what must hold when all invocations have ended, and after the beats that follow. */
  readonly checkEnd: () => Promise<void>;
}

/** Something that must never happen has happened. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** A schedule that ended in a violation. `choices` replays it. */
export interface Counterexample {
  readonly problem: string;
  readonly steps: readonly string[];
  readonly choices: readonly number[];
  readonly faults: number;
}

export interface Exploration {
  /** Orders of events: the paths through the graph of states. */
  readonly schedules: number;
  /** States that differ. */
  readonly states: number;
  /** For each problem the schedule with the fewest faults, then the fewest steps. */
  readonly counterexamples: readonly Counterexample[];
}

interface ExploreOptions {
  readonly start: () => Execution;
  readonly maxFaults: number;
}

interface Choice {
  readonly call: PendingCall;
  readonly fate: Fate;
}

interface Edge {
  readonly to: string;
  readonly faults: 0 | 1;
}

/** A schedule to be run: the state in which its last choice is made, and how to get there. */
interface Prefix {
  readonly from: string;
  readonly resume: () => Execution;
  readonly path: Path;
  /** Of the last choice. */
  readonly index: number;
}

/** The choices that led to a state. */
interface Path {
  readonly choices: readonly number[];
  readonly faults: number;
  /** The invocation that went on last. */
  readonly last: number;
}

const NO_CHOICES: Path = { choices: [], faults: 0, last: 0 };

/**
 * Runs every schedule with at most `maxFaults` faults, depth-first, those with fewer faults first. What commutes is
 * pruned: two schedules that reach the same state go on in the same way, so only the first one does, which has no more
 * faults than the second; and a call that is local goes first.
 */
export async function explore({ start, maxFaults }: ExploreOptions): Promise<Exploration> {
  const graph = new Map<string, Edge[]>();
  const counterexamples = new Map<string, Counterexample>();
  const waiting: Prefix[][] = Array.from({ length: maxFaults + 1 }, () => []);

  /** Goes on from a state that was not met before, up to one that was, or to the end. */
  async function follow(execution: Execution, state: string, path: Path): Promise<void> {
    graph.set(state, []);
    const possible = choicesOf(execution.pending(), path.last, path.faults < maxFaults);
    if (possible.length === 0) return await execution.checkEnd();
    if (possible.length > 1) {
      const resume = execution.save();
      for (let index = possible.length - 1; index > 0; index--) {
        const faults = path.faults + faultsOf(possible[index]);
        waiting[faults]?.push({ from: state, resume, path, index });
      }
    }
    await choose(execution, state, path, 0, possible);
  }

  async function choose(
    execution: Execution,
    from: string,
    path: Path,
    index: number,
    possible = choicesOf(execution.pending(), path.last, path.faults < maxFaults),
  ): Promise<void> {
    const next = await step(path, possible, index);
    try {
      const state = execution.state();
      graph.get(from)?.push({ to: state, faults: next.faults > path.faults ? 1 : 0 });
      execution.checkStep();
      if (!graph.has(state)) await follow(execution, state, next);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      await tell(error.message, next);
    }
  }

  async function tell(problem: string, { choices, faults }: Path): Promise<void> {
    const known = counterexamples.get(problem);
    const isShorter = faults === known?.faults && choices.length < known.choices.length;
    if (known !== undefined && !isShorter) return;
    const { steps, problem: again } = await replay({ start, maxFaults, choices });
    if (again !== problem) throw new Error(`A schedule did not repeat: ${problem}, then ${again}.`);
    counterexamples.set(problem, { problem, steps, choices, faults });
  }

  const execution = start();
  await settled();
  const initial = execution.state();
  await follow(execution, initial, NO_CHOICES);
  for (const prefixes of waiting) {
    for (let prefix = prefixes.pop(); prefix !== undefined; prefix = prefixes.pop()) {
      const resumed = prefix.resume();
      await settled();
      await choose(resumed, prefix.from, prefix.path, prefix.index);
    }
  }
  return {
    schedules: countPaths(graph, initial, maxFaults),
    states: graph.size,
    counterexamples: [...counterexamples.values()],
  };
}

/** Runs one schedule again: its choices, and after the last one whatever comes first. */
export async function replay({
  start,
  maxFaults,
  choices,
}: ExploreOptions & { readonly choices: readonly number[] }): Promise<{
  readonly steps: readonly string[];
  readonly problem: string | undefined;
}> {
  const execution = start();
  const steps: string[] = [];
  let path = NO_CHOICES;
  await settled();
  try {
    for (;;) {
      const possible = choicesOf(execution.pending(), path.last, path.faults < maxFaults);
      if (possible.length === 0) break;
      const index = choices[path.choices.length] ?? 0;
      const choice = possible[index];
      if (choice !== undefined) steps.push(describe(choice));
      path = await step(path, possible, index);
      execution.checkStep();
    }
    await execution.checkEnd();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { steps, problem: error.message };
  }
  return { steps, problem: undefined };
}

/** Makes one choice, and returns the path with it. */
async function step(path: Path, possible: readonly Choice[], index: number): Promise<Path> {
  const choice = possible[index];
  if (choice === undefined) throw new Error(`There is no choice ${index} after ${path.choices}.`);
  choice.call.settle(choice.fate);
  await settled();
  return {
    choices: [...path.choices, index],
    faults: path.faults + faultsOf(choice),
    last: choice.call.invocation,
  };
}

/** Lets everything go on that waits for no call: a next tick comes when no promise has anything left to do. */
export function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** All that can come next: the invocation that went on last goes first, so that a plain run is the first schedule. */
function choicesOf(pending: readonly PendingCall[], last: number, withFaults: boolean): Choice[] {
  const ordered = pending.toSorted((one, other) => order(one, last) - order(other, last));
  const local = ordered.find(({ isLocal }) => isLocal);
  const calls = local === undefined ? ordered : [local];
  const plain = calls.map((call): Choice => ({ call, fate: 'succeeds' }));
  const faulty = calls.flatMap((call) => call.faults.map((fate): Choice => ({ call, fate })));
  return withFaults ? [...plain, ...faulty] : plain;
}

function order({ invocation }: PendingCall, last: number): number {
  return invocation === last ? -1 : invocation;
}

function faultsOf(choice: Choice | undefined): 0 | 1 {
  return choice?.fate === 'succeeds' ? 0 : 1;
}

function describe({ call, fate }: Choice): string {
  const who = String.fromCharCode('A'.charCodeAt(0) + call.invocation);
  return `${who}: ${call.name}${fate === 'succeeds' ? '' : ` ${fate}`}`;
}

/** The paths with so many faults at most from a state to an end: a state that nothing follows. */
function countPaths(graph: ReadonlyMap<string, readonly Edge[]>, initial: string, maxFaults: number): number {
  const counts = new Map<string, number>();
  const count = (state: string, faultsLeft: number): number => {
    const key = `${faultsLeft} ${state}`;
    const known = counts.get(key);
    if (known !== undefined) return known;
    const edges = graph.get(state) ?? [];
    const paths =
      edges.length === 0
        ? 1
        : edges.reduce(
            (sum, { to, faults }) => (faults > faultsLeft ? sum : sum + count(to, faultsLeft - faults)),
            0,
          );
    counts.set(key, paths);
    return paths;
  };
  return count(initial, maxFaults);
}

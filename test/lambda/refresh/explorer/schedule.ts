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

/** One execution, from its start on. Each method that checks throws a {@link Violation}. */
export interface Execution {
  /** The calls that wait. Empty: everything has ended. */
  readonly pending: () => readonly PendingCall[];
  /** Names all that decides how the execution goes on, and what will be checked of it. */
  readonly state: () => string;
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

/** A schedule to be run: the choices so far, and the state in which the last one is made. */
interface Prefix {
  readonly choices: readonly number[];
  readonly from: string;
}

/**
 * Runs every schedule with at most `maxFaults` faults, depth-first, those with fewer faults first. What commutes is
 * pruned: two schedules that reach the same state go on in the same way, so only the first one does, which has no more
 * faults than the second; and a call that is local goes first.
 */
export async function explore({ start, maxFaults }: ExploreOptions): Promise<Exploration> {
  const graph = new Map<string, Edge[]>();
  const counterexamples = new Map<string, Counterexample>();
  const waiting: Prefix[][] = Array.from({ length: maxFaults + 1 }, () => []);
  let initial: string | undefined;

  async function follow({ choices, from }: Prefix): Promise<void> {
    const walk = startWalk(start(), maxFaults);
    try {
      for (const choice of choices.slice(0, -1)) await walk.step(choice);
      let previous = from;
      let next = choices.at(-1);
      for (;;) {
        const edge = next === undefined ? undefined : await walk.step(next);
        if (edge === undefined) await settled();
        const state = walk.execution.state();
        initial ??= state;
        if (edge !== undefined) graph.get(previous)?.push({ to: state, faults: edge });
        walk.execution.checkStep();
        if (graph.has(state)) return;
        graph.set(state, []);
        const possible = walk.possible();
        if (possible.length === 0) return await walk.execution.checkEnd();
        for (let index = possible.length - 1; index > 0; index--) {
          const faults = walk.faults() + (possible[index]?.fate === 'succeeds' ? 0 : 1);
          waiting[faults]?.push({ choices: [...walk.choices, index], from: state });
        }
        previous = state;
        next = 0;
      }
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      const found = {
        problem: error.message,
        steps: walk.steps,
        choices: walk.choices,
        faults: walk.faults(),
      };
      const known = counterexamples.get(found.problem);
      const isShorter = found.faults === known?.faults && found.steps.length < known.steps.length;
      if (known === undefined || isShorter) counterexamples.set(found.problem, found);
    }
  }

  waiting[0]?.push({ choices: [], from: '' });
  for (const prefixes of waiting) {
    for (let prefix = prefixes.pop(); prefix !== undefined; prefix = prefixes.pop()) await follow(prefix);
  }
  return {
    schedules: countPaths(graph, initial ?? '', maxFaults),
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
  const walk = startWalk(start(), maxFaults);
  try {
    await settled();
    for (let index = 0; walk.possible().length > 0; index++) {
      await walk.step(choices[index] ?? 0);
      walk.execution.checkStep();
    }
    await walk.execution.checkEnd();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { steps: walk.steps, problem: error.message };
  }
  return { steps: walk.steps, problem: undefined };
}

/** Lets everything go on that waits for no call. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** One way through an execution. */
function startWalk(execution: Execution, maxFaults: number) {
  const choices: number[] = [];
  const steps: string[] = [];
  let faults = 0;
  let last = 0;
  const possible = () => choicesOf(execution.pending(), last, faults < maxFaults);
  return {
    execution,
    choices,
    steps,
    faults: () => faults,
    possible,
    /** Makes one choice, and tells how many faults it is. */
    async step(index: number): Promise<0 | 1> {
      if (choices.length === 0) await settled();
      const choice = possible()[index];
      if (choice === undefined) throw new Error(`There is no choice ${index} after ${steps.join(', ')}.`);
      const fault = choice.fate === 'succeeds' ? 0 : 1;
      faults += fault;
      choices.push(index);
      steps.push(describe(choice));
      last = choice.call.invocation;
      choice.call.settle(choice.fate);
      await settled();
      return fault;
    },
  };
}

/** All that can come next: the invocation that went on last goes first, so that a plain run is the first schedule. */
function choicesOf(pending: readonly PendingCall[], last: number, withFaults: boolean): Choice[] {
  const local = pending.find(({ isLocal }) => isLocal);
  const calls =
    local === undefined ? pending.toSorted((one, other) => order(one, last) - order(other, last)) : [local];
  const plain = calls.map((call): Choice => ({ call, fate: 'succeeds' }));
  const faulty = calls.flatMap((call) => call.faults.map((fate): Choice => ({ call, fate })));
  return withFaults ? [...plain, ...faulty] : plain;
}

function order({ invocation }: PendingCall, last: number): number {
  return invocation === last ? -1 : invocation;
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

/** One event that can come next. */
export interface Choice {
  /** A call that an invocation has made and that nothing has happened to yet. */
  readonly call: { readonly invocation: number; readonly name: string };
  /** The fate of the call; any but `succeeds` is a fault. */
  readonly fate: string;
}

/** One run of the deployed code, call by call. */
export interface Execution<C extends Choice> {
  choose(choice: C): Promise<void>;
  /** The first rule that did not hold. */
  problem(): string | undefined;
  /** All that can come next; `last`: the invocation that went on last. */
  choices(last: number, withFaults: boolean): C[];
  /** Names all that decides how the execution goes on, and what will be checked of it. */
  state(): string;
  /** Lets what follows happen without any fault, and checks it. */
  end(): Promise<void>;
}

/** A schedule that ended in a violation. */
export interface Violation {
  readonly problem: string;
  readonly scenario: string;
  readonly steps: readonly string[];
  readonly faults: number;
}

export interface Exploration {
  /** Orders of events: the paths through the graph of states. */
  readonly schedules: number;
  /** States that differ. */
  readonly states: number;
  readonly violations: readonly Violation[];
}

interface Edge {
  readonly to: string;
  readonly isFault: boolean;
}

/** The choices of a schedule, each by its place among those that were possible, and the state before the last one. */
interface Prefix {
  readonly from: string;
  readonly places: readonly number[];
}

/**
 * Runs every schedule with at most `maxFaults` faults, depth-first, those with fewer faults first. What commutes is
 * pruned: two schedules that reach the same state go on in the same way, so only the first one does, which has no more
 * faults than the second; and a call that is local goes first.
 */
export async function explore<S extends { readonly name: string }, C extends Choice>(
  scenario: S,
  maxFaults: number,
  startExecution: (scenario: S) => Promise<Execution<C>>,
): Promise<Exploration> {
  const graph = new Map<string, Edge[]>();
  const violations: Violation[] = [];
  const waiting: Prefix[][] = Array.from({ length: maxFaults + 1 }, () => []);
  let initial: string | undefined;

  /** Runs a schedule: its first choices, and then always the first one, up to a state that was met before or to the end. */
  async function run(prefix: Prefix): Promise<void> {
    const execution = await startExecution(scenario);
    const steps: string[] = [];
    let { from } = prefix;
    let last = 0;
    let faults = 0;
    const places = [...prefix.places];
    const possible = () => execution.choices(last, faults < maxFaults);
    const choose = async (choice: C | undefined) => {
      if (choice === undefined) throw new Error(`A schedule of ${scenario.name} did not repeat.`);
      await execution.choose(choice);
      last = choice.call.invocation;
      if (choice.fate !== 'succeeds') faults += 1;
      steps.push(describe(choice));
      return choice.fate !== 'succeeds';
    };

    let isFault = false;
    for (const place of prefix.places) isFault = await choose(possible()[place]);
    for (;;) {
      const state = execution.state();
      initial ??= state;
      graph.get(from)?.push({ to: state, isFault });
      if (execution.problem() !== undefined || graph.has(state)) break;
      graph.set(state, []);
      const choices = possible();
      if (choices.length === 0) {
        await execution.end();
        break;
      }
      for (const [place, { fate }] of [...choices.entries()].slice(1).reverse()) {
        waiting[faults + (fate === 'succeeds' ? 0 : 1)]?.push({ from: state, places: [...places, place] });
      }
      isFault = await choose(choices[0]);
      places.push(0);
      from = state;
    }
    const problem = execution.problem();
    if (problem !== undefined) violations.push({ problem, scenario: scenario.name, steps, faults });
  }

  waiting[0]?.push({ from: '', places: [] });
  for (const prefixes of waiting) {
    for (let prefix = prefixes.pop(); prefix !== undefined; prefix = prefixes.pop()) await run(prefix);
  }
  return { schedules: countPaths(graph, initial ?? '', maxFaults), states: graph.size, violations };
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
    const edges = (graph.get(state) ?? []).filter(({ isFault }) => !isFault || faultsLeft > 0);
    const next = edges.map(({ to, isFault }) => [to, faultsLeft - Number(isFault)] as const);
    const paths =
      counts.get(key) ?? (next.length === 0 ? 1 : next.reduce((sum, one) => sum + count(...one), 0));
    counts.set(key, paths);
    return paths;
  };
  return count(initial, maxFaults);
}

import type { createCalls, Fate, PendingCall } from './calls.ts';

/** One run of the deployed code, call by call. */
export interface Execution {
  readonly calls: ReturnType<typeof createCalls>;
  /** The faults that a call of this name can meet. */
  faultsOf(name: string): readonly Fate[];
  /** Whether it makes no difference which calls of other invocations come before a call of this name. */
  isLocal?(name: string): boolean;
  /** The first rule that did not hold. */
  problem(): string | undefined;
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

/**
 * Runs every schedule with at most `maxFaults` faults, depth-first, those with fewer faults first. What commutes is
 * pruned: two schedules that reach the same state go on in the same way, so only the first one does, which has no more
 * faults than the second; and a call that is local goes first.
 */
export async function explore<S extends { readonly name: string }>(
  scenario: S,
  maxFaults: number,
  startExecution: (scenario: S) => Promise<Execution>,
): Promise<{ readonly states: number; readonly violations: readonly Violation[] }> {
  const met = new Set<string>();
  const violations: Violation[] = [];
  /** The choices of schedules, each by its place among those that were possible; by the number of their faults. */
  const waiting: (readonly number[])[][] = Array.from({ length: maxFaults + 1 }, () => []);

  /** Runs a schedule: its first choices, and then always the first one, up to a state that was met before or to the end. */
  async function run(prefix: readonly number[]): Promise<void> {
    const execution = await startExecution(scenario);
    const steps: string[] = [];
    let last = 0;
    let faults = 0;
    const possible = () => choicesOf(execution, last, faults < maxFaults);
    const choose = async (choice: Choice | undefined) => {
      if (choice === undefined) throw new Error(`A schedule of ${scenario.name} did not repeat.`);
      const [call, fate] = choice;
      await execution.calls.settle(call, fate);
      last = call.invocation;
      if (fate !== 'succeeds') faults += 1;
      const who = String.fromCharCode('A'.charCodeAt(0) + last);
      steps.push(`${who}: ${call.name}${fate === 'succeeds' ? '' : ` ${fate}`}`);
    };

    for (const place of prefix) await choose(possible()[place]);
    for (let places = prefix; ; places = [...places, 0]) {
      const state = execution.state();
      if (execution.problem() !== undefined || met.has(state)) break;
      met.add(state);
      const choices = possible();
      if (choices.length === 0) {
        await execution.end();
        break;
      }
      for (const [place, [, fate]] of [...choices.entries()].slice(1).reverse()) {
        waiting[faults + (fate === 'succeeds' ? 0 : 1)]?.push([...places, place]);
      }
      await choose(choices[0]);
    }
    const problem = execution.problem();
    if (problem !== undefined) violations.push({ problem, scenario: scenario.name, steps, faults });
  }

  waiting[0]?.push([]);
  for (const prefixes of waiting) {
    for (let prefix = prefixes.pop(); prefix !== undefined; prefix = prefixes.pop()) await run(prefix);
  }
  return { states: met.size, violations };
}

type Choice = readonly [call: PendingCall, fate: Fate];

/** All that can come next. The invocation that went on last goes first, so that a plain run is the first schedule. */
function choicesOf({ calls, faultsOf, isLocal }: Execution, last: number, withFaults: boolean): Choice[] {
  const order = ({ invocation }: PendingCall) => (invocation === last ? -1 : invocation);
  const ordered = calls.pending.toSorted((one, other) => order(one) - order(other));
  const local = ordered.find(({ name }) => isLocal?.(name));
  const possible = local === undefined ? ordered : [local];
  const plain = possible.map((call): Choice => [call, 'succeeds']);
  if (!withFaults) return plain;
  return [...plain, ...possible.flatMap((call) => faultsOf(call.name).map((fate): Choice => [call, fate]))];
}

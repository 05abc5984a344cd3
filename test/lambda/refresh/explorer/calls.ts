import { hash } from 'node:crypto';

/** The fate of one call: each call of each invocation is a point of choice. Any but `succeeds` is a fault. */
export type Fate = 'succeeds' | 'fails' | 'loses its answer' | 'dies' | 'sees an older state';

/** A call that an invocation has made and that nothing has happened to yet. */
export interface PendingCall {
  readonly invocation: number;
  readonly name: string;
  /** Lets the call meet its fate. */
  readonly settle: (fate: Fate) => void;
}

interface Effects<T> {
  readonly effect: () => T;
  /** What the caller gets instead of an answer. */
  readonly failure: () => T;
  /** What the caller gets if it sees an older state. */
  readonly older?: () => T;
}

/** Makes the calls of invocations, each with a fate that somebody chooses. `told`: the facts in an answer, for a state's name. */
export function createCalls(told: (name: string, answer: unknown) => unknown) {
  const pending: PendingCall[] = [];
  const histories = new Map<number, string>();
  let started = 0;
  const calls = {
    pending,
    /** Names the calls and answers of each invocation whose instance lives. */
    histories,
    /** Whether every call succeeds at once. */
    isFaultless: false,
    /** Begins an invocation. `death` resolves if its instance dies at a call, which then never ends. */
    startInvocation() {
      const invocation = started++;
      histories.set(invocation, '');
      const death = Promise.withResolvers<false>();
      const call = async <T>(name: string, { effect, failure, older = failure }: Effects<T>): Promise<T> => {
        const fate = calls.isFaultless
          ? 'succeeds'
          : await new Promise<Fate>((settle) => void pending.push({ invocation, name, settle }));
        let give = fate === 'sees an older state' ? older : failure;
        let heard: unknown = fate === 'sees an older state' ? 'older' : '-';
        if (fate !== 'fails' && fate !== 'sees an older state') {
          const answer = attempt(effect);
          if (fate === 'dies') {
            histories.delete(invocation);
            death.resolve(false);
            return await new Promise(() => undefined);
          }
          if (fate === 'succeeds') {
            give = answer.give;
            heard = told(name, answer.value);
          }
        }
        histories.set(invocation, hash('md5', JSON.stringify([histories.get(invocation), name, heard])));
        return give();
      };
      return { invocation, call, death: death.promise };
    },
    async settle(call: PendingCall, fate: Fate): Promise<void> {
      pending.splice(pending.indexOf(call), 1);
      call.settle(fate);
      await settled();
    },
  };
  return calls;
}

/** An answer, or the refusal that is thrown. */
function attempt<T>(effect: () => T): { readonly value: unknown; readonly give: () => T } {
  try {
    const value = effect();
    return { value, give: () => value };
  } catch (error) {
    const give = () => {
      throw error;
    };
    return { value: String(error), give };
  }
}

/** Lets everything go on that waits for no call: a next tick comes when no promise has anything left to do. */
export function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

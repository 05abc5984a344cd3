import { createClock } from '../../../../lambda/refresh/clock.ts';
import { createMemory, type Memory, refresh } from '../../../../lambda/refresh/refresh.ts';
import {
  type Call,
  type CallName,
  type VirtualAccount,
  virtualMinter,
  virtualParameters,
} from '../../../../local/simulation/virtual-account.ts';
import { createChecks, type Invocation, type Remembered } from './checks.ts';
import { CONFIGURED, MINUTE, type RefreshRequest, type Scenario } from './scenarios.ts';
import { type Execution, type Fate, type PendingCall, settled } from './schedule.ts';

const READ_FAULTS: readonly Fate[] = ['fails', 'dies'];
const WRITE_FAULTS: readonly Fate[] = ['fails', 'loses its answer', 'dies'];
const WRITES: ReadonlySet<CallName> = new Set(['write-token', 'write-status', 'mint']);

interface Instance {
  readonly memory: Memory;
  isAlive: boolean;
}

/** How one call was answered, and when. */
interface Answered {
  /** Undefined: it failed, or its answer was lost. */
  readonly answer: { readonly value: unknown } | undefined;
  readonly nowMs: number;
}

/** One invocation, with all that runs it again up to where it is. */
interface Running extends Invocation {
  readonly answered: Answered[];
  readonly beganMs: number;
  /** What its instance remembered then. */
  readonly memoryThen: Memory;
}

/** An execution that can go on in several ways. */
interface Saved {
  readonly account: VirtualAccount;
  readonly remembered: Remembered;
  readonly invocations: readonly Running[];
  readonly instance: Instance;
}

/** The name of an account's state, and what it was made from. */
interface Named extends Pick<VirtualAccount, 'status' | 'nowMs'> {
  readonly name: number;
  readonly versions: number;
  readonly issued: number;
}

/** Short names for long texts, the same one for the same text: states are compared, and kept in thousands. */
const shorts = new Map<string, number>();

function shortOf(text: string): number {
  const known = shorts.get(text);
  if (known !== undefined) return known;
  shorts.set(text, shorts.size);
  return shorts.size - 1;
}

/**
 * Ends from which two beats were checked. Scenarios reach the same ends, and beats that follow the same end are the
 * same.
 */
const checkedEnds = new Set<string>();

/**
 * Runs the deployed `refresh()` for each request of a scenario, call by call.
 *
 * @param saved where to go on; @default the start
 */
export function startExecution(scenario: Scenario, saved?: Saved): Execution {
  const account = saved === undefined ? scenario.account() : copyAccount(saved.account);
  const pending: PendingCall[] = [];
  const invocations: Running[] = [];
  const checks = createChecks({ scenario, account, invocations, remembered: saved?.remembered });
  let instance =
    saved === undefined ? newInstance() : { ...saved.instance, memory: { ...saved.instance.memory } };

  let named: Named | undefined;
  const timed: CallName = scenario.requestsCross ? 'read-secret' : 'mint';
  /** It makes no difference which calls of other invocations come before these: a version never changes. */
  const local = new Set<CallName>([
    'read-token',
    ...(scenario.requestsCross ? [] : ['read-secret' as const]),
    ...(scenario.server === 'one live token' ? [] : ['probe' as const]),
  ]);

  /** What an answer told, for the state's name. */
  function told(name: CallName, answer: unknown): unknown {
    if (name === 'read') return [account.versions.length, account.status?.text];
    return [answer, scenario.requestsCross && name === 'read-secret' ? account.nowMs : null];
  }

  function begin(request: RefreshRequest, on: Instance, onEnd: () => void): void {
    run({
      on,
      onEnd,
      invocation: {
        index: invocations.length,
        request,
        history: '',
        outcome: undefined,
        observations: { remainingMs: null, warnings: [] },
        answered: [],
        beganMs: account.nowMs,
        memoryThen: { ...on.memory },
      },
    });
  }

  /** Runs an invocation. What was answered before is answered again, without effect. */
  function run({
    invocation,
    on,
    onEnd,
  }: {
    readonly invocation: Running;
    readonly on: Instance;
    readonly onEnd: () => void;
  }): void {
    invocations.push(invocation);
    const repeated = [...invocation.answered].reverse();
    /** The time at which an invocation went on that now waits. */
    let thenMs: number | undefined = invocation.beganMs;
    const call: Call = (name, { effect, failure }) => {
      const again = repeated.pop();
      if (again !== undefined) {
        thenMs = again.nowMs;
        // Each call has the type of its effect, also when it is repeated.
        const { answer } = again as { answer: { readonly value: ReturnType<typeof effect> } | undefined };
        return answer === undefined ? attempt(failure) : Promise.resolve(answer.value);
      }
      return new Promise((resolve, reject) => {
        const settle: PendingCall['settle'] = (fate) => {
          pending.splice(pending.indexOf(waiting), 1);
          thenMs = undefined;
          // Time passes here and nowhere else, so that two mints at once have two times of issue.
          if (name === timed && fate !== 'fails') account.nowMs += 1_000;
          const answer = fate === 'fails' ? undefined : { value: effect() };
          if (answer !== undefined) checks.afterEffect(invocation, name);
          if (fate === 'dies') {
            on.isAlive = false;
            invocation.history = undefined;
            onEnd();
            return;
          }
          const heard = fate === 'succeeds' ? answer : undefined;
          invocation.history += `${name} ${heard === undefined ? '-' : shortOf(JSON.stringify(told(name, heard.value)))};`;
          invocation.answered.push({ answer: heard, nowMs: account.nowMs });
          checks.afterAnswer(invocation);
          if (heard === undefined) attempt(failure).then(resolve, reject);
          else resolve(heard.value);
        };
        const faults = WRITES.has(name) ? WRITE_FAULTS : READ_FAULTS;
        const isLocal = local.has(name);
        const waiting: PendingCall = { invocation: invocation.index, name, faults, isLocal, settle };
        checks.beforeCall(invocation, name);
        pending.push(waiting);
      });
    };
    const clock = createClock(() => new Date(thenMs ?? account.nowMs));
    const { signal } = new AbortController();
    refresh({
      request: invocation.request,
      parameters: virtualParameters(account, call, CONFIGURED.encryptionKey),
      loadMinter: async () =>
        virtualMinter(account, call, { ...scenario, now: clock.now, isSentBefore: scenario.requestsCross }),
      hasProbe: scenario.hasProbe,
      clock,
      policy: { ...CONFIGURED, refreshIntervalMs: 50 * MINUTE },
      provider: 'oauth2',
      memory: on.memory,
      observations: invocation.observations,
      signal,
      recordingSignal: () => signal,
    }).then(
      (result) => {
        invocation.outcome = { result };
        checks.afterInvocation(invocation);
        onEnd();
      },
      (error) => {
        invocation.outcome = { error };
        checks.afterInvocation(invocation);
        onEnd();
      },
    );
  }

  function beginNext(): void {
    const request = scenario.requests[invocations.length];
    if (request === undefined) return;
    if (!instance.isAlive) instance = newInstance();
    begin(request, instance, beginNext);
  }

  if (saved !== undefined) {
    for (const one of saved.invocations) {
      const invocation = { ...one, answered: [...one.answered] };
      if (isOver(one)) invocations.push(invocation);
      else {
        const on = { memory: { ...one.memoryThen }, isAlive: true };
        if (scenario.instances === 'one') instance = on;
        invocation.observations = { remainingMs: null, warnings: [] };
        run({ invocation, on, onEnd: scenario.instances === 'one' ? beginNext : () => undefined });
      }
    }
  } else if (scenario.instances === 'one') beginNext();
  else for (const request of scenario.requests) begin(request, newInstance(), () => undefined);

  /** Of an invocation that has ended nothing goes on but what its instance remembers. */
  function goesOn(): string[] {
    const each = invocations.map((invocation) =>
      isOver(invocation)
        ? `gone ${invocation.outcome !== undefined && 'error' in invocation.outcome}`
        : JSON.stringify([invocation.request.kind, invocation.history, checks.knownOf(invocation.index)]),
    );
    // Instances of their own differ in nothing but what they did: which of them is A makes no difference.
    return scenario.instances === 'one' ? each : each.sort();
  }

  /** The account's state, named anew where it has changed: whatever changes also changes one of these. */
  function accountState(): number {
    const { versions, status, issued, nowMs } = account;
    const isSame =
      named?.versions === versions.length &&
      named.status === status &&
      named.issued === issued.length &&
      named.nowMs === nowMs;
    if (named === undefined || !isSame) {
      const name = shortOf(JSON.stringify([versions, status?.text, status?.writtenMs, issued, nowMs]));
      named = { name, versions: versions.length, status, issued: issued.length, nowMs };
    }
    return named.name;
  }

  /** A beat of the schedule, without any fault, by the instance that is left. */
  async function beat(): Promise<void> {
    account.nowMs += MINUTE;
    checks.afterTime();
    if (!instance.isAlive) instance = newInstance();
    begin({ kind: 'beat' }, instance, () => undefined);
    for (;;) {
      await settled();
      const [call] = pending;
      if (call === undefined) return;
      call.settle('succeeds');
    }
  }

  return {
    pending: () => pending,
    state: () =>
      JSON.stringify([
        accountState(),
        checks.state(),
        goesOn(),
        scenario.instances === 'one' ? shortOf(JSON.stringify(instance)) : '',
      ]),
    save() {
      const here: Saved = {
        account: copyAccount(account),
        remembered: checks.save(),
        invocations: invocations.map((one) => ({ ...one, answered: [...one.answered] })),
        instance: { ...instance, memory: { ...instance.memory } },
      };
      return () => startExecution(scenario, here);
    },
    checkStep: checks.throwFound,
    async checkEnd() {
      checks.atEnd();
      const { server, hasProbe, lifetimesMs, requestsCross } = scenario;
      const end = JSON.stringify([
        [server, hasProbe, lifetimesMs, requestsCross],
        accountState(),
        checks.state(),
        instance,
      ]);
      if (checkedEnds.has(end)) return;
      const asked = account.issued.length;
      await beat();
      await beat();
      checks.throwFound();
      checks.afterBeats(account.issued.length - asked);
      checkedEnds.add(end);
    },
  };
}

/** Copies an account, so that two executions can go on from it. */
function copyAccount(account: VirtualAccount): VirtualAccount {
  const { versions, issued } = account;
  return { ...account, versions: [...versions], issued: issued.map((token) => ({ ...token })) };
}

function newInstance(): Instance {
  return { memory: createMemory(), isAlive: true };
}

function isOver({ history, outcome }: Invocation): boolean {
  return history === undefined || outcome !== undefined;
}

async function attempt<T>(failure: () => T): Promise<T> {
  return failure();
}

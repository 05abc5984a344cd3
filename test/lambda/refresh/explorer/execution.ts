import { hash } from 'node:crypto';
import { createClock } from '../../../../lambda/refresh/clock.ts';
import { createMemory, refresh } from '../../../../lambda/refresh/refresh.ts';
import {
  type Call,
  type CallName,
  virtualMinter,
  virtualParameters,
} from '../../../../local/simulation/virtual-account.ts';
import { createChecks, type Invocation } from './checks.ts';
import { CONFIGURED, MINUTE, type RefreshRequest, type Scenario } from './scenarios.ts';

/** The fate of one call: each call of each invocation is a point of choice. */
type Fate = 'succeeds' | 'fails' | 'loses its answer' | 'dies';

/** Faults that differ from each other: a call that changes nothing cannot lose more than its answer. */
const READ_FAULTS: readonly Fate[] = ['fails', 'dies'];
const WRITE_FAULTS: readonly Fate[] = ['fails', 'loses its answer', 'dies'];
const WRITES: ReadonlySet<CallName> = new Set(['write-token', 'write-status', 'mint']);

/** A call that an invocation has made and that nothing has happened to yet. */
interface PendingCall {
  readonly invocation: number;
  readonly name: CallName;
  /** Lets the call meet its fate. */
  readonly settle: (fate: Fate) => void;
}

interface Choice {
  readonly call: PendingCall;
  readonly fate: Fate;
}

/** The ends from which two beats were checked already: several scenarios reach the same ones. */
const checkedEnds = new Set<string>();

/** Runs the deployed `refresh()` for each request of a scenario, call by call. */
export async function startExecution(scenario: Scenario) {
  const account = scenario.account();
  const pending: PendingCall[] = [];
  const invocations: Invocation[] = [];
  const checks = createChecks({ scenario, account, invocations });
  let instance = newInstance();
  const timed: CallName = scenario.requestsCross ? 'read-secret' : 'mint';
  /** It makes no difference which calls of other invocations come before these: a version never changes. */
  const local = new Set<CallName>([
    'read-token',
    ...(scenario.requestsCross ? [] : ['read-secret' as const]),
    ...(scenario.server === 'one live token' ? [] : ['probe' as const]),
  ]);

  /** The facts in an answer, for the state's name. */
  function told(name: CallName, answer: unknown): unknown {
    if (name === 'read') return [account.versions.length, account.status?.text];
    return [answer, scenario.requestsCross && name === 'read-secret' ? account.nowMs : null];
  }

  /** Invokes the function. Resolves when the invocation has ended, or its instance has died. */
  async function invoke(request: RefreshRequest, on: ReturnType<typeof newInstance>): Promise<void> {
    const invocation: Invocation = {
      index: invocations.length,
      request,
      observations: { remainingMs: null, warnings: [] },
      history: '',
      outcome: undefined,
      wroteVersion: 0,
      answeredAt: Number.NaN,
      hasAsked: false,
    };
    invocations.push(invocation);
    const death = Promise.withResolvers<void>();

    const call: Call = async (name, { effect, failure }) => {
      checks.beforeCall(invocation, name);
      const fate = await new Promise<Fate>((settle) => {
        pending.push({ invocation: invocation.index, name, settle });
      });
      // Time passes here and nowhere else, so that two mints at once have two times of issue.
      if (name === timed && fate !== 'fails') account.nowMs += 1_000;
      const answer = fate === 'fails' ? undefined : { value: effect() };
      if (answer !== undefined) checks.afterEffect(invocation, name);
      if (fate === 'dies') {
        on.isAlive = false;
        invocation.history = undefined;
        death.resolve();
        return await new Promise(() => undefined);
      }
      const heard = fate === 'succeeds' ? answer : undefined;
      const event = JSON.stringify([name, heard === undefined ? '-' : told(name, heard.value)]);
      invocation.history = hash('md5', `${invocation.history}${event}`);
      checks.afterAnswer(invocation);
      return heard === undefined ? failure() : heard.value;
    };

    const clock = createClock(() => new Date(account.nowMs));
    const { signal } = new AbortController();
    const end = refresh({
      request,
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
      },
      (error) => {
        invocation.outcome = { error };
        checks.afterInvocation(invocation);
      },
    );
    await Promise.race([end, death.promise]);
  }

  async function invokeOnOneInstance(requests: readonly RefreshRequest[]): Promise<void> {
    for (const request of requests) {
      if (!instance.isAlive) instance = newInstance();
      await invoke(request, instance);
    }
  }

  async function choose({ call, fate }: Choice): Promise<void> {
    pending.splice(pending.indexOf(call), 1);
    call.settle(fate);
    await settled();
  }

  /** A beat of the schedule, without any fault, by the instance that is left. */
  async function beat(): Promise<void> {
    account.nowMs += MINUTE;
    checks.afterTime();
    invokeOnOneInstance([{ kind: 'beat' }]);
    await settled();
    for (let [call] = pending; call !== undefined; [call] = pending) await choose({ call, fate: 'succeeds' });
  }

  function accountState() {
    const { versions, status, issued, nowMs } = account;
    return [versions, status?.text, status?.writtenMs, issued, nowMs];
  }

  /** Of an invocation that has ended nothing goes on but the memory of its instance. */
  function goesOn(invocation: Invocation): string {
    const { request, history, outcome } = invocation;
    if (history === undefined || outcome !== undefined) return `gone ${outcome && 'error' in outcome}`;
    return JSON.stringify([request.kind, history, checks.stateOf(invocation)]);
  }

  if (scenario.onOneInstance) invokeOnOneInstance(scenario.requests);
  else for (const request of scenario.requests) invoke(request, newInstance());
  await settled();

  return {
    choose,
    problem: checks.problem,
    /** All that can come next. The invocation that went on last goes first, so that a plain run is the first schedule. */
    choices(last: number, withFaults: boolean): Choice[] {
      const order = ({ invocation }: PendingCall) => (invocation === last ? -1 : invocation);
      const ordered = pending.toSorted((one, other) => order(one) - order(other));
      const first = ordered.find(({ name }) => local.has(name));
      const calls = first === undefined ? ordered : [first];
      const plain = calls.map((call): Choice => ({ call, fate: 'succeeds' }));
      if (!withFaults) return plain;
      const faults = ({ name }: PendingCall) => (WRITES.has(name) ? WRITE_FAULTS : READ_FAULTS);
      return [...plain, ...calls.flatMap((call) => faults(call).map((fate) => ({ call, fate })))];
    },
    /** Names all that decides how the execution goes on, and what will be checked of it. */
    state(): string {
      const each = invocations.map(goesOn);
      // Instances of their own differ in nothing but what they did: which of them is A makes no difference.
      const how = scenario.onOneInstance ? [each, instance] : each.sort();
      return hash('md5', JSON.stringify([accountState(), checks.state(), how]));
    },
    /** Checks what must hold when all invocations have ended, and after two beats that follow. */
    async end(): Promise<void> {
      checks.atEnd();
      const { server, hasProbe, lifetimesMs, requestsCross } = scenario;
      const rest = [server, hasProbe, lifetimesMs, requestsCross, checks.state(), instance];
      const end = hash('md5', JSON.stringify([accountState(), rest]));
      if (checkedEnds.has(end)) return;
      const { length } = account.issued;
      await beat();
      await beat();
      checks.afterBeats(account.issued.length - length);
      checkedEnds.add(end);
    },
  };
}

function newInstance() {
  return { memory: createMemory(), isAlive: true };
}

/** Lets everything go on that waits for no call: a next tick comes when no promise has anything left to do. */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

import { hash } from 'node:crypto';
import { createMemory } from '../../../../lambda/refresh/invocation.ts';
import {
  type Call,
  type CallName,
  invokeRefresh,
  virtualMinter,
} from '../../../../local/simulation/virtual-account.ts';
import { createCalls, type Fate, settled } from './calls.ts';
import { createChecks, type Invocation } from './checks.ts';
import type { Execution } from './explore.ts';
import { CONFIGURED, MINUTE, type RefreshRequest, type Scenario } from './scenarios.ts';

/** Faults that differ from each other: a call that changes nothing cannot lose more than its answer. */
const READ_FAULTS: readonly Fate[] = ['fails', 'dies'];
const WRITE_FAULTS: readonly Fate[] = ['fails', 'loses its answer', 'dies'];
const WRITES: readonly string[] = ['write-token', 'write-status', 'mint'] satisfies CallName[];

/** The ends from which two beats were checked already: several scenarios reach the same ones. */
const checkedEnds = new Set<string>();

/** Runs the deployed `refresh()` for each request of a scenario, call by call. */
export async function startExecution(scenario: Scenario): Promise<Execution> {
  const account = scenario.account();
  const { requestsCross, onOneInstance, requests } = scenario;
  const invocations: Invocation[] = [];
  const checks = createChecks(scenario, account, invocations);
  let instance = newInstance();
  const timed: CallName = requestsCross ? 'read-secret' : 'mint';
  const calls = createCalls((name, answer) => {
    if (name === 'read') return [account.versions.length, account.status?.text];
    return [answer, requestsCross && name === 'read-secret' ? account.nowMs : null];
  });
  /** A version never changes. */
  const local: readonly string[] = [
    'read-token',
    ...(requestsCross ? [] : ['read-secret']),
    ...(scenario.server === 'one live token' ? [] : ['probe']),
  ];

  /** Invokes the function. Resolves when the invocation has ended, or its instance has died. */
  async function invoke(request: RefreshRequest, on: ReturnType<typeof newInstance>): Promise<void> {
    const { invocation: index, call: plainCall, death } = calls.startInvocation();
    const invocation: Invocation = {
      index,
      request,
      observations: { remainingMs: null, warnings: [] },
      outcome: undefined,
      wroteVersion: 0,
      answeredAt: Number.NaN,
      hasAsked: false,
    };
    invocations.push(invocation);

    const call: Call = async (name, { effect, failure }) => {
      checks.beforeCall(invocation, name);
      const happen = () => {
        // Time passes here and nowhere else, so that two mints at once have two times of issue.
        if (name === timed) account.nowMs += 1_000;
        const answer = effect();
        checks.afterEffect(invocation, name);
        return answer;
      };
      return await plainCall(name, { effect: happen, failure }).finally(() => checks.afterAnswer(invocation));
    };

    const now = () => new Date(account.nowMs);
    const { memory } = on;
    const { observations } = invocation;
    const minter = virtualMinter(account, call, { ...scenario, now, isSentBefore: requestsCross });
    const end = invokeRefresh(account, call, { request, memory, observations, minter, policy: CONFIGURED })
      .then(
        (result) => ({ result }),
        (error) => ({ error }),
      )
      .then((outcome) => {
        invocation.outcome = outcome;
        checks.afterInvocation(invocation);
      });
    if ((await Promise.race([end, death])) === false) on.isAlive = false;
  }

  async function invokeOnOneInstance(requests: readonly RefreshRequest[]): Promise<void> {
    for (const request of requests) {
      if (!instance.isAlive) instance = newInstance();
      await invoke(request, instance);
    }
  }

  function accountState() {
    const { versions, status, issued, nowMs } = account;
    return [versions, status?.text, status?.writtenMs, issued, nowMs];
  }

  /** Of an invocation that has ended nothing goes on but the memory of its instance. */
  function goesOn(invocation: Invocation): string {
    const { index, request, outcome } = invocation;
    const history = calls.histories.get(index);
    if (history === undefined || outcome !== undefined) return `gone ${outcome && 'error' in outcome}`;
    return JSON.stringify([request.kind, history, checks.stateOf(invocation)]);
  }

  if (onOneInstance) invokeOnOneInstance(requests);
  else for (const request of requests) invoke(request, newInstance());
  await settled();

  return {
    calls,
    faultsOf: (name) => (WRITES.includes(name) ? WRITE_FAULTS : READ_FAULTS),
    isLocal: (name) => local.includes(name),
    problem: checks.problem,
    state(): string {
      const each = invocations.map(goesOn);
      // Instances of their own differ in nothing but what they did: which of them is A makes no difference.
      const how = onOneInstance ? [each, instance] : each.sort();
      return hash('md5', JSON.stringify([accountState(), checks.state(), how]));
    },
    /** Checks what must hold when all invocations have ended, and after two beats of the schedule that follow, without a fault. */
    async end(): Promise<void> {
      checks.atEnd();
      const { server, hasProbe, lifetimesMs } = scenario;
      const rest = [server, hasProbe, lifetimesMs, requestsCross, checks.state(), instance];
      const end = hash('md5', JSON.stringify([accountState(), rest]));
      if (checkedEnds.has(end)) return;
      const { length } = account.issued;
      calls.isFaultless = true;
      for (let beat = 1; beat <= 2; beat++) {
        account.nowMs += MINUTE;
        checks.afterTime();
        await invokeOnOneInstance([{ kind: 'beat' }]);
      }
      checks.afterBeats(account.issued.length - length);
      checkedEnds.add(end);
    },
  };
}

function newInstance() {
  return { memory: createMemory(), isAlive: true };
}

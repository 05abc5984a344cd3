import { createClock } from '../../../../lambda/refresh/clock.ts';
import { createMemory, type Memory, refresh } from '../../../../lambda/refresh/refresh.ts';
import { createChecks } from './checks.ts';
import type { Invocation, RefreshRequest, Scenario } from './scenario.ts';
import type { Execution, PendingCall } from './schedule.ts';
import { CONFIGURED, MINUTE, virtualMinter, virtualParameters, type Wait } from './virtual-account.ts';

interface Instance {
  readonly memory: Memory;
  isAlive: boolean;
}

/** Short names for long texts, the same one for the same text: states are compared, and kept in thousands. */
const shorts = new Map<string, number>();

function shortOf(text: string): number {
  const known = shorts.get(text);
  if (known !== undefined) return known;
  shorts.set(text, shorts.size);
  return shorts.size - 1;
}

/** Runs the deployed `refresh()` for each request of a scenario, call by call. */
export function startExecution(scenario: Scenario): Execution {
  const account = scenario.account();
  const pending: PendingCall[] = [];
  const invocations: Invocation[] = [];
  const checks = createChecks({ scenario, account, invocations });
  let instance: Instance = { memory: createMemory(), isAlive: true };

  function begin(request: RefreshRequest, on: Instance, onEnd: () => void): void {
    const invocation: Invocation = {
      index: invocations.length,
      request,
      history: '',
      outcome: undefined,
      observations: { remainingMs: null, warnings: [] },
    };
    invocations.push(invocation);
    const wait: Wait = (name, { faults, isLocal = false, effect, failure, told }) =>
      new Promise((resolve, reject) => {
        const settle: PendingCall['settle'] = (fate) => {
          pending.splice(pending.indexOf(call), 1);
          const answer = fate === 'fails' ? undefined : { value: effect() };
          if (answer !== undefined) checks.afterEffect(invocation, name);
          if (fate === 'dies') {
            on.isAlive = false;
            invocation.history = undefined;
            onEnd();
            return;
          }
          const isAnswered = fate === 'succeeds' && answer !== undefined;
          invocation.history += `${name} ${isAnswered ? shortOf(JSON.stringify(told(answer.value))) : '-'};`;
          checks.afterAnswer(invocation);
          if (isAnswered) return resolve(answer.value);
          try {
            resolve(failure());
          } catch (error) {
            reject(error);
          }
        };
        const call: PendingCall = { invocation: invocation.index, name, faults, isLocal, settle };
        checks.beforeCall(invocation, name);
        pending.push(call);
      });
    const clock = createClock(() => new Date(account.nowMs));
    const { signal } = new AbortController();
    refresh({
      request,
      parameters: virtualParameters(account, wait, CONFIGURED.encryptionKey),
      loadMinter: async () => virtualMinter(account, wait, { ...scenario, now: clock.now }),
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
    if (!instance.isAlive) instance = { memory: createMemory(), isAlive: true };
    begin(request, instance, beginNext);
  }

  if (scenario.instances === 'one') beginNext();
  else {
    for (const request of scenario.requests) {
      begin(request, { memory: createMemory(), isAlive: true }, () => undefined);
    }
  }

  /** Of an invocation that has ended nothing goes on but what its instance remembers. */
  function goesOn(): string[] {
    const each = invocations.map(({ index, history, outcome, request }) =>
      history === undefined || outcome !== undefined
        ? `gone ${outcome !== undefined && 'error' in outcome}`
        : JSON.stringify([request.kind, history, checks.knownOf(index)]),
    );
    // Instances of their own differ in nothing but what they did: which of them is A makes no difference.
    return scenario.instances === 'one' ? each : each.sort();
  }

  /** A beat of the schedule, without any fault, by the instance that is left. */
  async function beat(): Promise<void> {
    account.nowMs += MINUTE;
    checks.afterTime();
    if (!instance.isAlive) instance = { memory: createMemory(), isAlive: true };
    begin({ kind: 'beat' }, instance, () => undefined);
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const [call] = pending;
      if (call === undefined) return;
      call.settle('succeeds');
    }
  }

  return {
    pending: () => pending,
    state: () =>
      JSON.stringify([
        shortOf(JSON.stringify([account.token, account.status, account.issued, [...account.history]])),
        account.nowMs,
        checks.state(),
        goesOn(),
        scenario.instances === 'one' ? shortOf(JSON.stringify(instance)) : '',
      ]),
    checkStep: checks.throwFound,
    async checkEnd() {
      checks.atEnd();
      const asked = account.issued.length;
      await beat();
      await beat();
      checks.throwFound();
      checks.afterBeats(account.issued.length - asked);
    },
  };
}

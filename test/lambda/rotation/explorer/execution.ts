import { hash } from 'node:crypto';
import { isRefreshError } from '../../../../lambda/errors.ts';
import { tryStages } from '../../../../lambda/mint/secret-stages.ts';
import { createMemory, type Invocation } from '../../../../lambda/refresh/invocation.ts';
import { createSteps, type RotationParts, type Step } from '../../../../lambda/rotation/steps.ts';
import {
  CANARY,
  fails,
  invokeRefresh,
  type VirtualAccount,
} from '../../../../local/simulation/virtual-account.ts';
import { createCalls, type Fate, settled } from '../../refresh/explorer/calls.ts';
import type { Execution } from '../../refresh/explorer/explore.ts';
import { CONFIGURED } from '../../refresh/explorer/scenarios.ts';
import * as at from './world.ts';

/** What happens beside each other. */
export interface RotationScenario {
  readonly name: string;
  readonly account: () => VirtualAccount;
  /** The rotations that are asked for, one after the other. */
  readonly rotations: readonly string[];
  /** How often Secrets Manager begins anew after a failure. */
  readonly tries: number;
  /** A step of the first rotation that runs once more, at any moment. */
  readonly repeats?: Step;
  /** Whether a person changes the secret outside, at any moment. */
  readonly outside?: boolean;
  /** Whether a beat runs at any moment, and finds the token due. */
  readonly beat?: boolean;
}

/** What can happen to a call beside its success. The rest can fail, or the function can die at it. */
const FAULTS: Readonly<Record<string, readonly Fate[]>> = {
  describe: ['fails', 'dies', 'sees an older state'],
  'read-pending': ['fails', 'dies', 'sees an older state'],
  ...Object.fromEntries(
    ['renew', 'put-pending', 'promote', 'clear-pending'].map((name) => [
      name,
      ['fails', 'loses its answer', 'dies'],
    ]),
  ),
  // The refresher's own faults are explored by its own explorer.
  ...Object.fromEntries(
    ['read', 'read-token', 'read-secret', 'probe', 'write-status', 'invoke beat', 'repeat', 'outside'].map(
      (name) => [name, []],
    ),
  ),
  'invoke event': ['fails'],
  mint: ['fails'],
  'write-token': ['fails', 'dies'],
};

/** Runs the deployed steps and the deployed `refresh()` beside each other, call by call. */
export async function startRotationExecution(scenario: RotationScenario): Promise<Execution> {
  const world = at.createWorld(scenario.account());
  const { account } = world;
  const calls = createCalls((_, answer) => plain(answer));
  /** How far Secrets Manager has come. */
  let position = '';
  let problem: string | undefined;
  let sawLive = at.readerSeesLive(world);
  let wasChangedOutside = false;
  const memory = createMemory();
  const [rotations, refreshes] = [createQueue(), createQueue()];
  const found = (text: string) => {
    problem ??= text;
  };

  function checkWorld(name: string): void {
    const live = at.readerSeesLive(world);
    // Whoever changes a secret outside ends the tokens of its client, also one that is about to be stored.
    if (name === 'outside') wasChangedOutside = true;
    if (sawLive && !live && !wasChangedOutside) found('A reader saw a token that is refused.');
    sawLive ||= live;
    const { client_id = '', client_secret } = at.secretOf(world, 'AWSCURRENT') ?? {};
    if (world.secrets.get(client_id) !== client_secret) found('The active client cannot mint.');
  }

  /** Makes the calls of one invocation. `death` resolves where the function dies. */
  function callsOf() {
    const { invocation, call: plainCall, death } = calls.startInvocation();
    const call: typeof plainCall = (name, { effect, ...otherwise }) =>
      plainCall(name, {
        ...otherwise,
        effect() {
          try {
            return effect();
          } finally {
            checkWorld(name);
          }
        },
      });
    return { call, death, ended: () => void calls.histories.delete(invocation) };
  }

  async function refreshOnce(request: Invocation['request']): Promise<boolean> {
    const { call, death, ended } = callsOf();
    const minter = {
      checkSecret: async () => ({ createdAt: undefined }),
      async mint() {
        const issuedAt = new Date(account.nowMs);
        const { answer, stage } = await tryStages(
          (stage) =>
            call('read-secret', {
              failure: fails('SECRET_UNAVAILABLE'),
              effect() {
                const credentials = at.secretOf(world, stage) ?? fails('SECRET_UNAVAILABLE')();
                return { credentials, createdAt: undefined };
              },
            }),
          (credentials) =>
            call('mint', {
              failure: fails('TOKEN_ENDPOINT_UNAVAILABLE'),
              effect: () => at.mintToken(world, credentials),
            }),
        );
        const expiresAt = new Date(answer.expiresMs);
        return {
          accessToken: answer.value,
          issuedAt,
          expiresAt,
          secretStage: stage,
          warnings: [],
          grantedScope: undefined,
        };
      },
    };
    const observations = { remainingMs: null, warnings: [] };
    const end = invokeRefresh(account, call, {
      request,
      memory,
      observations,
      minter,
      policy: CONFIGURED,
    }).then(
      () => true,
      () => false,
    );
    return await Promise.race([end, death]).finally(ended);
  }

  /** One invocation of the rotation function. Resolves with whether it succeeded. */
  async function rotateOnce(step: Step, token: string): Promise<boolean> {
    const { call, death, ended } = callsOf();
    const down = fails('SECRET_UNAVAILABLE');
    const versions: RotationParts['versions'] = {
      describe: () =>
        call('describe', {
          failure: down,
          effect: () => ({ stages: world.stages, rotatedBy: undefined }),
          older: () => ({ stages: world.olderStages, rotatedBy: undefined }),
        }),
      read: (id) =>
        call(id === at.idOf(world, 'AWSCURRENT') ? 'read-current' : 'read-pending', {
          failure: down,
          effect: () => world.values.get(id),
          older: () => undefined,
        }),
      putPending: (id, text) =>
        call('put-pending', {
          failure: down,
          effect() {
            if ((world.values.get(id) ?? text) !== text) down();
            world.values.set(id, text);
            at.moveStage(world, 'AWSPENDING', id);
          },
        }),
      move: (label, { from, to }) =>
        call(to === undefined ? 'clear-pending' : 'promote', {
          failure: down,
          effect() {
            if (at.idOf(world, label) !== from) down();
            at.moveStage(world, label, to);
            if (to !== undefined) notify();
          },
        }),
    };
    const refuse = fails('TOKEN_ENDPOINT_UNAVAILABLE');
    const steps = createSteps({
      secretArn: 'secret',
      adminSecretArn: 'admin-secret',
      ownArn: 'own',
      versions,
      clients: {
        authenticate: (credentials) =>
          call(`authenticate-${credentials.client_id === 'admin' ? 'admin' : 'client'}`, {
            failure: refuse,
            effect: () => at.rotationToken(world, credentials),
          }),
        prove: (token) => call('prove', { failure: refuse, effect: () => at.prove(world, token) }),
        rolesOf: async () => ['role'],
        renew: (clientId, adminToken) =>
          call('renew', {
            failure: fails('SECRET_NOT_RENEWED'),
            effect() {
              at.prove(world, adminToken);
              return at.renew(world, clientId);
            },
          }),
      },
      readAdmin: async () => at.ADMIN,
      mintNow: async () => {
        await call('mint-now', { failure: refuse, effect: () => undefined });
        if (!(await refreshes.run('force', () => refreshOnce({ kind: 'force' })))) refuse();
      },
      pause: async () => undefined,
    });
    try {
      const outcome = await Promise.race([steps[step](token), death]);
      if (outcome === false) return false;
      if (outcome.includes(CANARY)) found('A secret was told.');
      return true;
    } catch (error) {
      if (!isRefreshError(error)) found(`A step ended without a code: ${error}`);
      if (String(error).includes(CANARY)) found('A secret was told.');
      return false;
    } finally {
      ended();
    }
  }

  /** Runs the steps of a rotation as Secrets Manager does: from the first one again after a failure. */
  async function rotate(token: string, tries: number): Promise<boolean> {
    for (let attempt = 0; attempt < tries; attempt++) {
      let isGood = true;
      for (const step of ['createSecret', 'testSecret', 'finishSecret'] as const) {
        position = `${token} ${attempt} ${step} ${isGood}`;
        isGood &&= await rotations.run(step, () => rotateOnce(step, token));
      }
      if (isGood) return true;
    }
    return false;
  }

  /** Something that happens at any moment, and what follows. */
  async function happens(name: string, effect: () => unknown, follows: () => unknown): Promise<void> {
    const { call, ended } = callsOf();
    const isSo = await call(name, { effect: () => [effect()], failure: () => undefined });
    ended();
    if (isSo) await follows();
  }

  function notify(): void {
    const refreshNow = () => refreshes.run('event', () => refreshOnce({ kind: 'secret-changed' }));
    void happens('invoke event', () => undefined, refreshNow);
  }

  async function play(): Promise<void> {
    for (const name of scenario.rotations) await rotate(at.startRotation(world, name), scenario.tries);
  }

  void play();
  const { repeats, outside, beat } = scenario;
  if (repeats !== undefined) {
    const again = () => rotations.run('repeated', () => rotateOnce(repeats, 'T1'));
    void happens('repeat', () => undefined, again);
  }
  if (outside) void happens('outside', () => at.changeOutside(world), notify);
  if (beat) {
    const refreshNow = () => refreshes.run('beat', () => refreshOnce({ kind: 'beat' }));
    void happens('invoke beat', () => undefined, refreshNow);
  }
  await settled();

  const plain = (value: unknown): string =>
    [...world.values.keys()].reduce(
      (text, id, index) => text.replaceAll(id, `#${index}`),
      JSON.stringify(value, (_, one) => (one instanceof Map ? [...one] : one)) ?? '',
    );

  return {
    calls,
    problem: () => problem,
    faultsOf: (name) => FAULTS[name] ?? ['fails', 'dies'],
    state: () =>
      hash(
        'md5',
        plain([
          world,
          memory,
          position,
          calls.pending.map(({ invocation, name }) => [calls.histories.get(invocation), name]),
          rotations.waiting,
          refreshes.waiting,
          [sawLive, wasChangedOutside, problem],
        ]),
      ),
    /** Nothing fails any more: a rotation completes, and the next one too. */
    async end(): Promise<void> {
      calls.isFaultless = true;
      for (const token of ['last', 'after']) {
        const before = at.secretOf(world, 'AWSCURRENT') ?? {};
        const isDone = rotate(at.startRotation(world, token), 2);
        if (!(await isDone)) found('A rotation does not complete after the fault is over.');
        await settled();
        const {
          client_id = '',
          client_secret,
          idle_client_id,
          note,
        } = at.secretOf(world, 'AWSCURRENT') ?? {};
        if (client_id !== before.idle_client_id || idle_client_id !== before.client_id)
          found('The clients did not take turns.');
        if (note !== 'kept') found('Another key of the secret was lost.');
        if (at.idOf(world, 'AWSPENDING') !== undefined) found('AWSPENDING was left.');
        const owner = world.owners.get(account.versions.at(-1)?.value ?? '');
        if (owner !== client_id || world.secrets.get(owner) !== client_secret)
          found('The refresher did not mint with the new client.');
      }
    },
  };
}

/** Reserved concurrency of 1: one after the other. */
function createQueue() {
  let last: Promise<unknown> = Promise.resolve();
  const waiting: string[] = [];
  return {
    waiting,
    run<T>(name: string, run: () => Promise<T>): Promise<T> {
      waiting.push(name);
      const next = last.then(run);
      last = next.finally(() => waiting.shift());
      return next;
    },
  };
}

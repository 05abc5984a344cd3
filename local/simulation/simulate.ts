import type { RefreshTimes } from '../../lambda/contract.ts';
import { isRefreshError, RefreshError } from '../../lambda/errors.ts';
import { type Clock, createClock } from '../../lambda/refresh/clock.ts';
import {
  createMemory,
  type Observations,
  type RefreshOptions,
  refresh,
} from '../../lambda/refresh/refresh.ts';
import type { BuildEnd, Read } from './builds.ts';
import {
  type Call,
  type CallName,
  createAccount,
  diesAt,
  type IssuedToken,
  requestToken,
  tokenOf,
  useToken,
  virtualMinter,
  virtualParameters,
} from './virtual-account.ts';
import { HOUR_MS, MINUTE_MS, type World } from './world.ts';

/** A way to provide builds with a token. Milliseconds. */
export type Strategy =
  /** Each build mints its own token at its start, and keeps it. */
  | { readonly name: string; readonly kind: 'fetch-at-start' }
  /** A schedule mints and stores at each invocation. */
  | { readonly name: string; readonly kind: 'fixed'; readonly everyMs: number }
  /** Each beat mints once 2/3 of the life are over. */
  | { readonly name: string; readonly kind: 'two-thirds' }
  /** This repository. */
  | ({ readonly name: string; readonly kind: 'ours' } & RefreshTimes);

/** A time in which Parameter Store held no live token. Milliseconds. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** The results of one strategy in one world. */
export interface Outcome {
  readonly strategy: Strategy;
  readonly spanMs: number;
  readonly builds: readonly BuildEnd[];
  readonly mints: number;
  /** The metric: remaining life in seconds per minute, NaN where none was sent. */
  readonly remainingSeconds: Float64Array;
  /** When each stored version was written and when its token died. */
  readonly stored: readonly { readonly writtenAt: number; readonly diesAt: number }[];
}

const LATENCY_MS: Readonly<Record<CallName, number>> = {
  read: 15,
  'read-token': 15,
  'write-token': 30,
  'write-status': 30,
  'read-secret': 40,
  mint: 250,
  probe: 150,
};

/** Results count from here on: before, the first token is fetched. */
const WARM_UP_MS = HOUR_MS;

/** Simulates one strategy in one world, in the order of virtual time. Ours is the deployed `refresh()`. */
export async function simulate(options: {
  readonly world: World;
  readonly reads: readonly Read[];
  readonly strategy: Strategy;
}): Promise<Outcome> {
  const { world, reads, strategy } = options;
  const account = createAccount(0, world.server);
  const systemNow = (): Date => new Date(account.nowMs + (world.clockSteps(account.nowMs) ?? 0));
  const newInstance = () => ({ memory: createMemory(), clock: createClock(systemNow, () => account.nowMs) });
  let instance: { memory: RefreshOptions['memory']; clock: Clock } = newInstance();
  const metric = new Float64Array(Math.ceil(world.spanMs / MINUTE_MS) + 1).fill(Number.NaN);
  const uses: Use[] = [];
  const { signal } = new AbortController();
  let mints = 0;
  let nextColdStart = 0;

  const call: Call = async (name, { effect, failure }) => {
    if (name === 'mint') {
      mints++;
      const trouble = world.endpoint(account.nowMs);
      account.nowMs += trouble?.latencyMs ?? (world.slow(account.nowMs) ?? LATENCY_MS.mint) / 2;
      if (trouble !== undefined) {
        const retryAfterMs = trouble.retryAfterMs || undefined;
        throw new RefreshError(trouble.code, 'The virtual endpoint is in trouble.', { retryAfterMs });
      }
      const answer = effect();
      account.nowMs += (world.slow(account.nowMs) ?? LATENCY_MS.mint) / 2;
      return answer;
    }
    account.nowMs += LATENCY_MS[name];
    if (name === 'probe' || name === 'read-secret') return effect();
    const trouble = world.parameterStore(account.nowMs);
    if (trouble === 'throttled') return failure();
    const answer = effect();
    return trouble === 'answer-lost' && name.startsWith('write') ? failure() : answer;
  };
  const parameters = virtualParameters(account, call);
  const hasProbe = world.server.idleTimeoutMs !== null;
  const lifetimesMs = [world.lifetimeMs];

  async function invoke(request: RefreshOptions['request'], at: number): Promise<void> {
    if (strategy.kind !== 'ours') return;
    // One invocation at a time, as with a reserved concurrency of 1.
    account.nowMs = Math.max(at, account.nowMs);
    const minute = Math.floor(account.nowMs / MINUTE_MS);
    if ((world.coldStarts[nextColdStart] ?? Number.POSITIVE_INFINITY) <= account.nowMs) {
      while ((world.coldStarts[nextColdStart] ?? Number.POSITIVE_INFINITY) <= account.nowMs) nextColdStart++;
      instance = newInstance();
      account.nowMs += 500;
    }
    const observations: Observations = { remainingMs: null, warnings: [] };
    const { now } = instance.clock;
    await succeeds(
      refresh({
        ...instance,
        request,
        parameters,
        loadMinter: async () => virtualMinter(account, call, { now, lifetimesMs, hasProbe }),
        hasProbe,
        policy: { ...strategy, source: '0123456789abcdef', encryptionKey: null },
        provider: 'oauth2',
        observations,
        signal,
        recordingSignal: () => signal,
      }),
    );
    const seconds = Math.floor((observations.remainingMs ?? Number.NaN) / 1_000);
    const known = metric[minute] ?? Number.NaN;
    if (!Number.isNaN(seconds)) metric[minute] = Number.isNaN(known) ? seconds : Math.min(known, seconds);
  }

  /** A beat of another strategy. */
  async function mintAndStore(at: number): Promise<void> {
    account.nowMs = at;
    const stored = tokenOf(account, account.versions.at(-1)?.value);
    const isFresh = stored !== undefined && at < stored.issuedMs + (world.lifetimeMs * 2) / 3;
    if (strategy.kind === 'two-thirds' && isFresh) return;
    await succeeds(
      requestToken(account, call, { now: systemNow, lifetimesMs }).then(({ value }) =>
        parameters.writeToken({ accessToken: value, signal }),
      ),
    );
  }

  const storedAt = (time: number) =>
    tokenOf(account, account.versions.findLast(({ writtenMs }) => writtenMs <= time)?.value);

  function use(read: Read, token: IssuedToken | undefined, at: number, isTurnedAway = false): void {
    useToken(account, token?.value, at + read.needsMs);
    uses.push({ read, token, at, isTurnedAway });
  }

  async function read(one: Read): Promise<void> {
    if (strategy.kind === 'fetch-at-start') {
      if (!one.isFirst) return;
      account.nowMs = one.at;
      const minted = await succeeds(requestToken(account, call, { now: systemNow, lifetimesMs }));
      use({ ...one, needsMs: one.durationMs }, tokenOf(account, minted?.value), account.nowMs);
      return;
    }
    const found = storedAt(one.at);
    const isEnough = (found?.expiresMs ?? 0) - one.at >= one.wishMs;
    if (strategy.kind !== 'ours' || one.reading !== 'min-ttl' || isEnough) return use(one, found, one.at);
    await invoke({ kind: 'min-remaining', minRemainingMs: Math.ceil(one.wishMs) }, one.at);
    const fresh = storedAt(account.nowMs);
    const leftMs = (fresh?.expiresMs ?? 0) - account.nowMs;
    use(one, fresh, account.nowMs, leftMs > 0 && leftMs < one.wishMs);
  }

  const events = reads.map((one) => ({ at: one.at, run: () => read(one) }));
  const on = (times: Iterable<number>, run: (at: number) => Promise<void>): void => {
    for (const at of times) events.push({ at, run: () => run(at) });
  };
  if (strategy.kind === 'ours') {
    on(world.beats, (at) => invoke({ kind: 'beat' }, at));
    on(world.secretChanges, (at) => invoke({ kind: 'secret-changed' }, at));
  } else if (strategy.kind === 'two-thirds') on(world.beats, mintAndStore);
  else if (strategy.kind === 'fixed') {
    const { everyMs } = strategy;
    for (let at = 0; at < world.spanMs; at += everyMs) on([at], mintAndStore);
  }
  for (const { run } of events.sort((one, other) => one.at - other.at)) await run();

  const diesAtMs = (token: IssuedToken | undefined) => (token === undefined ? 0 : diesAt(account, token));
  const builds: BuildEnd[] = [];
  for (const { read, token, at, isTurnedAway } of uses) {
    const { build, reading, needsMs } = read;
    const isLost = diesAtMs(token) < at + needsMs;
    const state = isTurnedAway ? 'turned-away' : isLost ? 'lost' : 'good';
    if ((builds[build]?.state ?? 'good') === 'good') builds[build] = { reading, state };
  }
  return {
    strategy,
    spanMs: world.spanMs,
    builds,
    mints,
    remainingSeconds: metric,
    stored: account.versions.map(({ value, writtenMs }) => ({
      writtenAt: writtenMs,
      diesAt: diesAtMs(tokenOf(account, value)),
    })),
  };
}

/** A build's use of a token. Whether it lived long enough is known only at the end. */
interface Use {
  readonly read: Read;
  readonly token: IssuedToken | undefined;
  readonly at: number;
  readonly isTurnedAway: boolean;
}

async function succeeds<T>(work: Promise<T>): Promise<T | undefined> {
  return await work.catch((error) => {
    if (!isRefreshError(error)) throw error;
    return undefined;
  });
}

/** The times from `fromMs` on in which the stored token has less than `leastMs` left; 0: has expired. */
export function gapsOf({ stored, spanMs }: Outcome, leastMs = 0, fromMs = WARM_UP_MS): readonly Gap[] {
  const gaps: Gap[] = [];
  for (const [index, { writtenAt, diesAt }] of stored.entries()) {
    const to = stored[index + 1]?.writtenAt ?? spanMs;
    const from = Math.max(writtenAt, diesAt - leastMs, fromMs);
    if (from >= to) continue;
    const last = gaps.at(-1);
    if (last?.to === from) gaps[gaps.length - 1] = { from: last.from, to };
    else gaps.push({ from, to });
  }
  return gaps;
}

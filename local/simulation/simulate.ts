import type { RefreshTimes } from '../../lambda/contract.ts';
import { isRefreshError, RefreshError } from '../../lambda/errors.ts';
import { createClock } from '../../lambda/refresh/clock.ts';
import { createMemory, type Invocation, type Observations } from '../../lambda/refresh/invocation.ts';
import type { Build } from './builds.ts';
import {
  type Call,
  type CallName,
  createAccount,
  diesAt,
  type IssuedToken,
  invokeRefresh,
  requestToken,
  tokenOf,
  virtualMinter,
  virtualParameters,
} from './virtual-account.ts';
import { HOUR_MS, MINUTE_MS, type World } from './world.ts';

/** A way to provide builds with a token. Milliseconds. */
export type Strategy = { readonly name: string } & (
  | { /** Each build mints its own token at its start, and keeps it. */ readonly kind: 'fetch-at-start' }
  | { /** A schedule mints and stores. */ readonly kind: 'fixed'; readonly everyMs: number }
  | { /** Each beat mints once 2/3 of the life are over. */ readonly kind: 'two-thirds' }
  | ({ /** This repository. */ readonly kind: 'ours' } & RefreshTimes)
);

/** A time in which Parameter Store held no live token. Milliseconds. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

/**
 * A build's end. `lost`: its token had expired when it was read, or expired while it was used. `turned-away`: not started,
 * because its `--min-ttl` could not be met.
 */
export interface BuildEnd extends Pick<Build, 'reading'> {
  readonly state: 'good' | 'lost' | 'turned-away';
}

/** The results of one strategy in one world. */
export interface Outcome {
  readonly strategy: Strategy;
  readonly spanMs: number;
  readonly builds: readonly BuildEnd[];
  readonly calls: Readonly<Record<CallName, number>>;
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

/** What a job adds to its own estimate. */
const MARGIN_MS = MINUTE_MS;

/** Simulates one strategy in one world, in the order of virtual time. Ours is the deployed `refresh()`. */
export async function simulate(options: {
  readonly world: World;
  readonly builds?: readonly Build[];
  readonly strategy: Strategy;
}): Promise<Outcome> {
  const { world, builds = [], strategy } = options;
  const { lifetimeMs, spanMs } = world;
  const account = createAccount(0, world.server);
  const now = (): Date => new Date(account.nowMs + (world.clockSteps(account.nowMs) ?? 0));
  const newInstance = () => ({ memory: createMemory(), clock: createClock(now, () => account.nowMs) });
  let instance = newInstance();
  let coldStarts = 0;
  const calls = Object.fromEntries(Object.keys(LATENCY_MS).map((name) => [name, 0])) as Record<
    CallName,
    number
  >;
  const remainingSeconds = new Float64Array(Math.ceil(spanMs / MINUTE_MS) + 1).fill(Number.NaN);
  const lifetimesMs = [lifetimeMs];
  const hasProbe = world.server.idleTimeoutMs !== null;

  const call: Call = async (name, { effect, failure }) => {
    calls[name]++;
    if (name === 'mint') {
      const trouble = world.endpoint(account.nowMs);
      const latencyMs = trouble?.latencyMs ?? world.slow(account.nowMs) ?? LATENCY_MS.mint;
      const retryAfterMs = trouble?.retryAfterMs || undefined;
      try {
        if (trouble === undefined) return effect();
        throw new RefreshError(trouble.code, 'The virtual endpoint is in trouble.', { retryAfterMs });
      } finally {
        account.nowMs += latencyMs;
      }
    }
    account.nowMs += LATENCY_MS[name];
    if (name === 'probe' || name === 'read-secret') return effect();
    const trouble = world.parameterStore(account.nowMs);
    if (trouble === 'throttled') return failure();
    const answer = effect();
    return trouble === 'answer-lost' && name.startsWith('write') ? failure() : answer;
  };

  /** One invocation at a time, as with a reserved concurrency of 1. */
  async function invoke(request: Invocation['request'], at: number): Promise<void> {
    if (strategy.kind !== 'ours') return;
    account.nowMs = Math.max(at, account.nowMs);
    const minute = Math.floor(account.nowMs / MINUTE_MS);
    const before = coldStarts;
    while ((world.coldStarts[coldStarts] ?? Number.POSITIVE_INFINITY) <= account.nowMs) coldStarts++;
    if (coldStarts > before) {
      instance = newInstance();
      account.nowMs += 500;
    }
    const observations: Observations = { remainingMs: null, warnings: [] };
    const minter = virtualMinter(account, call, { now: instance.clock.now, lifetimesMs, hasProbe });
    const policy = { ...strategy, source: '0123456789abcdef', encryptionKey: null };
    await succeeds(invokeRefresh(account, call, { ...instance, request, observations, minter, policy }));
    const seconds = Math.floor((observations.remainingMs ?? Number.NaN) / 1_000);
    const known = remainingSeconds[minute] ?? Number.NaN;
    if (!Number.isNaN(seconds))
      remainingSeconds[minute] = Number.isNaN(known) ? seconds : Math.min(known, seconds);
  }

  /** A beat of another strategy. */
  async function mintAndStore(at: number): Promise<void> {
    account.nowMs = at;
    const stored = storedAt(at);
    const isFresh = stored !== undefined && at < stored.issuedMs + (lifetimeMs * 2) / 3;
    if (strategy.kind === 'two-thirds' && isFresh) return;
    const { signal } = new AbortController();
    const request = requestToken(account, call, { now, lifetimesMs });
    const parameters = virtualParameters(account, call);
    await succeeds(request.then(({ value }) => parameters.writeToken({ accessToken: value, signal })));
  }

  const storedAt = (time: number) =>
    tokenOf(account, account.versions.findLast(({ writtenMs }) => writtenMs <= time)?.value);

  /** What builds did with a token. Whether it lived long enough is known only at the end. */
  const uses: { build: number; token: IssuedToken | undefined; until: number; isTurnedAway: boolean }[] = [];

  async function read(build: number, at: number, needsMs: number): Promise<void> {
    const use = (token: IssuedToken | undefined, from: number, isTurnedAway = false): void => {
      uses.push({ build, token, until: from + needsMs, isTurnedAway });
    };
    if (strategy.kind === 'fetch-at-start') {
      account.nowMs = at;
      const minted = await succeeds(requestToken(account, call, { now, lifetimesMs }));
      return use(tokenOf(account, minted?.value), account.nowMs);
    }
    const found = storedAt(at);
    const wishMs = needsMs + Math.min(MARGIN_MS, lifetimeMs / 20);
    const isEnough = builds[build]?.reading === 'once' || (found?.expiresMs ?? 0) - at >= wishMs;
    if (strategy.kind !== 'ours' || isEnough) return use(found, at);
    await invoke({ kind: 'min-remaining', minRemainingMs: Math.ceil(wishMs) }, at);
    const fresh = storedAt(account.nowMs);
    const leftMs = (fresh?.expiresMs ?? 0) - account.nowMs;
    use(fresh, account.nowMs, leftMs > 0 && leftMs < wishMs);
  }

  const events: { readonly at: number; readonly run: () => Promise<void> }[] = [];
  const on = (times: Iterable<number>, run: (at: number) => Promise<void>): void => {
    for (const at of times) events.push({ at, run: () => run(at) });
  };
  for (const [build, { at, durationMs, reading }] of builds.entries()) {
    // With --min-ttl: the time that the build needs; if no token lives that long, several times 3/4 of a lifetime.
    const readsOnce = strategy.kind === 'fetch-at-start' || reading === 'once';
    const stretchMs = readsOnce ? durationMs : Math.min(durationMs, lifetimeMs * 0.75);
    for (let offset = 0; offset < durationMs; offset += stretchMs) {
      on([at + offset], (time) => read(build, time, Math.min(durationMs - offset, stretchMs)));
    }
  }
  if (strategy.kind === 'ours') {
    on(world.beats, (at) => invoke({ kind: 'beat' }, at));
    on(world.secretChanges, (at) => invoke({ kind: 'secret-changed' }, at));
  } else if (strategy.kind === 'two-thirds') on(world.beats, mintAndStore);
  else if (strategy.kind === 'fixed') {
    for (let at = 0; at < spanMs; at += strategy.everyMs) on([at], mintAndStore);
  }
  for (const { run } of events.sort((one, other) => one.at - other.at)) await run();

  const diesAtMs = (token: IssuedToken | undefined) => (token === undefined ? 0 : diesAt(account, token));
  const ends = builds.map(({ reading }): BuildEnd => ({ reading, state: 'good' }));
  for (const { build, token, until, isTurnedAway } of uses) {
    const { reading, state } = ends[build] as BuildEnd;
    const isLost = diesAtMs(token) < until;
    const found = isTurnedAway ? 'turned-away' : isLost ? 'lost' : 'good';
    if (state === 'good') ends[build] = { reading, state: found };
  }
  return {
    strategy,
    spanMs,
    builds: ends,
    calls,
    remainingSeconds,
    stored: account.versions.map(({ value, writtenMs }) => ({
      writtenAt: writtenMs,
      diesAt: diesAtMs(tokenOf(account, value)),
    })),
  };
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

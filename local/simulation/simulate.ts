import type { Read, Reading } from './builds.ts';
import { createRefresher } from './refresher.ts';
import { createRival, type Strategy } from './strategies.ts';
import { createTokenServer, type IssuedToken, type TokenServer } from './token-server.ts';
import { createVirtualParameters } from './virtual-parameters.ts';
import { HOUR_MS, MINUTE_MS, type World } from './world.ts';

/**
 * A build's end. `lost`: its token had expired when it was read, or expired while it was used. `turned-away`: not started,
 * because its `--min-ttl` could not be met.
 */
export interface BuildEnd {
  readonly reading: Reading;
  readonly durationMs: number;
  state: 'good' | 'lost' | 'turned-away';
}

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
  /** Remaining life at each read, milliseconds, ascending; 0 where the token was dead. */
  readonly remainingAtReads: Float64Array;
  readonly gaps: readonly Gap[];
  readonly mints: number;
  /** Calls to Parameter Store and Secrets Manager by the refresher. */
  readonly awsCalls: number;
  /** The metric: remaining life in seconds per minute, NaN where none was sent. Empty for strategies without one. */
  readonly remainingSeconds: Float64Array;
  /** When each stored version was written and when its token died: for pictures and checks. */
  readonly stored: readonly { readonly writtenAt: number; readonly diesAt: number }[];
}

/** Results count from here on: before, the first token is fetched. */
const WARM_UP_MS = HOUR_MS;

/** Simulates one strategy in one world, in the order of virtual time. */
export async function simulate(options: {
  readonly world: World;
  readonly reads: readonly Read[];
  readonly strategy: Strategy;
  /** Called now and then with the progress, 0 to 1. */
  readonly onProgress?: (done: number) => void;
}): Promise<Outcome> {
  const { world, reads, strategy, onProgress } = options;
  const time = { now: 0 };
  const server = createTokenServer(world);
  const parameters = createVirtualParameters({ world, time, tokens: server.issued });
  const setting = { world, time, server, parameters };
  const ours =
    strategy.kind === 'ours'
      ? createRefresher({ ...setting, policy: { ...strategy, source: 'virtual', encryptionKey: null } })
      : undefined;
  const rival =
    strategy.kind === 'fixed' || strategy.kind === 'two-thirds'
      ? createRival({ ...setting, strategy })
      : undefined;
  const metric = new Float64Array(ours ? Math.ceil(world.spanMs / MINUTE_MS) + 1 : 0).fill(Number.NaN);
  const observer = createBuildObserver(server);

  async function invoke(request: Parameters<NonNullable<typeof ours>['invoke']>[0], at: number) {
    if (ours === undefined) throw new Error('Only ours can be invoked.');
    const invocation = await ours.invoke(request, at);
    if (invocation.remainingMs !== null) {
      const minute = Math.floor(invocation.startedAt / MINUTE_MS);
      const seconds = Math.floor(invocation.remainingMs / 1_000);
      const known = metric[minute] ?? Number.NaN;
      metric[minute] = Number.isNaN(known) ? seconds : Math.min(known, seconds);
    }
    return invocation;
  }

  async function read(one: Read): Promise<void> {
    if (strategy.kind === 'fetch-at-start') {
      if (!observer.isFirst(one)) return;
      time.now = one.at;
      observer.use(one, mintForBuild(), time.now, one.durationMs);
      return;
    }
    const found = parameters.versionAt(one.at)?.token;
    const remainingMs = (found?.expiresAt ?? 0) - one.at;
    if (ours === undefined || one.reading !== 'min-ttl' || remainingMs >= one.wishMs) {
      observer.use(one, found, one.at, one.needsMs);
      return;
    }
    const { result, endedAt } = await invoke(
      { kind: 'min-remaining', minRemainingMs: Math.ceil(one.wishMs) },
      one.at,
    );
    const fresh = parameters.versionAt(endedAt)?.token;
    const isEnough = result?.satisfied === true || (fresh?.expiresAt ?? 0) - endedAt >= one.wishMs;
    if (isEnough || fresh === undefined || fresh.expiresAt <= endedAt)
      observer.use(one, fresh, endedAt, one.needsMs);
    else observer.turnAway(one);
  }

  function mintForBuild(): IssuedToken | undefined {
    try {
      return server.mint(time).token;
    } catch {
      return undefined;
    }
  }

  const beats = rival?.beats ?? (ours ? world.beats : new Float64Array());
  let nextRead = 0;
  let nextChange = 0;
  for (let index = 0; index <= beats.length; index++) {
    const beatAt = beats[index] ?? Number.POSITIVE_INFINITY;
    for (;;) {
      const readAt = reads[nextRead]?.at ?? Number.POSITIVE_INFINITY;
      const changeAt = (ours && world.secretChanges[nextChange]) ?? Number.POSITIVE_INFINITY;
      const at = Math.min(readAt, changeAt);
      if (at > beatAt || at === Number.POSITIVE_INFINITY) break;
      if (readAt <= changeAt) await read(reads[nextRead++] as Read);
      else {
        nextChange++;
        await invoke({ kind: 'secret-changed' }, changeAt);
      }
    }
    if (index === beats.length) break;
    if (ours) await invoke({ kind: 'beat' }, beatAt);
    else await rival?.beat(beatAt);
    if (index % 10_000 === 0) onProgress?.(beatAt / world.spanMs);
  }
  onProgress?.(1);

  const stored = parameters.versions.map(({ token, writtenAt }) => ({
    writtenAt,
    diesAt: server.diesAt(token),
  }));
  return {
    strategy,
    spanMs: world.spanMs,
    ...observer.judge(),
    gaps: strategy.kind === 'fetch-at-start' ? [] : gapsOf({ stored, spanMs: world.spanMs }),
    mints: server.mints,
    awsCalls: parameters.calls + (ours?.secretReads() ?? 0) + (rival?.calls ?? 0),
    remainingSeconds: metric,
    stored,
  };
}

/** Records each build's use of tokens. Whether a token lived long enough is known only at the end. */
function createBuildObserver(server: TokenServer) {
  const builds: BuildEnd[] = [];
  const uses: { readonly build: number; readonly token: IssuedToken; readonly until: number }[] = [];
  const remaining: number[] = [];
  const note = ({ build, reading, durationMs }: Read) => {
    builds[build] ??= { reading, durationMs, state: 'good' };
    return builds[build];
  };
  return {
    isFirst: ({ build }: Read) => builds[build] === undefined,
    turnAway: (read: Read) => {
      const build = note(read);
      if (build.state === 'good') build.state = 'turned-away';
    },
    use: (read: Read, token: IssuedToken | undefined, at: number, forMs: number) => {
      const build = note(read);
      if (token === undefined || !server.use(token, at, at + forMs)) {
        build.state = 'lost';
        remaining.push(0);
        return;
      }
      remaining.push(token.expiresAt - at);
      uses.push({ build: read.build, token, until: at + forMs });
    },
    judge: () => {
      for (const { build, token, until } of uses) {
        const used = builds[build];
        if (used && server.diesAt(token) < until) used.state = 'lost';
      }
      return { builds, remainingAtReads: Float64Array.from(remaining).sort() };
    },
  };
}

/** The times, after the first hour, in which the stored token has less than `leastMs` left; 0: has expired. */
export function gapsOf({ stored, spanMs }: Pick<Outcome, 'stored' | 'spanMs'>, leastMs = 0): readonly Gap[] {
  const gaps: Gap[] = [];
  for (const [index, { writtenAt, diesAt }] of stored.entries()) {
    const replacedAt = stored[index + 1]?.writtenAt ?? spanMs;
    const from = Math.max(writtenAt, diesAt - leastMs, WARM_UP_MS);
    if (from >= replacedAt) continue;
    const last = gaps.at(-1);
    if (last !== undefined && last.to === from) gaps[gaps.length - 1] = { from: last.from, to: replacedAt };
    else gaps.push({ from, to: replacedAt });
  }
  return gaps;
}

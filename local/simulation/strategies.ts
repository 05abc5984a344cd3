import { BEAT_MS, type RefreshTimes, refreshAfterMs } from '../../lambda/contract.ts';
import { isRefreshError } from '../../lambda/errors.ts';
import type { TokenServer, VirtualTime } from './token-server.ts';
import { accessTokenOf, type VirtualParameters } from './virtual-parameters.ts';
import { MINUTE_MS, type World } from './world.ts';

/** A way to provide builds with a token. Milliseconds. */
export type Strategy =
  /** Each build mints its own token at its start, and keeps it. */
  | { readonly name: string; readonly kind: 'fetch-at-start' }
  /** A schedule mints and stores at each invocation, with or without Lambda's two retries. */
  | { readonly name: string; readonly kind: 'fixed'; readonly everyMs: number; readonly hasRetries: boolean }
  /** Each beat mints once 2/3 of the life are over. */
  | { readonly name: string; readonly kind: 'two-thirds' }
  | Ours;

/** This repository. */
type Ours = { readonly name: string; readonly kind: 'ours' } & RefreshTimes;

/** Lambda tries an asynchronous event again after 1 minute and after 2 more. */
const LAMBDA_RETRIES_MS = [MINUTE_MS, 3 * MINUTE_MS];

/** The longest job of the comparison: the usual maximum of a CodeBuild or Jenkins job. */
const LONGEST_JOB_MS = 45 * MINUTE_MS;

/**
 * The strategies of the comparison. If the schedule is slower than the token's lifetime, it is made faster, as a person
 * would do. The last strategy is included only if it differs from the one before.
 */
export function strategiesFor(lifetimeMs: number): readonly Strategy[] {
  const everyMs = Math.min(50 * MINUTE_MS, Math.floor(((lifetimeMs / 6) * 5) / MINUTE_MS) * MINUTE_MS);
  const minutes = everyMs / MINUTE_MS;
  const forJobs: Ours = {
    name: `g  ours, longestJob ${LONGEST_JOB_MS / MINUTE_MS}`,
    kind: 'ours',
    refreshIntervalMs: 50 * MINUTE_MS,
    longestJobMs: LONGEST_JOB_MS,
  };
  return [
    { name: 'a  fetch at the start of the build', kind: 'fetch-at-start' },
    { name: `b  every ${minutes} min, one attempt`, kind: 'fixed', everyMs, hasRetries: false },
    { name: `c  every ${minutes} min, Lambda's retries`, kind: 'fixed', everyMs, hasRetries: true },
    { name: 'd  at 2/3 of life, retry each minute', kind: 'two-thirds' },
    { name: 'e  ours', kind: 'ours', refreshIntervalMs: 50 * MINUTE_MS },
    { name: 'f  ours, refreshInterval 30', kind: 'ours', refreshIntervalMs: 30 * MINUTE_MS },
    ...(changesSchedule(lifetimeMs, forJobs) ? [forJobs] : []),
  ];
}

function changesSchedule(lifetimeMs: number, { longestJobMs, refreshIntervalMs }: Ours): boolean {
  const times = { refreshIntervalMs, longestJobMs };
  return refreshAfterMs(lifetimeMs, times) < refreshAfterMs(lifetimeMs, { refreshIntervalMs });
}

/** A strategy that mints and stores on its own schedule, without a planner. */
export interface Rival {
  readonly beats: Float64Array;
  readonly beat: (at: number) => Promise<void>;
  calls: number;
}

/** Makes a rival in the same world. */
export function createRival(options: {
  readonly strategy: Extract<Strategy, { kind: 'fixed' | 'two-thirds' }>;
  readonly world: World;
  readonly time: VirtualTime;
  readonly server: TokenServer;
  readonly parameters: VirtualParameters;
}): Rival {
  const { strategy, world, time, server, parameters } = options;

  async function mintAndStore(rival: Rival, at: number): Promise<boolean> {
    time.now = at;
    rival.calls++;
    try {
      const { token } = server.mint(time);
      await parameters.writeToken({ accessToken: accessTokenOf(token), signal: NEVER });
      return true;
    } catch (error) {
      if (!isRefreshError(error)) throw error;
      return false;
    }
  }

  if (strategy.kind === 'two-thirds') {
    return {
      calls: 0,
      beats: world.beats,
      async beat(at) {
        this.calls++;
        const stored = parameters.versions.at(-1);
        if (stored !== undefined && at < stored.token.issuedAt + (world.lifetimeMs * 2) / 3) return;
        await mintAndStore(this, at);
      },
    };
  }
  const phase = (world.beats[0] ?? 0) % BEAT_MS;
  return {
    calls: 0,
    beats: Float64Array.from(
      { length: Math.ceil((world.spanMs - phase) / strategy.everyMs) },
      (_, index) => phase + index * strategy.everyMs,
    ),
    async beat(at) {
      if (await mintAndStore(this, at)) return;
      if (!strategy.hasRetries) return;
      for (const afterMs of LAMBDA_RETRIES_MS) {
        if (await mintAndStore(this, at + afterMs)) return;
      }
    },
  };
}

const NEVER = new AbortController().signal;

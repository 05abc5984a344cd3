import { isRefreshError } from '../../lambda/errors.ts';
import type { Request } from '../../lambda/event.ts';
import type { Minter } from '../../lambda/mint/minter.ts';
import { type Clock, createClock } from '../../lambda/refresh/clock.ts';
import type { Policy } from '../../lambda/refresh/planner.ts';
import {
  createMemory,
  type Observations,
  type RefreshResult,
  refresh,
} from '../../lambda/refresh/refresh.ts';
import type { TokenServer, VirtualTime } from './token-server.ts';
import { accessTokenOf, type VirtualParameters } from './virtual-parameters.ts';
import type { World } from './world.ts';

const SECRET_LATENCY_MS = 40;
const PROBE_LATENCY_MS = 150;

/** The result of an invocation. */
export interface Invocation {
  /** Undefined where it threw. */
  readonly result: RefreshResult | undefined;
  readonly startedAt: number;
  readonly endedAt: number;
  /** What it would have sent as the metric; null where nothing could be read. */
  readonly remainingMs: number | null;
}

/** The deployed function, in virtual time. */
export interface Refresher {
  readonly invoke: (request: Exclude<Request, { kind: 'diagnose' }>, at: number) => Promise<Invocation>;
  /** How many times the secret was read. */
  readonly secretReads: () => number;
}

/**
 * Runs the real `refresh()` against a virtual token endpoint and Parameter Store. One invocation at a time, as with a
 * reserved concurrency of 1. A cold start loses the memory and the clock's correction.
 */
export function createRefresher(options: {
  readonly world: World;
  readonly time: VirtualTime;
  readonly server: TokenServer;
  readonly parameters: VirtualParameters;
  readonly policy: Policy;
}): Refresher {
  const { world, time, server, parameters, policy } = options;
  const systemNow = (): Date => new Date(time.now + (world.clockSteps.at(time.now)?.value ?? 0));
  let clock: Clock = createClock(systemNow, () => time.now);
  let memory = createMemory();
  let nextColdStart = 0;
  let busyUntil = 0;
  let secretReads = 0;
  const { signal } = new AbortController();

  const minter: Minter = {
    mint: async () => {
      secretReads++;
      time.now += SECRET_LATENCY_MS;
      const issuedAt = clock.now();
      const { token, expiresInMs } = server.mint(time);
      return {
        accessToken: accessTokenOf(token),
        issuedAt,
        expiresAt: new Date(issuedAt.getTime() + expiresInMs),
        grantedScope: undefined,
        secretStage: 'AWSCURRENT',
        warnings: [],
      };
    },
    checkSecret: async () => ({ createdAt: undefined }),
    probe: async (accessToken) => {
      time.now += PROBE_LATENCY_MS;
      const trouble = world.endpoint.at(time.now)?.value.code;
      if (world.server.isApiDownToo && trouble === 'TOKEN_ENDPOINT_UNAVAILABLE') return 'unanswered';
      const token = server.issued.findLast((one) => accessTokenOf(one) === accessToken);
      return token !== undefined && server.use(token, time.now, time.now) ? 'accepted' : 'refused';
    },
  };
  const loadMinter = async (): Promise<Minter> => minter;

  return {
    secretReads: () => secretReads,
    async invoke(request, at) {
      const startedAt = Math.max(at, busyUntil);
      time.now = startedAt;
      if ((world.coldStarts[nextColdStart] ?? Number.POSITIVE_INFINITY) <= startedAt) {
        while ((world.coldStarts[nextColdStart] ?? Number.POSITIVE_INFINITY) <= startedAt) nextColdStart++;
        clock = createClock(systemNow, () => time.now);
        memory = createMemory();
        time.now += 500;
      }
      const observations: Observations = { remainingMs: null, warnings: [] };
      let result: RefreshResult | undefined;
      try {
        result = await refresh({
          request,
          parameters,
          loadMinter,
          hasProbe: world.server.idleTimeoutMs !== null,
          clock,
          policy,
          provider: 'oauth2',
          memory,
          observations,
          signal,
          recordingSignal: () => signal,
        });
      } catch (error) {
        if (!isRefreshError(error)) throw error;
      }
      busyUntil = time.now;
      return { result, startedAt, endedAt: time.now, remainingMs: observations.remainingMs };
    },
  };
}

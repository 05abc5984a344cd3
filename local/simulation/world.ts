import { BEAT_MS } from '../../lambda/contract.ts';
import { BLIPS_A_YEAR, drawBlipMs, drawIncidentMs, INCIDENTS_A_YEAR } from './incident-history.ts';
import { createRandom, type Random } from './random.ts';
import { createWindows, type Window, type Windows } from './windows.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
export const YEAR_MS = 365 * DAY_MS;

/** How a provider treats tokens that it has issued. */
export interface Server {
  readonly kind: 'plain' | 'same-token' | 'single-active';
  /** The inactivity timeout. If null, the refresher has no probe. */
  readonly idleTimeoutMs: number | null;
  /** Whether the API that is probed fails together with the token endpoint. */
  readonly isApiDownToo?: boolean;
}

/** Why an attempt to mint fails, as the refresher sees it. */
export interface EndpointTrouble {
  readonly code: 'TOKEN_ENDPOINT_UNAVAILABLE' | 'TOKEN_ENDPOINT_THROTTLED' | 'TOKEN_REJECTED';
  /** How long an attempt takes to fail. */
  readonly latencyMs: number;
  readonly retryAfterMs?: number;
}

/** Everything that happens in one span of virtual time, for every strategy. Times in milliseconds from 0. */
export interface World {
  readonly spanMs: number;
  readonly lifetimeMs: number;
  readonly server: Server;
  /** Outages, brownouts (minute by minute), throttling, rejections and rotations done in the wrong order. */
  readonly endpoint: Windows<EndpointTrouble>;
  /** Times of unusual latency of the token endpoint. */
  readonly slow: Windows<number>;
  /** Parameter Store refuses every call of the function; or it does the work and the answer is lost. */
  readonly parameterStore: Windows<'throttled' | 'answer-lost'>;
  /** By how much the function's own clock is wrong. */
  readonly clockSteps: Windows<number>;
  /** When the secret's change is announced. */
  readonly secretChanges: readonly number[];
  /** When a new instance of the function starts, without memory. */
  readonly coldStarts: readonly number[];
  readonly beats: Float64Array;
}

interface WorldOptions {
  readonly seed: number;
  readonly spanMs: number;
  readonly lifetimeMs: number;
  readonly server: Server;
  /**
   * The longest time in which no mint is possible. Faults are then kept apart, and no other beat is missed. Undefined: the
   * faults of the history.
   */
  readonly longestTroubleMs?: number;
}

/** The least time between two faults that are kept apart: enough for a late beat to mint. */
const RECOVERY_MS = 5 * BEAT_MS;

/** After this many beats at the latest a permanent error is tried again: nothing announces its end. */
const LONGEST_BACKOFF_MS = 5 * BEAT_MS;

/** Makes the world of one seed. */
export function createWorld(options: WorldOptions): World {
  const { seed, spanMs, lifetimeMs, server, longestTroubleMs = Number.POSITIVE_INFINITY } = options;
  const years = spanMs / YEAR_MS;
  const place = createPlacer({ seed, spanMs, longestTroubleMs });
  const endpoint: Window<EndpointTrouble>[] = [];
  const parameterStore: Window<'throttled' | 'answer-lost'>[] = [];
  const secretChanges: number[] = [];

  const outages = createRandom(seed, 'outages');
  const fails = (): EndpointTrouble => ({
    code: 'TOKEN_ENDPOINT_UNAVAILABLE',
    latencyMs: outages.uniform() < 0.5 ? 10_000 : 200,
  });
  place(INCIDENTS_A_YEAR * years, outages, drawIncidentMs, (window) =>
    endpoint.push({ ...window, value: fails() }),
  );
  place(BLIPS_A_YEAR * years, outages, drawBlipMs, (window) => endpoint.push({ ...window, value: fails() }));
  // A brownout: some minutes work, some do not.
  const brownouts = createRandom(seed, 'brownouts');
  place(
    12 * years,
    brownouts,
    () => brownouts.between(10, 120) * MINUTE_MS,
    ({ from, to }) => {
      const share = brownouts.between(0.3, 0.9);
      for (let minute = from; minute < to; minute += MINUTE_MS) {
        if (brownouts.uniform() < share) {
          endpoint.push({ from: minute, to: Math.min(to, minute + MINUTE_MS), value: fails() });
        }
      }
    },
  );
  const throttling = createRandom(seed, 'throttling');
  place(
    30 * years,
    throttling,
    () => throttling.between(0.2, 20) * MINUTE_MS,
    ({ from, to }) => {
      // The fault lasts until the server's Retry-After is over.
      const retryAfterMs =
        throttling.uniform() < 0.5 ? 0 : Math.min(throttling.between(5, 300) * 1_000, (to - from) / 2);
      endpoint.push({
        from,
        to: to - retryAfterMs,
        value: { code: 'TOKEN_ENDPOINT_THROTTLED', latencyMs: 200, retryAfterMs },
      });
    },
  );
  // The secret is replaced at the provider first, and stored minutes later; or both in the right order.
  const rotations = createRandom(seed, 'rotations');
  const rejected: EndpointTrouble = { code: 'TOKEN_REJECTED', latencyMs: 200 };
  place(
    4 * years,
    rotations,
    () => 8 * MINUTE_MS * Math.exp(rotations.normal()),
    (window) => {
      endpoint.push({ ...window, value: rejected });
      secretChanges.push(window.to + 2_000);
    },
  );
  place(
    8 * years,
    rotations,
    () => 1_000,
    ({ to }) => secretChanges.push(to),
  );
  // The client is disabled and enabled again, without an event.
  place(
    2 * years,
    rotations,
    () => 10 * MINUTE_MS * Math.exp(rotations.normal()),
    ({ from, to }) => {
      const end = Number.isFinite(longestTroubleMs)
        ? Math.min(to, from + longestTroubleMs - LONGEST_BACKOFF_MS)
        : to;
      if (end > from) endpoint.push({ from, to: end, value: rejected });
    },
  );
  const store = createRandom(seed, 'parameter-store');
  place(
    24 * years,
    store,
    () => store.between(5, 240) * 1_000,
    (window) => parameterStore.push({ ...window, value: 'throttled' }),
  );
  place(
    24 * years,
    store,
    () => MINUTE_MS,
    (window) => parameterStore.push({ ...window, value: 'answer-lost' }),
  );

  const missing: Window[] = [];
  const beatTroubles = createRandom(seed, 'missed-beats');
  const missable = Math.floor(longestTroubleMs / BEAT_MS);
  if (missable >= 1) {
    place(
      100 * years,
      beatTroubles,
      () => Math.min(missable, Math.ceil(beatTroubles.exponential(1))) * BEAT_MS,
      (window) => missing.push({ ...window, value: undefined }),
    );
  }
  return {
    spanMs,
    lifetimeMs,
    server,
    endpoint: createWindows(endpoint),
    slow: createWindows(
      scatter(createRandom(seed, 'slow'), 40 * years, spanMs, 30 * MINUTE_MS, (random) =>
        random.between(2_000, 9_000),
      ),
    ),
    parameterStore: createWindows(parameterStore),
    clockSteps: createWindows(
      scatter(createRandom(seed, 'clock'), 60 * years, spanMs, 2 * HOUR_MS, (random) =>
        random.between(-300_000, 300_000),
      ),
    ),
    secretChanges: secretChanges.sort((one, other) => one - other),
    // An instance lives a few hours.
    coldStarts: scatter(createRandom(seed, 'cold'), 3_000 * years, spanMs, 1, () => undefined)
      .map(({ from }) => from)
      .sort((one, other) => one - other),
    beats: drawBeats(createRandom(seed, 'beats'), spanMs, createWindows(missing), {
      // If faults are limited, a beat that is later than H allows would be a fault too.
      mostLateMs: Number.isFinite(longestTroubleMs) ? USUAL_DELAY_MS : MOST_DELAY_MS,
    }),
  };
}

/** Spreads faults over the span: at random or, if their length is limited, kept apart. */
function createPlacer({
  seed,
  spanMs,
  longestTroubleMs,
}: {
  seed: number;
  spanMs: number;
  longestTroubleMs: number;
}) {
  const isLimited = Number.isFinite(longestTroubleMs);
  const taken: Window[] = [];
  const starts = createRandom(seed, 'starts');
  return (
    count: number,
    random: Random,
    drawLength: (random: Random) => number,
    add: (window: { readonly from: number; readonly to: number }) => void,
  ): void => {
    for (let placed = 0; placed < Math.round(count); placed++) {
      const length = Math.min(drawLength(random), longestTroubleMs);
      for (let tries = 0; tries < 50; tries++) {
        const from = starts.uniform() * (spanMs - length);
        const to = from + length;
        const isFree = taken.every((other) => to + RECOVERY_MS < other.from || from > other.to + RECOVERY_MS);
        if (isLimited && !isFree) continue;
        if (isLimited) taken.push({ from, to, value: undefined });
        add({ from, to });
        break;
      }
    }
  };
}

function scatter<T>(
  random: Random,
  count: number,
  spanMs: number,
  lengthMs: number,
  value: (random: Random) => T,
): Window<T>[] {
  return Array.from({ length: Math.round(count) }, () => {
    const from = random.uniform() * spanMs;
    return { from, to: from + lengthMs, value: value(random) };
  });
}

/** How late a beat is now and then, and how late EventBridge Scheduler may be. */
const USUAL_DELAY_MS = 15_000;
const MOST_DELAY_MS = 59_000;

/** One beat a minute; some are late, missed or doubled. */
function drawBeats(
  random: Random,
  spanMs: number,
  missing: Windows,
  { mostLateMs }: { readonly mostLateMs: number },
): Float64Array {
  const beats: number[] = [];
  const phase = random.uniform() * BEAT_MS;
  for (let time = phase; time < spanMs; time += BEAT_MS) {
    if (missing.at(time) !== undefined) continue;
    const late = random.uniform() < 0.02 ? random.between(0, mostLateMs) : random.between(0, 300);
    beats.push(time + late);
    if (random.uniform() < 0.000_5) beats.push(time + late + random.between(10, 5_000));
  }
  return Float64Array.from(beats).sort();
}

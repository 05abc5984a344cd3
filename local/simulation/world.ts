import { BEAT_MS } from '../../lambda/contract.ts';
import { createRandom, type Random } from './random.ts';
import type { Server } from './virtual-account.ts';
import { createWindows, type Window, type Windows } from './windows.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365 * DAY_MS;

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

/** Makes a world with only the given faults: a beat each minute, on time. */
export function createQuietWorld(given: Pick<World, 'lifetimeMs' | 'spanMs'> & Partial<World>): World {
  return {
    server: { kind: 'many live tokens', idleTimeoutMs: null },
    endpoint: createWindows([]),
    slow: createWindows([]),
    parameterStore: createWindows([]),
    clockSteps: createWindows([]),
    secretChanges: [],
    coldStarts: [],
    beats: Float64Array.from({ length: Math.ceil(given.spanMs / BEAT_MS) }, (_, index) => index * BEAT_MS),
    ...given,
  };
}

/**
 * Lengths, in minutes, of incidents that identity providers published with start and end: Auth0's post-mortems
 * (status.auth0.com and auth0.statuspage.io, incidents mdvjz43ydzb9, 4386qbgrzr8d with two, 8f8bwksy4rwq with two,
 * rb4z1181bd4z, w9w498gx65zg, j6p14hm4yfzh, tf6886gf5htv, b6jwvpxb300t), apicontext.com's measurement of Auth0's
 * outage of 2022-06-21, and RSA SecurID's yht0rxcc2vrp. Genesys and NICE publish no such list that we could read.
 */
const PUBLISHED_INCIDENT_MINUTES = [76, 50, 38, 14, 30, 95, 41, 26, 307, 255, 52, 30];

/** The log-normal distribution that fits them. */
const LOGS = PUBLISHED_INCIDENT_MINUTES.map(Math.log);
const LOG_MEAN = LOGS.reduce((sum, log) => sum + log, 0) / LOGS.length;
const LOG_DEVIATION = Math.sqrt(
  LOGS.reduce((sum, log) => sum + (log - LOG_MEAN) ** 2, 0) / (LOGS.length - 1),
);

const incidentMs = (random: Random): number =>
  Math.min(Math.exp(LOG_MEAN) * Math.exp(LOG_DEVIATION * random.normal()), 12 * 60) * MINUTE_MS;

/** Short outages are not published: we assume their length, a few seconds to a few minutes. */
const blipMs = (random: Random): number => Math.max(2, 45 * Math.exp(1.1 * random.normal())) * 1_000;

/** A kind of fault in which no mint is possible, or its token is not stored. */
interface Fault {
  readonly aYear: number;
  readonly lengthMs: (random: Random) => number;
  readonly endpoint?: (random: Random, lengthMs: number) => EndpointTrouble;
  readonly parameterStore?: 'throttled' | 'answer-lost';
  readonly missesBeats?: boolean;
  /** Its end is announced by a change of the secret. */
  readonly changesSecret?: boolean;
}

const unavailable = (random: Random): EndpointTrouble => ({
  code: 'TOKEN_ENDPOINT_UNAVAILABLE',
  latencyMs: random.uniform() < 0.5 ? 10_000 : 200,
});
const rejected = (): EndpointTrouble => ({ code: 'TOKEN_REJECTED', latencyMs: 200 });
const throttled = (random: Random, lengthMs: number): EndpointTrouble => ({
  code: 'TOKEN_ENDPOINT_THROTTLED',
  latencyMs: 200,
  retryAfterMs: random.uniform() < 0.5 ? 0 : Math.min(random.between(5, 300) * 1_000, lengthMs / 2),
});
const minutesAround = (minutes: number) => (random: Random) =>
  minutes * MINUTE_MS * Math.exp(random.normal());

const FAULTS: readonly Fault[] = [
  // As many incidents and blips as one token endpoint in one region has at most: our assumption.
  { aYear: 8, lengthMs: incidentMs, endpoint: unavailable },
  { aYear: 120, lengthMs: blipMs, endpoint: unavailable },
  { aYear: 30, lengthMs: (random) => random.between(0.2, 20) * MINUTE_MS, endpoint: throttled },
  // The secret is replaced at the provider first, and stored minutes later; or both in the right order.
  { aYear: 4, lengthMs: minutesAround(8), endpoint: rejected, changesSecret: true },
  { aYear: 8, lengthMs: () => 1_000, changesSecret: true },
  // The client is disabled and enabled again, without an event.
  { aYear: 2, lengthMs: minutesAround(10), endpoint: rejected },
  { aYear: 24, lengthMs: (random) => random.between(5, 240) * 1_000, parameterStore: 'throttled' },
  { aYear: 24, lengthMs: () => MINUTE_MS, parameterStore: 'answer-lost' },
  { aYear: 100, lengthMs: (random) => Math.ceil(random.exponential(1)) * BEAT_MS, missesBeats: true },
];

/** Makes the world of one seed. */
export function createWorld(options: {
  readonly seed: number;
  readonly spanMs: number;
  readonly lifetimeMs: number;
  readonly server: Server;
}): World {
  const { seed, spanMs, lifetimeMs, server } = options;
  const years = spanMs / YEAR_MS;
  const endpoint: Window<EndpointTrouble>[] = [];
  const parameterStore: Window<'throttled' | 'answer-lost'>[] = [];
  const missing: Window[] = [];
  const secretChanges: number[] = [];
  for (const [index, fault] of FAULTS.entries()) {
    const random = createRandom(seed, `fault ${index}`);
    for (let placed = 0; placed < Math.round(fault.aYear * years); placed++) {
      const lengthMs = fault.lengthMs(random);
      const from = random.uniform() * (spanMs - lengthMs);
      const to = from + lengthMs;
      const trouble = fault.endpoint?.(random, lengthMs);
      // The fault lasts until the server's Retry-After is over.
      if (trouble) endpoint.push({ from, to: to - (trouble.retryAfterMs ?? 0), value: trouble });
      if (fault.parameterStore) parameterStore.push({ from, to, value: fault.parameterStore });
      if (fault.missesBeats) missing.push({ from, to, value: true });
      if (fault.changesSecret) secretChanges.push(to + 2_000);
    }
  }
  const scattered = createRandom(seed, 'scattered');
  const scatter = <T>(aYear: number, lengthMs: number, value: () => T): Window<T>[] =>
    Array.from({ length: Math.round(aYear * years) }, () => {
      const from = scattered.uniform() * spanMs;
      return { from, to: from + lengthMs, value: value() };
    });
  const beats = createRandom(seed, 'beats');
  return {
    spanMs,
    lifetimeMs,
    server,
    endpoint: createWindows(endpoint),
    parameterStore: createWindows(parameterStore),
    slow: createWindows(scatter(40, 30 * MINUTE_MS, () => scattered.between(2_000, 9_000))),
    clockSteps: createWindows(scatter(60, 2 * HOUR_MS, () => scattered.between(-300_000, 300_000))),
    secretChanges: secretChanges.sort((one, other) => one - other),
    // An instance lives a few hours.
    coldStarts: scatter(3_000, 1, () => undefined)
      .map(({ from }) => from)
      .sort((one, other) => one - other),
    beats: drawBeats(beats, spanMs, createWindows(missing)),
  };
}

/** One beat a minute; some are late, missed or doubled. */
function drawBeats(random: Random, spanMs: number, missing: Windows): Float64Array {
  const beats: number[] = [];
  for (let time = random.uniform() * BEAT_MS; time < spanMs; time += BEAT_MS) {
    if (missing(time)) continue;
    const lateMs = random.uniform() < 0.02 ? random.between(0, 59_000) : random.between(0, 300);
    beats.push(time + lateMs);
    if (random.uniform() < 0.000_5) beats.push(time + lateMs + random.between(10, 5_000));
  }
  return Float64Array.from(beats).sort();
}

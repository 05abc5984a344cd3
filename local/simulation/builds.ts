import { createRandom } from './random.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './world.ts';

/**
 * How a build reads the token: once at its start; again before each use, every few minutes; or with `--min-ttl` for the
 * time that it needs, several times if it needs more than a token's life.
 */
export type Reading = 'once' | 'again' | 'min-ttl';

export const READINGS: readonly Reading[] = ['once', 'again', 'min-ttl'];

/** One read by a build. Milliseconds. */
export interface Read {
  readonly build: number;
  readonly reading: Reading;
  readonly at: number;
  /** How long the token is used from here on. */
  readonly needsMs: number;
  /** The value of `--min-ttl`: that time, and a margin. */
  readonly wishMs: number;
  /** How long the whole build runs. */
  readonly durationMs: number;
}

/** What a build that reads again needs a token for each time, and how often it reads. */
const USE_MS = 30_000;
const BETWEEN_USES_MS = 4 * MINUTE_MS;

/** What a job adds to its own estimate. */
const MARGIN_MS = MINUTE_MS;

const LONGEST_BUILD_MS = 120 * MINUTE_MS;

/**
 * Draws the reads of a span's builds, in order. By day, 8 to 20 h, five times as many as at night; 1 to 120 minutes
 * long, in three ways of reading. `longestJobMs`: only jobs of that length at most, which read once.
 */
export function drawReads(options: {
  readonly seed: number;
  readonly spanMs: number;
  readonly lifetimeMs: number;
  readonly buildsADay: number;
  readonly longestJobMs?: number | undefined;
}): { readonly builds: number; readonly reads: readonly Read[] } {
  const { seed, spanMs, lifetimeMs, buildsADay, longestJobMs } = options;
  const longestMinutes = (longestJobMs ?? LONGEST_BUILD_MS) / MINUTE_MS;
  const random = createRandom(seed, 'builds');
  const reads: Read[] = [];
  let build = 0;
  // Drawn at the day's rate, thinned by night.
  const meanGapMs = (12 * HOUR_MS * 1.2) / buildsADay;
  let at = 0;
  for (;;) {
    at += random.exponential(meanGapMs);
    if (at >= spanMs - LONGEST_BUILD_MS - HOUR_MS) break;
    const hour = (at % DAY_MS) / HOUR_MS;
    if ((hour < 8 || hour >= 20) && random.uniform() >= 0.2) continue;
    // No builds in the first hour, that of the first deployment.
    if (at < HOUR_MS) continue;
    const durationMs = MINUTE_MS * longestMinutes ** random.uniform();
    const drawn = READINGS[Math.floor(random.uniform() * 3)] ?? 'once';
    const reading = longestJobMs === undefined ? drawn : 'once';
    const steps = stepsOf(reading, durationMs, lifetimeMs);
    const marginMs = Math.min(MARGIN_MS, lifetimeMs / 20);
    for (const { offset, needsMs } of steps) {
      reads.push({ build, reading, at: at + offset, needsMs, wishMs: needsMs + marginMs, durationMs });
    }
    build++;
  }
  return { builds: build, reads: reads.sort((one, other) => one.at - other.at) };
}

function stepsOf(
  reading: Reading,
  durationMs: number,
  lifetimeMs: number,
): { offset: number; needsMs: number }[] {
  if (reading === 'once') return [{ offset: 0, needsMs: durationMs }];
  // With --min-ttl: the time that the build needs; if no token lives that long, several times 3/4 of a lifetime.
  const stretchMs = reading === 'again' ? BETWEEN_USES_MS : Math.min(durationMs, lifetimeMs * 0.75);
  const steps: { offset: number; needsMs: number }[] = [];
  for (let offset = 0; offset < durationMs; offset += stretchMs) {
    const restMs = durationMs - offset;
    steps.push({ offset, needsMs: Math.min(restMs, reading === 'again' ? USE_MS : stretchMs) });
  }
  return steps;
}

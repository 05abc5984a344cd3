import { createRandom } from './random.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './world.ts';

/**
 * How a build reads the token: once at its start; again before each use, every few minutes; or with `--min-ttl` for the
 * time that it needs, several times if it needs more than a token's life.
 */
export type Reading = 'once' | 'again' | 'min-ttl';

export const READINGS: readonly Reading[] = ['once', 'again', 'min-ttl'];

/**
 * A build's end. `lost`: its token had expired when it was read, or expired while it was used. `turned-away`: not started,
 * because its `--min-ttl` could not be met.
 */
export interface BuildEnd {
  readonly reading: Reading;
  readonly state: 'good' | 'lost' | 'turned-away';
}

/** One read by a build. Milliseconds. */
export interface Read {
  readonly build: number;
  readonly isFirst: boolean;
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
 * Draws the reads of a span's builds, in three ways of reading. By day, 8 to 20 h, five times as many as at night; 1 to 120
 * minutes long.
 */
export function drawReads(options: {
  readonly seed: number;
  readonly spanMs: number;
  readonly lifetimeMs: number;
  readonly buildsADay: number;
}): readonly Read[] {
  const { seed, spanMs, lifetimeMs, buildsADay } = options;
  const random = createRandom(seed, 'builds');
  const reads: Read[] = [];
  // Drawn at the day's rate, thinned by night.
  const meanGapMs = (12 * HOUR_MS * 1.2) / buildsADay;
  let build = 0;
  // No builds in the first hour, that of the first deployment.
  for (let start = HOUR_MS; ; ) {
    start += random.exponential(meanGapMs);
    if (start >= spanMs - LONGEST_BUILD_MS - HOUR_MS) return reads;
    const hour = (start % DAY_MS) / HOUR_MS;
    if ((hour < 8 || hour >= 20) && random.uniform() >= 0.2) continue;
    const durationMs = MINUTE_MS * (LONGEST_BUILD_MS / MINUTE_MS) ** random.uniform();
    const reading = READINGS[Math.floor(random.uniform() * 3)] ?? 'once';
    // With --min-ttl: the time that the build needs; if no token lives that long, several times 3/4 of a lifetime.
    const stretchMs =
      reading === 'again'
        ? BETWEEN_USES_MS
        : Math.min(durationMs, reading === 'once' ? durationMs : lifetimeMs * 0.75);
    for (let offset = 0; offset < durationMs; offset += stretchMs) {
      const needsMs = Math.min(durationMs - offset, reading === 'again' ? USE_MS : stretchMs);
      const wishMs = needsMs + Math.min(MARGIN_MS, lifetimeMs / 20);
      reads.push({ build, isFirst: offset === 0, reading, at: start + offset, needsMs, wishMs, durationMs });
    }
    build++;
  }
}

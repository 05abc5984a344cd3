import { createRandom } from './random.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './world.ts';

/** How a build reads the token: once at its start, or with `--min-ttl` for the time that it needs. */
export type Reading = 'once' | 'min-ttl';

/** Milliseconds. */
export interface Build {
  readonly reading: Reading;
  readonly at: number;
  readonly durationMs: number;
}

const LONGEST_MS = 120 * MINUTE_MS;

/** Draws a span's builds. By day, 8 to 20 h, five times as many as at night; 1 to 120 minutes long. */
export function drawBuilds(options: {
  readonly seed: number;
  readonly spanMs: number;
  readonly buildsADay: number;
}): readonly Build[] {
  const { seed, spanMs, buildsADay } = options;
  const random = createRandom(seed, 'builds');
  const builds: Build[] = [];
  // Drawn at the day's rate, thinned by night.
  const meanGapMs = (12 * HOUR_MS * 1.2) / buildsADay;
  // No builds in the first hour, that of the first deployment.
  for (let at = HOUR_MS; ; ) {
    at += random.exponential(meanGapMs);
    if (at >= spanMs - LONGEST_MS - HOUR_MS) return builds;
    const hour = (at % DAY_MS) / HOUR_MS;
    if ((hour < 8 || hour >= 20) && random.uniform() >= 0.2) continue;
    const durationMs = MINUTE_MS * (LONGEST_MS / MINUTE_MS) ** random.uniform();
    builds.push({ reading: random.uniform() < 0.5 ? 'once' : 'min-ttl', at, durationMs });
  }
}

import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

export type Random = ReturnType<typeof createRandom>;

/** Starts a stream of draws: the same seed gives the same year. Streams of one seed and different names are independent. */
export function createRandom(seed: number, stream: string) {
  let hash = seed | 0;
  for (const character of stream) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x9e3779b1);
  const generator = xoroshiro128plus(hash);
  const uniform = (): number => uniformFloat64(generator);
  // Streams of neighbouring seeds begin with similar values.
  for (let skipped = 0; skipped < 16; skipped++) uniform();
  return {
    /** Evenly from 0 up to, not including, 1. */
    uniform,
    between: (low: number, high: number) => low + (high - low) * uniform(),
    /** Time to the next event of a Poisson process. */
    exponential: (mean: number) => -mean * Math.log(1 - uniform()),
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}

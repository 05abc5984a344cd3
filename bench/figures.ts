/** A figure, its limit, and its name. */
export interface Claim {
  readonly text: string;
  readonly value: number;
  readonly atMost: number;
}

/** Prints each claim with its limit, and returns how many do not hold. */
export function printClaims(claims: readonly Claim[]): number {
  const broken = claims.filter(({ value, atMost }) => !(value <= atMost));
  for (const { text, value, atMost } of claims) {
    const figure = Number.isInteger(value) ? value.toLocaleString('en-US') : value.toFixed(2);
    const limit = atMost.toLocaleString('en-US', { maximumFractionDigits: 2 });
    console.log(`${value <= atMost ? 'holds ' : 'BROKEN'}  ${text}: ${figure} (at most ${limit})`);
  }
  return broken.length;
}

/** The middle value; of an even number of values the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** The median of the ratios of values that were measured in the same round. */
export function pairedRatio(values: readonly number[], references: readonly number[]): number {
  return median(values.map((value, index) => value / (references[index] ?? Number.NaN)));
}

/** `min / median / max` with one decimal. */
export function spread(values: readonly number[]): string {
  return [Math.min(...values), median(values), Math.max(...values)]
    .map((value) => value.toFixed(1))
    .join(' / ');
}

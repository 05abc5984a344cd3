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

/** `min / median / max`, each with this many decimals. */
export function spread(values: readonly number[], decimals = 1): string {
  return [Math.min(...values), median(values), Math.max(...values)]
    .map((value) => value.toFixed(decimals))
    .join(' / ');
}

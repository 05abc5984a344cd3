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
    console.log(
      `${value <= atMost ? 'holds ' : 'BROKEN'}  ${text}: ${figure} (at most ${atMost.toLocaleString('en-US', { maximumFractionDigits: 2 })})`,
    );
  }
  return broken.length;
}

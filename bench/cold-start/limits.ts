/** What a cold start may cost, with no dependency's source rewritten. Bytes, and ratios of whole processes' times. */
export const LIMITS = {
  idleBeatBytes: 300_000,
  idleBeatOfAnEmptyProcess: 3.5,
  coldMintOfTheNaiveBundle: 1,
};

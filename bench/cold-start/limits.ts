/** What a cold start may cost, with no dependency's source rewritten: ratios of whole processes' times. */
export const LIMITS = {
  idleBeatOfAnEmptyProcess: 3.5,
  coldMintOfTheNaiveBundle: 1,
};

/** The limits of a cold start: ratios of whole processes' times. */
export const LIMITS = {
  idleBeatOfAnEmptyProcess: 3.5,
  coldMintOfTheNaiveBundle: 1,
};

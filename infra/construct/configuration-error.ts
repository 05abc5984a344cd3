/** The configuration is wrong; the message says all of it, for the person who wrote it. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/**
 * Throws if problems were noted, one per line. `source`: the file that the tokens are in, if it is not cdk.json.
 *
 * @throws ConfigurationError
 */
export function throwProblems(problems: readonly string[], source?: string): void {
  if (problems.length === 0) return;
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const what =
    source === undefined ? 'The configuration' : `The configuration, with the tokens of ${source},`;
  throw new ConfigurationError(
    `${what} has ${count}:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
  );
}

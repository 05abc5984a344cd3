/** The configuration is wrong; the message says all of it, for the person who wrote it. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/**
 * Throws if there are problems, one per line. `subject`: the configuration, or the construct, that has them.
 *
 * @throws ConfigurationError
 */
export function throwProblems(problems: readonly string[], subject = 'The configuration'): void {
  if (problems.length === 0) return;
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  throw new ConfigurationError(
    `${subject} has ${count}:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
  );
}

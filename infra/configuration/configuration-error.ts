/** The configuration is wrong; the message says all of it, for the person who wrote it. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

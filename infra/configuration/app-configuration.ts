import * as z from 'zod';
import { throwProblems } from '../construct/configuration-error.ts';
import { didYouMean } from '../rules/messages.ts';
import { check, must, type Problem, text } from '../rules/rule.ts';
import type { TargetEnvironment } from './places.ts';
import { readTokens, type TokenConfiguration } from './tokens-configuration.ts';
import { findTokens } from './tokens-source.ts';

/** A value from the command line is a text. */
const flag = z
  .literal([true, false, 'true', 'false'], must('true or false'))
  .default(false)
  .transform((value) => String(value) === 'true');

/** The settings beside the tokens. Other tools use the context too. */
const SETTINGS = z.looseObject({
  stackName: text(
    'a name of 1 to 128 letters, digits and "-" that begins with a letter',
    /^[A-Za-z][A-Za-z0-9-]{0,127}$/,
  ).default('TokenRefresher'),
  dashboard: flag,
  terminationProtection: flag,
});

/** The app's own keys of the CDK's context. */
export const CONTEXT_KEYS = ['tokens', 'tokensFile', ...Object.keys(SETTINGS.shape)];

/** The app's configuration, checked, with its defaults. */
export interface AppConfiguration extends Readonly<z.output<typeof SETTINGS>> {
  readonly tokens: readonly TokenConfiguration[];
}

/**
 * Reads the app's configuration from the CDK's context, and the tokens from their file where there is one.
 *
 * @param directory where cdk.json and the file are, see {@link findTokens}
 * @throws ConfigurationError with every problem, one per line, each with path, value and limit.
 */
export function readConfiguration(
  context: Readonly<Record<string, unknown>>,
  target: TargetEnvironment,
  directory?: string,
): AppConfiguration {
  const { good, problems } = check(SETTINGS, context);
  const { tokens: found, file, problem } = findTokens(context, directory);
  const read = problem === undefined ? readTokens(found, target) : { tokens: [], problems: [problem] };
  throwProblems(
    [...misspelt(Object.keys(context)), ...problems, ...read.problems].map(
      ({ path, message }) => `${path}: ${message}`,
    ),
    file && `The configuration, with the tokens of ${file},`,
  );
  return { ...(good as z.output<typeof SETTINGS>), tokens: read.tokens };
}

/** Of the keys that are not ours, only one that is similar to one of ours is a problem. */
function misspelt(keys: readonly string[]): Problem[] {
  return keys
    .filter((key) => !CONTEXT_KEYS.includes(key))
    .map((key) => ({ path: key, meant: didYouMean(key, CONTEXT_KEYS) }))
    .filter(({ meant }) => meant !== '')
    .map(({ path, meant }) => ({ path, message: `is not a setting${meant}` }));
}

import { throwProblems } from '../construct/configuration-error.ts';
import { didYouMean, show } from '../rules/messages.ts';
import type { TargetEnvironment } from './places.ts';
import { readTokens, type TokenConfiguration } from './tokens-configuration.ts';
import { findTokens } from './tokens-source.ts';

/** The app's configuration, checked, with its defaults. */
export interface AppConfiguration {
  readonly tokens: readonly TokenConfiguration[];
  readonly stackName: string;
  readonly dashboard: boolean;
  readonly terminationProtection: boolean;
}

/** The app's own keys of the CDK's context. */
export const CONTEXT_KEYS = ['tokens', 'tokensFile', 'stackName', 'dashboard', 'terminationProtection'];

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
  const problems: string[] = [];
  refuseMisspelt(context, problems);
  const stackName = readStackName(context.stackName, problems);
  const flag = (key: string): boolean => readFlag(key, context[key], problems);
  const [dashboard, terminationProtection] = [flag('dashboard'), flag('terminationProtection')];
  const source = findTokens(context, directory, problems);
  const tokens = source === undefined ? [] : readTokens(source.tokens, target, problems);
  const file = source?.file;
  throwProblems(problems, file && `The configuration, with the tokens of ${file},`);
  return { tokens, stackName, dashboard, terminationProtection };
}

/** Other tools use the context too: only a key that is similar to one of ours is reported. */
function refuseMisspelt(context: Readonly<Record<string, unknown>>, problems: string[]): void {
  for (const key of Object.keys(context)) {
    if (CONTEXT_KEYS.includes(key)) continue;
    const meant = didYouMean(key, CONTEXT_KEYS);
    if (meant !== '') problems.push(`${key}: is not a setting${meant}`);
  }
}

/** A value from the command line is a string. */
function readFlag(key: string, value: unknown, problems: string[]): boolean {
  if (value === true || value === 'true') return true;
  if (value !== undefined && value !== false && value !== 'false') {
    problems.push(`${key}: ${show(value)} is not true or false`);
  }
  return false;
}

function readStackName(value: unknown, problems: string[]): string {
  if (value === undefined) return 'TokenRefresher';
  if (typeof value === 'string' && /^[A-Za-z][A-Za-z0-9-]{0,127}$/.test(value)) return value;
  problems.push(
    `stackName: ${show(value)} is not a name of 1 to 128 letters, digits and "-" that begins with a letter`,
  );
  return '';
}

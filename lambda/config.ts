import { type AwsClientSettings, awsClientSettings } from './aws-client.ts';
import type { FunctionEnvironment, ProviderSettings } from './contract.ts';
import { RefreshError } from './errors.ts';

/** {@link FunctionEnvironment}, read and typed. */
export interface Config {
  readonly tokenName: string;
  readonly providerSettings: ProviderSettings;
  readonly secretArn: string;
  readonly tokenParameter: string;
  readonly statusParameter: string;
  readonly refreshIntervalMs: number;
  readonly assumedLifetimeMs: number;
  readonly longestJobMs: number | undefined;
  readonly encryptionKeyArn: string | undefined;
  /** From the variables that Lambda itself sets. */
  readonly awsClient: AwsClientSettings;
}

const PROVIDERS = ['genesys-cloud', 'nice-cxone', 'nice-cxone-access-key', 'oauth2'];

/**
 * Reads the function's environment.
 *
 * @throws RefreshError `CONFIG_INVALID`, naming every variable that is wrong.
 */
export function parseConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const text = (name: keyof FunctionEnvironment): string => {
    const value = environment[name];
    if (value === undefined || value === '') problems.push(`${name} is not set`);
    return value ?? '';
  };
  const seconds = (name: keyof FunctionEnvironment): number => {
    const value = Number(text(name));
    if (environment[name] && !(Number.isInteger(value) && value > 0)) {
      problems.push(`${name} is "${environment[name]}", not a whole number of seconds above 0`);
    }
    return value;
  };
  const config: Config = {
    tokenName: text('TOKEN_NAME'),
    providerSettings: parseProviderSettings(text('PROVIDER_SETTINGS'), problems),
    secretArn: text('SECRET_ARN'),
    tokenParameter: text('TOKEN_PARAMETER'),
    statusParameter: text('STATUS_PARAMETER'),
    refreshIntervalMs: seconds('REFRESH_INTERVAL_SECONDS') * 1000,
    assumedLifetimeMs: seconds('ASSUMED_LIFETIME_SECONDS') * 1000,
    longestJobMs: environment.LONGEST_JOB_SECONDS ? seconds('LONGEST_JOB_SECONDS') * 1000 : undefined,
    encryptionKeyArn: environment.ENCRYPTION_KEY_ARN || undefined,
    awsClient: awsClientSettings(environment),
  };
  if (problems.length > 0) {
    throw new RefreshError(
      'CONFIG_INVALID',
      `The function's environment is wrong: ${problems.join('; ')}. Deploy the stack again; do not edit the function by hand.`,
    );
  }
  return config;
}

function parseProviderSettings(json: string, problems: string[]): ProviderSettings {
  let settings: { provider?: unknown } | null = null;
  try {
    settings = JSON.parse(json || 'null');
  } catch {
    problems.push('PROVIDER_SETTINGS is not JSON');
  }
  if (settings !== null && !PROVIDERS.includes(String(settings.provider))) {
    problems.push(
      `PROVIDER_SETTINGS names the provider "${settings.provider}", not one of ${PROVIDERS.join(', ')}`,
    );
  }
  return settings as ProviderSettings;
}

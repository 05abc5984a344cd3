import { type AwsClientSettings, awsClientSettings } from './aws-client.ts';
import {
  describeProvider,
  ENDPOINT_URL_RULE,
  type FunctionEnvironment,
  isEndpointUrl,
  type ProviderSettings,
} from './contract.ts';
import { RefreshError } from './errors.ts';
import type { Policy } from './refresh/planner.ts';
import { sourceOf } from './source.ts';

/** {@link FunctionEnvironment}, read and typed. */
export interface Config {
  readonly tokenName: string;
  readonly providerSettings: ProviderSettings;
  /** Its complete ARN, or its name. */
  readonly secretArn: string;
  /** The configured source of tokens: see {@link sourceOf}. */
  readonly source: string;
  readonly tokenParameter: string;
  readonly statusParameter: string;
  readonly refreshIntervalMs: number;
  readonly assumedLifetimeMs: number;
  readonly longestJobMs: number | undefined;
  readonly encryptionKeyArn: string | undefined;
  /** Tags of the two parameters, by key. */
  readonly parameterTags: Readonly<Record<string, string>> | undefined;
  /** From the variables that Lambda itself sets. */
  readonly awsClient: AwsClientSettings;
  /** The proxy for requests to the provider, if `HTTPS_PROXY` is set. Calls to AWS do not use it. */
  readonly proxy: ProxySettings | undefined;
}

/** A proxy for https connections. */
export interface ProxySettings {
  /** `http://proxy.example.internal:3128` */
  readonly httpsProxy: string;
  /** Hosts that are reached without the proxy: names, domains or `*`, separated by commas. */
  readonly noProxy: string;
}

/**
 * Reads the function's environment, which synth has checked and the stack has written.
 *
 * @throws RefreshError `CONFIG_INVALID`, naming every variable that is missing or cannot be used.
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
      problems.push(`${name} is "${environment[name]}"; it must be a whole number of seconds above 0`);
    }
    return value;
  };
  const providerSettings = parseProviderSettings(text('PROVIDER_SETTINGS'), problems);
  const config = {
    tokenName: text('TOKEN_NAME'),
    secretArn: text('SECRET_ARN'),
    tokenParameter: text('TOKEN_PARAMETER'),
    statusParameter: text('STATUS_PARAMETER'),
    refreshIntervalMs: seconds('REFRESH_INTERVAL_SECONDS') * 1000,
    assumedLifetimeMs: seconds('ASSUMED_LIFETIME_SECONDS') * 1000,
    longestJobMs: environment.LONGEST_JOB_SECONDS ? seconds('LONGEST_JOB_SECONDS') * 1000 : undefined,
    encryptionKeyArn: environment.ENCRYPTION_KEY_ARN || undefined,
    parameterTags: parseTags(environment.PARAMETER_TAGS, problems),
    awsClient: awsClientSettings(environment),
    proxy: readProxy(environment, problems),
  };
  if (problems.length > 0 || providerSettings === undefined) {
    throw new RefreshError(
      'CONFIG_INVALID',
      `The function's environment variables are wrong: ${problems.join('; ')}. Deploy the stack again; do not edit the function by hand.`,
    );
  }
  return { ...config, providerSettings, source: sourceOf(providerSettings, config.secretArn) };
}

/** Reads a provider's settings. The problem must not repeat a URL: it may contain a password. */
export function parseProviderSettings(json: string, problems: string[]): ProviderSettings | undefined {
  if (json === '') return undefined;
  try {
    const settings: ProviderSettings = JSON.parse(json);
    const { source, probeUrl = [] } = describeProvider(settings);
    if ([Object.values(source.endpoint), probeUrl].flat().every(isEndpointUrl)) return settings;
    problems.push(`PROVIDER_SETTINGS has a URL that is not ${ENDPOINT_URL_RULE}`);
  } catch {
    problems.push('PROVIDER_SETTINGS is not JSON with the settings of a provider');
  }
  return undefined;
}

function parseTags(json: string | undefined, problems: string[]): Record<string, string> | undefined {
  if (!json) return undefined;
  try {
    return JSON.parse(json);
  } catch {
    problems.push('PARAMETER_TAGS is not JSON');
    return undefined;
  }
}

/** Reads the proxy that Lambda's environment names. */
export function readProxy(
  environment: Readonly<Record<string, string | undefined>>,
  problems: string[],
): ProxySettings | undefined {
  const httpsProxy = environment.HTTPS_PROXY || environment.https_proxy;
  if (httpsProxy === undefined) return undefined;
  // The message must not repeat the value: it may contain a password.
  if (!/^https?:\/\//.test(httpsProxy) || !URL.canParse(httpsProxy)) {
    problems.push('HTTPS_PROXY is not an http or https URL');
  }
  return { httpsProxy, noProxy: environment.NO_PROXY || environment.no_proxy || '' };
}

/** The planner's policy. */
export function policyOf(config: Config): Policy {
  const { refreshIntervalMs, longestJobMs, source, encryptionKeyArn } = config;
  return { refreshIntervalMs, longestJobMs, source, encryptionKey: encryptionKeyArn ?? null };
}

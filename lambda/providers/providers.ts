import { genesysCloud } from './genesys-cloud.ts';
import { niceCxone } from './nice-cxone.ts';
import { niceCxoneAccessKey } from './nice-cxone-access-key.ts';
import { oauth2 } from './oauth2.ts';
import type { Provider, ProviderDefinition } from './provider.ts';
import type { SettingsReader } from './settings-reader.ts';

/**
 * Every provider, by its name in the configuration. Everything that differs between providers comes from its row:
 * settings and their checks, default lifetime, keys of the secret, requests, documentation. CONTRIBUTING.md says how to
 * add one.
 */
export const PROVIDERS = {
  'genesys-cloud': genesysCloud,
  'nice-cxone': niceCxone,
  'nice-cxone-access-key': niceCxoneAccessKey,
  oauth2,
};

export type ProviderName = keyof typeof PROVIDERS;

export const PROVIDER_NAMES = Object.keys(PROVIDERS) as ProviderName[];

/** The provider of one token and its settings, as in the configuration. */
export type ProviderSettings = {
  [N in ProviderName]: { readonly provider: N } & Parameters<(typeof PROVIDERS)[N]['describe']>[0];
}[ProviderName];

/** Reads the provider and its settings. Returns undefined, and reports problems, if they are wrong. */
export function readProviderSettings(reader: SettingsReader): ProviderSettings | undefined {
  if (!reader.has('provider')) {
    reader.problem('provider', `is missing; set it to one of ${PROVIDER_NAMES.join(', ')}`);
  }
  const provider = reader.oneOf('provider', PROVIDER_NAMES);
  if (provider === undefined) return undefined;
  const settings = PROVIDERS[provider].readSettings(reader);
  return settings === undefined ? undefined : ({ provider, ...settings } as ProviderSettings);
}

/** Describes the token of these checked settings. */
export function describeProvider(settings: ProviderSettings): Provider {
  // The compiler cannot know that the row of this name takes these settings.
  const definition = PROVIDERS[settings.provider] as ProviderDefinition<ProviderSettings>;
  return definition.describe(settings);
}

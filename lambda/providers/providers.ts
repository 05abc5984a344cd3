import { genesysCloud } from './genesys-cloud.ts';
import { niceCxone } from './nice-cxone.ts';
import { niceCxoneAccessKey } from './nice-cxone-access-key.ts';
import { oauth2 } from './oauth2.ts';
import type { DescribeProvider, Provider } from './provider.ts';

/** Every provider, by its name in the configuration. CONTRIBUTING.md says how to add one. */
export const PROVIDERS = {
  'genesys-cloud': genesysCloud,
  'nice-cxone': niceCxone,
  'nice-cxone-access-key': niceCxoneAccessKey,
  oauth2,
};

export type ProviderName = keyof typeof PROVIDERS;

/** The provider of one token and its settings, as in the configuration. */
export type ProviderSettings = {
  [N in ProviderName]: { readonly provider: N } & Parameters<(typeof PROVIDERS)[N]>[0];
}[ProviderName];

/** Describes the token of these settings. */
export function describeProvider(settings: ProviderSettings): Provider {
  // The compiler cannot know that the row of this name takes these settings.
  const describe = PROVIDERS[settings.provider] as DescribeProvider<ProviderSettings>;
  return describe(settings);
}

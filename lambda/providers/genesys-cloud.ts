import { isDomain } from './endpoint-url.ts';
import { GENESYS_DOMAINS } from './genesys-regions.ts';
import type { FormParameter, ProviderDefinition } from './provider.ts';
import { didYouMean, nearest, type SettingsReader, show } from './settings-reader.ts';

export interface GenesysCloudSettings {
  /** The AWS region's name (`eu-central-1`), or the domain of the region (`mypurecloud.de`). */
  readonly region: string;
  /** Whether `region` may be a domain that is not in the list, of a new region for example. @default false */
  readonly allowUnlistedDomain?: boolean;
}

/**
 * Genesys Cloud CX: the client credentials grant at the region's login host. The probe needs no permission, and resets
 * the inactivity timeout that an organization may have set.
 *
 * @see https://developer.genesys.cloud/authorization/platform-auth/use-client-credentials
 */
export const genesysCloud: ProviderDefinition<GenesysCloudSettings, 'client_id' | 'client_secret'> = {
  settings: {
    region: 'an AWS region name (`eu-central-1`), or a domain (`mypurecloud.de`); required',
    allowUnlistedDomain: 'true lets `region` be a domain that is not in the list; default false',
  },
  // The client's "Token Duration": 300 to 172,800 seconds, 86,400 by default.
  defaultLifetimeMinutes: 24 * 60,
  leastLifetimeMinutes: 5,

  readSettings(reader) {
    const allowUnlistedDomain = reader.flag('allowUnlistedDomain');
    const names = Object.keys(GENESYS_DOMAINS);
    const written = reader.raw('region');
    const meant = typeof written === 'string' ? didYouMean(written, names) : '';
    const region = reader.requiredText(
      'region',
      `a region of Genesys Cloud (${names.join(', ')}), or a domain like "mypurecloud.de"${meant}`,
      (value) => Object.hasOwn(GENESYS_DOMAINS, value) || isDomain(value),
    );
    if (region === undefined) return undefined;
    if (!allowUnlistedDomain) refuseUnlistedDomain(reader, region);
    return { region, ...(allowUnlistedDomain === undefined ? {} : { allowUnlistedDomain }) };
  },

  describe({ region }) {
    const domain = GENESYS_DOMAINS[region] ?? region;
    const parameters: FormParameter[] = [['grant_type', 'client_credentials']];
    return {
      secretKeys: ['client_id', 'client_secret'],
      source: { endpoint: { url: `https://login.${domain}/oauth/token` }, parameters },
      tokenRequest: ({ client_id, client_secret }) => ({
        kind: 'form',
        parameters,
        clientId: client_id,
        clientProof: { method: 'client_secret_basic', clientSecret: client_secret },
      }),
      probeUrl: `https://api.${domain}/api/v2/tokens/me`,
      refusalHints: {
        invalid_client:
          'A wrong region gives the same answer: check that the OAuth client belongs to this region, then its id and secret.',
        unauthorized_client:
          'Check in Genesys Cloud (Admin, Integrations, OAuth) that the client is active and its grant type is Client Credentials.',
        access_denied:
          "Check that the client's IP allow-list admits the address that the function calls from.",
      },
    };
  },
};

/** The client secret is sent to `login.{domain}`: a mistyped domain must not receive it. */
function refuseUnlistedDomain(reader: SettingsReader, region: string): void {
  const domains = Object.values(GENESYS_DOMAINS);
  if (Object.hasOwn(GENESYS_DOMAINS, region) || domains.includes(region)) return;
  const parent = domains.find((domain) => region.endsWith(`.${domain}`));
  reader.problem(
    'region',
    `${show(region)} is not a known domain of Genesys Cloud; the nearest is "${parent ?? nearest(region, domains)}". If it is the domain of a new region, set allowUnlistedDomain to true`,
  );
}

import { GENESYS_DOMAINS } from './genesys-regions.ts';
import { type DescribeProvider, type FormParameter, requiredText } from './provider.ts';

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
export const genesysCloud: DescribeProvider<GenesysCloudSettings, 'client_id' | 'client_secret'> = ({
  region,
}) => {
  const domain = GENESYS_DOMAINS[region] ?? requiredText(region);
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
      access_denied: "Check that the client's IP allow-list admits the address that the function calls from.",
    },
    renewalApi: `https://api.${domain}`,
  };
};

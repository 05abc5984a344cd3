import { GENESYS_DOMAINS } from './genesys-regions.ts';
import { type DescribeProvider, type FormParameter, requiredText, type SecretRenewal } from './provider.ts';

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
    renewal: renewalAt(`https://api.${domain}`),
  };
};

/**
 * A new secret is in the answer once, and ends the old one. The admin client needs `oauth:client:edit`, and nothing else;
 * whoever asks for its own roles needs no permission.
 *
 * @see https://developer.genesys.cloud/devapps/api-explorer: POST /api/v2/oauth/clients/{clientId}/secret
 * @see https://developer.genesys.cloud/devapps/api-explorer: GET /api/v2/authorization/subjects/me
 */
function renewalAt(api: string): SecretRenewal {
  return {
    renewalUrl: (clientId) => `${api}/api/v2/oauth/clients/${encodeURIComponent(clientId)}/secret`,
    readNewSecret: ({ secret }) => (typeof secret === 'string' && secret !== '' ? secret : undefined),
    advice: {
      throttled: 'Genesys Cloud limits the rate of requests: Secrets Manager tries again later.',
      401: 'The API does not accept the token that the admin client has just got: check in Genesys Cloud (Admin, Integrations, OAuth) that it is active, and its region.',
      403: 'The admin client lacks the permission oauth:client:edit: give it a role with this permission, and no other.',
      404: 'There is no OAuth client with the id in idle_client_id: correct the secret.',
    },
    rolesUrl: `${api}/api/v2/authorization/subjects/me`,
    readRoles: ({ grants }) =>
      Array.isArray(grants)
        ? grants.map(({ role, division } = {}) => JSON.stringify([role?.id, division?.id])).sort()
        : undefined,
  };
}

import type { GenesysCloudSettings } from '../../contract.ts';
import { parseDomain } from '../endpoint-url.ts';
import type { Provider } from './provider.ts';

/**
 * Describes Genesys Cloud CX: the client credentials grant at the region's login host. The probe resets the
 * inactivity timeout that an organization may have set, and needs no permission.
 *
 * @throws RefreshError `CONFIG_INVALID`
 * @see https://developer.genesys.cloud/authorization/platform-auth/use-client-credentials
 */
export function genesysCloud(settings: GenesysCloudSettings): Provider<'client_id' | 'client_secret'> {
  const domain = parseDomain(settings.domain, 'region');
  return {
    credentialKeys: ['client_id', 'client_secret'],
    tokenEndpoint: { url: `https://login.${domain}/oauth/token` },
    tokenRequest: ({ client_id, client_secret }) => ({
      kind: 'grant',
      grantType: 'client_credentials',
      clientId: client_id,
      clientProof: { method: 'client_secret_basic', clientSecret: client_secret },
      parameters: [],
    }),
    probeUrl: `https://api.${domain}/api/v2/tokens/me`,
    refusalHints: {
      invalid_client:
        'This is also what a wrong region answers: check that the OAuth client belongs to this region, then its id and secret.',
      unauthorized_client:
        'Check in Genesys Cloud (Admin, Integrations, OAuth) that the client is active and its grant type is Client Credentials.',
      access_denied: "Check that the client's IP allow-list admits the address that the function calls from.",
    },
  };
}

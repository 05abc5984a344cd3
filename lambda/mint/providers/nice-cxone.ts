import type { NiceCxoneSettings } from '../../contract.ts';
import { parseEndpointUrl } from '../endpoint-url.ts';
import type { Provider } from './provider.ts';

/**
 * Describes NICE CXone's back-end flow: the password grant (RFC 6749 section 4.3) with an access key in place of a
 * user's name and password, at the token endpoint that discovery gives.
 *
 * @throws RefreshError `CONFIG_INVALID`
 * @see https://developer.niceincontact.com/Documentation/APIAuthenticationAndAuthorization
 */
export function niceCxone(
  settings: NiceCxoneSettings,
): Provider<'client_id' | 'client_secret' | 'access_key_id' | 'access_key_secret'> {
  parseEndpointUrl(settings.issuer, 'issuer');
  return {
    credentialKeys: ['client_id', 'client_secret', 'access_key_id', 'access_key_secret'],
    tokenEndpoint: { issuer: settings.issuer },
    tokenRequest: ({ client_id, client_secret, access_key_id, access_key_secret }) => ({
      kind: 'grant',
      grantType: 'password',
      clientId: client_id,
      clientProof: { method: 'client_secret_basic', clientSecret: client_secret },
      parameters: [
        ['username', access_key_id],
        ['password', access_key_secret],
      ],
    }),
    refusalHints: {
      invalid_client:
        'Check client_id and client_secret of the registered back-end application, and its area.',
      invalid_grant:
        'The access key was refused: check access_key_id and access_key_secret, and in CXone that the key and its employee are active.',
    },
  };
}

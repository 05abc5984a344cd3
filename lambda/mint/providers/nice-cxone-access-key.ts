import type { NiceCxoneAccessKeySettings } from '../../contract.ts';
import { parseDomain } from '../endpoint-url.ts';
import type { Provider } from './provider.ts';

/**
 * Describes NICE CXone's access key flow: the key pair as JSON, no OAuth client.
 *
 * @throws RefreshError `CONFIG_INVALID`
 * @see https://developer.niceincontact.com/API/DataExtractionAPI
 */
export function niceCxoneAccessKey(
  settings: NiceCxoneAccessKeySettings,
): Provider<'access_key_id' | 'access_key_secret'> {
  const domain = parseDomain(settings.domain, 'area');
  const advice =
    'Check access_key_id and access_key_secret, the area, and in CXone that the key and its employee are active.';
  return {
    credentialKeys: ['access_key_id', 'access_key_secret'],
    tokenEndpoint: { url: `https://${domain}/authentication/v1/token/access-key` },
    tokenRequest: ({ access_key_id, access_key_secret }) => ({
      kind: 'json',
      body: { accessKeyId: access_key_id, accessKeySecret: access_key_secret },
    }),
    refusalHints: { invalid_client: advice, invalid_grant: advice, unnamed: advice },
  };
}

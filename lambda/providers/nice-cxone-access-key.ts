import { type DescribeProvider, requiredText } from './provider.ts';

export interface NiceCxoneAccessKeySettings {
  /** The area (`na1`), or its host (`na1.nice-incontact.com`). */
  readonly area: string;
}

/** An area's name, as a pattern: `na1`. */
export const NICE_CXONE_AREA = '[a-z]{2}\\d{1,2}';

/**
 * NICE CXone's access key flow: the key pair as JSON, no OAuth client.
 *
 * @see https://developer.niceincontact.com/API/DataExtractionAPI
 */
export const niceCxoneAccessKey: DescribeProvider<
  NiceCxoneAccessKeySettings,
  'access_key_id' | 'access_key_secret'
> = ({ area }) => {
  const host = new RegExp(`^${NICE_CXONE_AREA}$`).test(area)
    ? `${area}.nice-incontact.com`
    : requiredText(area);
  const advice =
    'Check access_key_id and access_key_secret, the area, and in CXone that the key and its employee are active.';
  return {
    secretKeys: ['access_key_id', 'access_key_secret'],
    source: {
      endpoint: { url: `https://${host}/authentication/v1/token/access-key` },
      parameters: [],
    },
    tokenRequest: ({ access_key_id, access_key_secret }) => ({
      kind: 'json',
      body: { accessKeyId: access_key_id, accessKeySecret: access_key_secret },
    }),
    credentialErrors: ['invalid_grant'],
    refusalHints: { invalid_client: advice, invalid_grant: advice },
  };
};

import type { DescribeProvider, FormParameter } from './provider.ts';

export interface NiceCxoneSettings {
  /** The base URL of discovery. @default 'https://cxone.niceincontact.com' */
  readonly issuer?: string;
}

/** The issuer of CXone's commercial cloud. */
const COMMERCIAL_ISSUER = 'https://cxone.niceincontact.com';

/**
 * NICE CXone's back-end flow: the password grant (RFC 6749 section 4.3) with an access key as user name and
 * password, at the token endpoint that discovery gives.
 *
 * @see https://developer.niceincontact.com/Documentation/APIAuthenticationAndAuthorization
 */
export const niceCxone: DescribeProvider<
  NiceCxoneSettings,
  'client_id' | 'client_secret' | 'access_key_id' | 'access_key_secret'
> = ({ issuer = COMMERCIAL_ISSUER }) => {
  const parameters: FormParameter[] = [['grant_type', 'password']];
  return {
    secretKeys: ['client_id', 'client_secret', 'access_key_id', 'access_key_secret'],
    source: { endpoint: { issuer }, parameters },
    tokenRequest: ({ client_id, client_secret, access_key_id, access_key_secret }) => ({
      kind: 'form',
      parameters: [...parameters, ['username', access_key_id], ['password', access_key_secret]],
      clientId: client_id,
      clientProof: { method: 'client_secret_basic', clientSecret: client_secret },
    }),
    credentialErrors: ['invalid_grant'],
    refusalHints: {
      invalid_client:
        'Check client_id and client_secret of the registered back-end application, and its area.',
      invalid_grant:
        'The access key was refused: check access_key_id and access_key_secret, and in CXone that the key and its employee are active.',
    },
  };
};

import type { ClientProof, DescribeProvider, FormParameter } from './provider.ts';

/** How the client proves who it is at the token endpoint. @see RFC 6749 section 2.3.1, RFC 7523 section 2.2 */
export type ClientAuthentication = ClientProof['method'];

/** Either `tokenUrl` or `issuer`. */
export interface OAuth2Settings {
  readonly tokenUrl?: string;
  /** Base URL for OpenID Connect or RFC 8414 discovery. */
  readonly issuer?: string;
  /** @default 'client_secret_basic' */
  readonly clientAuthentication?: ClientAuthentication;
  /** The `aud` of the assertion of `private_key_jwt`. @default the issuer; without one the token endpoint */
  readonly assertionAudience?: string;
  /** Space-separated scopes (RFC 6749 section 3.3). */
  readonly scope?: string;
  readonly audience?: string;
  /** Resource indicators (RFC 8707 section 2). */
  readonly resource?: string | readonly string[];
  /** Further form parameters of the token request. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** A URL that answers a `GET` with 2xx if its bearer token is accepted, and with 401 if it is not. */
  readonly probeUrl?: string;
  /** The names that the secret has for its values, `{"client_id": "consumerKey"}` for example. @default the keys themselves */
  readonly secretKeys?: Readonly<Partial<Record<OAuth2SecretKey, string | undefined>>>;
}

type OAuth2SecretKey = 'client_id' | 'client_secret' | 'private_key';

/** Any OAuth 2.0 server with the client credentials grant (RFC 6749 section 4.4). */
export const oauth2: DescribeProvider<OAuth2Settings, OAuth2SecretKey> = (settings) => {
  const { clientAuthentication = 'client_secret_basic', assertionAudience, scope, probeUrl } = settings;
  const { tokenUrl, issuer = '' } = settings;
  const parameters = formParameters(settings);
  return {
    secretKeys: ['client_id', clientAuthentication === 'private_key_jwt' ? 'private_key' : 'client_secret'],
    secretKeyNames: settings.secretKeys,
    source: { endpoint: tokenUrl === undefined ? { issuer } : { url: tokenUrl }, parameters },
    tokenRequest({ client_id, client_secret, private_key, kid }) {
      const clientProof: ClientProof =
        clientAuthentication === 'private_key_jwt'
          ? { method: clientAuthentication, privateKey: private_key, kid, audience: assertionAudience }
          : { method: clientAuthentication, clientSecret: client_secret };
      return { kind: 'form', parameters, clientId: client_id, clientProof };
    },
    probeUrl,
    scope,
    refusalHints: { invalid_client: INVALID_CLIENT[clientAuthentication] },
  };
};

const INVALID_CLIENT: Readonly<Partial<Record<ClientAuthentication, string>>> = {
  client_secret_basic:
    'The client id or secret is wrong, or the server expects another clientAuthentication. HTTP Basic encodes special characters of both (RFC 6749 section 2.3.1), which not every server decodes: if they have any, try client_secret_post.',
  private_key_jwt:
    'Check client_id, and that the server has the public key of private_key (and its kid). The server may expect another aud: set assertionAudience as its documentation says, for example to the URL of the token endpoint (Ory Hydra).',
};

function formParameters({ scope, audience, resource, parameters = {} }: OAuth2Settings): FormParameter[] {
  const resources = resource === undefined ? [] : [resource].flat();
  return [
    ['grant_type', 'client_credentials'],
    ...(scope === undefined ? [] : [['scope', scope] as const]),
    ...(audience === undefined ? [] : [['audience', audience] as const]),
    ...resources.map((one): FormParameter => ['resource', one]),
    ...Object.entries(parameters),
  ];
}

/** How the client proves who it is at the token endpoint. @see RFC 6749 section 2.3.1, RFC 7523 section 2.2 */
export type ClientAuthentication = 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt';

/** Genesys Cloud CX. `domain` is the region's domain (`mypurecloud.de`); a port may follow it. */
export interface GenesysCloudSettings {
  readonly provider: 'genesys-cloud';
  readonly domain: string;
}

/** NICE CXone's back-end flow: the password grant with an access key. `issuer` is the discovery base URL. */
export interface NiceCxoneSettings {
  readonly provider: 'nice-cxone';
  readonly issuer: string;
}

/** NICE CXone's access key flow. `domain` is the area's host (`na1.nice-incontact.com`); a port may follow it. */
export interface NiceCxoneAccessKeySettings {
  readonly provider: 'nice-cxone-access-key';
  readonly domain: string;
}

/** Any OAuth 2.0 server with the client credentials grant (RFC 6749 section 4.4): `tokenUrl` or `issuer`, one of them. */
export interface OAuth2Settings {
  readonly provider: 'oauth2';
  readonly tokenUrl?: string;
  /** Base URL for RFC 8414 or OpenID Connect discovery. */
  readonly issuer?: string;
  /** @default 'client_secret_basic' */
  readonly clientAuthentication?: ClientAuthentication;
  /** Space-separated scopes (RFC 6749 section 3.3). */
  readonly scope?: string;
  readonly audience?: string;
  /** Resource indicators (RFC 8707 section 2). */
  readonly resource?: string | readonly string[];
  /** Further form parameters of the token request. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** A URL that answers 2xx to `GET` with a bearer token that is accepted, 401 to one that is not. */
  readonly probeUrl?: string;
}

/** The settings of one token's provider, as the function gets them: regions and areas are already domains. */
export type ProviderSettings =
  | GenesysCloudSettings
  | NiceCxoneSettings
  | NiceCxoneAccessKeySettings
  | OAuth2Settings;

export type ProviderName = ProviderSettings['provider'];

import type { CredentialKey, Credentials } from '../credentials.ts';
import type { SigningKey } from '../private-key.ts';

/** How a request proves who asks: exactly one way. @see RFC 6749 section 2.3 */
export type ClientProof =
  | { readonly method: 'client_secret_basic'; readonly clientSecret: string }
  | { readonly method: 'client_secret_post'; readonly clientSecret: string }
  | { readonly method: 'private_key_jwt'; readonly signingKey: SigningKey };

/** A token request, described; where it goes is known separately, as it may take discovery. */
export type TokenRequest =
  | {
      readonly kind: 'grant';
      readonly grantType: 'client_credentials' | 'password';
      readonly clientId: string;
      readonly clientProof: ClientProof;
      /** The form's further parameters, in order. */
      readonly parameters: readonly (readonly [name: string, value: string])[];
    }
  | { readonly kind: 'json'; readonly body: Readonly<Record<string, string>> };

/** Where the token endpoint is. `issuer` stays as it was written: discovery compares it literally. */
export type TokenEndpointLocation = { readonly url: string } | { readonly issuer: string };

/** What is special about one provider. Pure: no request is made here. */
export interface Provider<K extends CredentialKey = CredentialKey> {
  /** What the secret must hold. */
  readonly credentialKeys: readonly K[];
  readonly tokenEndpoint: TokenEndpointLocation;
  /**
   * Describes the token request.
   *
   * @throws RefreshError `SECRET_MALFORMED` for a private key that is none
   */
  tokenRequest(credentials: Credentials<K>): TokenRequest;
  /** Answers 2xx to a `GET` with a token that is accepted, 401 to one that is not. */
  readonly probeUrl?: string;
  /** The scope that is asked for, space-separated. */
  readonly scope?: string;
  /** What to check, by the error that the server named, where this provider's users know more than the RFC. */
  readonly refusalHints: Readonly<Partial<Record<string, string>>>;
}

/** The values of the secret's keys that a provider needs, and a private key's id if the secret has one. */
export type Credentials<K extends string = string> = Readonly<Record<K, string>> & { readonly kid?: string };

/** A name and a value of the token request's form. */
export type FormParameter = readonly [name: string, value: string];

/** Where the token endpoint is. `issuer` is kept as it was written: discovery compares it character by character. */
export type TokenEndpointLocation =
  | { readonly url: string; readonly issuer?: never }
  | { readonly issuer: string; readonly url?: never };

/** The token endpoint and the requested parameters, without any credential. Another source gives other tokens. */
export interface TokenSource {
  readonly endpoint: TokenEndpointLocation;
  /** The form's parameters, in order; empty if the request is not a form. */
  readonly parameters: readonly FormParameter[];
}

/** How the client proves who it is: exactly one way. @see RFC 6749 section 2.3.1, RFC 7523 section 2.2 */
export type ClientProof =
  | { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly clientSecret: string }
  | {
      readonly method: 'private_key_jwt';
      /** PEM, or a JWK as JSON. */
      readonly privateKey: string;
      /** The key's id at the server. */
      readonly kid?: string | undefined;
      /** The assertion's `aud`. @default the issuer; without one the token endpoint */
      readonly audience?: string | undefined;
    };

/** A description of a token request. The URL is known separately: it may need discovery. */
export type TokenRequest =
  | {
      readonly kind: 'form';
      readonly parameters: readonly FormParameter[];
      readonly clientId: string;
      readonly clientProof: ClientProof;
    }
  | { readonly kind: 'json'; readonly body: Readonly<Record<string, string>> };

/** A provider with its settings: everything that differs between tokens. Pure: makes no request. */
export interface Provider<K extends string = string> {
  /** The keys that the secret must hold. */
  readonly secretKeys: readonly K[];
  /** What the secret calls them, where it has names of its own. */
  readonly secretKeyNames?: Readonly<Partial<Record<string, string>>> | undefined;
  readonly source: TokenSource;
  tokenRequest(credentials: Credentials<K>): TokenRequest;
  /** Answers 2xx to a `GET` with a token that is accepted, 401 to one that is not. Absent: there is no probe. */
  readonly probeUrl?: string | undefined;
  /** The requested scopes, space-separated. */
  readonly scope?: string | undefined;
  /** Errors of the token endpoint that refuse the secret's values, besides `invalid_client` and any 401. */
  readonly credentialErrors?: readonly string[];
  /** What to check, by the server's error name, if more is known than the RFC says. */
  readonly refusalHints: Readonly<Partial<Record<string, string>>>;
  /** Base URL of the API that renews the secret of an OAuth client: `rotation/clients.ts` uses it. Absent: there is none. */
  readonly renewalApi?: string;
}

/**
 * Describes the token of these settings, which synth has checked. Somebody may have edited the function's environment
 * since: a host is made of {@link requiredText}.
 */
export type DescribeProvider<S extends object, K extends string = string> = (settings: S) => Provider<K>;

/**
 * Returns the text of a required setting.
 *
 * @throws Error if there is none: the secret would be sent to a host like `login.undefined`
 */
export function requiredText(text: string): string {
  if (typeof text !== 'string' || text === '') throw new Error('A required setting is missing.');
  return text;
}

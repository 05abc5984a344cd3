import type { SettingsReader } from './settings-reader.ts';

/** The values of the secret's keys that a provider asks for, and a private key's id where the secret has one. */
export type Credentials<K extends string = string> = Readonly<Record<K, string>> & { readonly kid?: string };

/** A name and a value of the token request's form. */
export type FormParameter = readonly [name: string, value: string];

/** Where the token endpoint is. `issuer` stays as it was written: discovery compares it letter by letter. */
export type TokenEndpointLocation = { readonly url: string } | { readonly issuer: string };

/** Where tokens come from and what is asked for, without any credential. Another source gives other tokens. */
export interface TokenSource {
  readonly endpoint: TokenEndpointLocation;
  /** The form's parameters, in order; none where the request is no form. */
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
      readonly kid?: string;
      /** The assertion's `aud`. @default the issuer; without one the token endpoint */
      readonly audience?: string;
    };

/** A token request, described. Where it goes is known separately: that may take discovery. */
export type TokenRequest =
  | {
      readonly kind: 'form';
      readonly parameters: readonly FormParameter[];
      readonly clientId: string;
      readonly clientProof: ClientProof;
    }
  | { readonly kind: 'json'; readonly body: Readonly<Record<string, string>> };

/** A provider with its settings: all that is special about one token. Pure: no request is made here. */
export interface Provider<K extends string = string> {
  /** The keys that the secret must hold. */
  readonly secretKeys: readonly K[];
  readonly source: TokenSource;
  tokenRequest(credentials: Credentials<K>): TokenRequest;
  /** Answers 2xx to a `GET` with a token that is accepted, 401 to one that is not. Absent: there is no probe. */
  readonly probeUrl?: string;
  /** The scope that is asked for, space-separated. */
  readonly scope?: string;
  /** Errors of the token endpoint that refuse the secret's values, besides `invalid_client` and any 401. */
  readonly credentialErrors?: readonly string[];
  /**
   * What to check, by the error that the server named, where more is known than the RFC says. `unnamed`: for a refusal
   * without an error; `encoded`: for refused credentials that HTTP Basic's encoding changed.
   */
  readonly refusalHints: Readonly<Partial<Record<string, string>>>;
}

/** One provider: its row in `providers.ts` gives it its name. `S` are its settings, as a person writes them. */
export interface ProviderDefinition<S extends object, K extends string = string> {
  /** Each setting, with the values that it takes and its default: the rows of docs/stack.md. */
  readonly settings: Readonly<Record<keyof S & string, string>>;
  /** The lifetime of its tokens unless somebody changed it, in minutes. */
  readonly defaultLifetimeMinutes: number;
  /** The shortest lifetime that it can be set to, in minutes. */
  readonly leastLifetimeMinutes: number;
  /** Reads and checks the settings. Undefined, with problems noted, where they describe nothing. */
  readSettings(reader: SettingsReader): S | undefined;
  /** Describes the token that checked settings stand for. */
  describe(settings: S): Provider<K>;
}

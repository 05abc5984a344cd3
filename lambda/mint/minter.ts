import type { SecretStage } from './secret.ts';
import type { Token } from './token-response.ts';

/** A token, and the version of the secret that it was minted with. */
export interface MintedToken extends Token {
  /** The secret's stage that the server accepted. */
  readonly secretStage: SecretStage;
  /** When that version was stored; absent if Secrets Manager did not say. */
  readonly secretCreatedAt?: Date | undefined;
}

/** The result of using a token once. `unanswered` says nothing about the token. */
export type ProbeResult = 'accepted' | 'refused' | 'unanswered';

/** Mints and proves tokens: everything that needs the token endpoint, the provider's API or the secret. */
export interface Minter {
  /**
   * Reads the secret and requests a token.
   *
   * @throws RefreshError `SECRET_*`, `TOKEN_REJECTED`, `TOKEN_ENDPOINT_*`, `TOKEN_RESPONSE_INVALID`,
   * `TOKEN_TOO_LARGE`
   */
  mint(options: { readonly signal: AbortSignal }): Promise<MintedToken>;
  /**
   * Reads and checks the current secret, without using it. `createdAt`: when this version was stored.
   *
   * @throws RefreshError `SECRET_*`
   */
  checkSecret(options: { readonly signal: AbortSignal }): Promise<{ readonly createdAt: Date | undefined }>;
  /** The requested scopes, space-separated; absent if there are none. */
  readonly scope?: string | undefined;
  /** Uses a token once. Absent if the provider has no probe. Never throws. */
  readonly probe?:
    | ((accessToken: string, options: { readonly signal: AbortSignal }) => Promise<ProbeResult>)
    | undefined;
}

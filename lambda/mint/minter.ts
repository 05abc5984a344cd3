import type { SecretStage } from './secret.ts';

/** A token as the token endpoint gave it. */
export interface MintedToken {
  readonly accessToken: string;
  /** The moment before the request was sent: the expiry counts from here. */
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  /** The scope that the server said it granted, where it said so (RFC 6749 section 5.1). */
  readonly grantedScope: string | undefined;
  /** The secret's stage that the server accepted. */
  readonly secretStage: SecretStage;
  /** Things worth a line in the log: an assumed lifetime, a fallback to another stage. Never a token or secret. */
  readonly warnings: readonly string[];
}

/** What using a token once showed: `unanswered` proves nothing either way. */
export type ProbeResult = 'accepted' | 'refused' | 'unanswered';

/** Mints and proves tokens: everything that needs the token endpoint, the provider's API or the secret. */
export interface Minter {
  /**
   * Reads the secret and asks the token endpoint for a token.
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
  /** The scope that is asked for, space-separated; absent where none is. */
  readonly scope?: string;
  /** Uses a token once. Absent where the provider has no probe. Never throws. */
  readonly probe?: (accessToken: string, options: { readonly signal: AbortSignal }) => Promise<ProbeResult>;
}

import { RefreshError } from '../errors.ts';
import { connectionFailure } from './connection-failure.ts';
import { type Credentials, howToStore } from './credentials.ts';
import type { Discover } from './discovery.ts';
import type { SendRequest } from './http.ts';
import type { Provider } from './providers/provider.ts';
import type { TokenFailure } from './token-refusal.ts';
import { sendTokenRequest, type TokenAnswer } from './token-request.ts';
import { type ReadToken, readTokenResponse } from './token-response.ts';

/** What one token request brought. */
export type Attempt =
  | { readonly kind: 'token'; readonly token: ReadToken; readonly issuedAt: Date }
  | TokenFailure;

/**
 * Asks the token endpoint once. Rejects where there is nothing to ask: a private key that is none, or a discovery
 * that failed.
 */
export type AskForToken = (
  credentials: Credentials,
  options: { readonly signal: AbortSignal },
) => Promise<Attempt>;

/** Makes the way to one provider's token endpoint. */
export function createAskForToken(options: {
  readonly provider: Provider;
  readonly secretArn: string;
  readonly assumedLifetimeMs: number;
  readonly send: SendRequest;
  readonly discover: Discover;
  readonly now: () => Date;
  /** The time for one token request. */
  readonly timeoutMs: number;
}): AskForToken {
  const { provider, secretArn, assumedLifetimeMs, send, discover, now, timeoutMs } = options;
  return async (credentials, { signal }) => {
    const request = provider.tokenRequest(credentials);
    const location = provider.tokenEndpoint;
    const issuer = 'issuer' in location ? location.issuer : undefined;
    const tokenUrl = 'issuer' in location ? await discover(location.issuer, { signal }) : location.url;
    const { host } = new URL(tokenUrl);

    let answer: TokenAnswer;
    try {
      answer = await sendTokenRequest({ request, tokenUrl, issuer, send, now, signal, timeoutMs });
    } catch (error) {
      const { label, advice } = connectionFailure(error);
      const message = `${host} could not be asked for a token (${label}). ${advice}`;
      const failure = new RefreshError('TOKEN_ENDPOINT_UNAVAILABLE', message);
      return { kind: 'failure', error: failure, credentialsRefused: false };
    }

    const { response, issuedAt } = answer;
    const outcome = readTokenResponse(response, {
      host,
      now: now(),
      issuedAt,
      assumedLifetimeMs,
      grantHasCredentials: request.kind === 'json' || request.grantType === 'password',
      hints: provider.refusalHints,
      secretAdvice: howToStore(provider.credentialKeys, secretArn),
    });
    return outcome.kind === 'token' ? { ...outcome, issuedAt } : outcome;
  };
}

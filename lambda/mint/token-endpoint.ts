import type { Credentials, Provider, TokenRequest } from '../providers/provider.ts';
import { encodeCredential } from './client-authentication.ts';
import { howToStore } from './credentials.ts';
import type { Discovery } from './discovery.ts';
import type { SendRequest } from './http.ts';
import { sendTokenRequest } from './token-request.ts';
import { readTokenResponse, type Token } from './token-response.ts';

/** Asks the token endpoint once. Rejects with a RefreshError. */
export type AskForToken = (
  credentials: Credentials,
  options: { readonly signal: AbortSignal },
) => Promise<Token>;

/** Answers that say that there is no token endpoint at this URL (any more). */
const GONE = new Set([404, 405, 410]);

/** Makes the way to one provider's token endpoint. */
export function createAskForToken(options: {
  readonly provider: Provider;
  readonly secretArn: string;
  readonly assumedLifetimeMs: number;
  readonly send: SendRequest;
  readonly discovery: Discovery;
  readonly now: () => Date;
  /** The time for one token request. */
  readonly timeoutMs: number;
}): AskForToken {
  const { provider, secretArn, assumedLifetimeMs, send, discovery, now, timeoutMs } = options;
  const { endpoint } = provider.source;
  const issuer = 'issuer' in endpoint ? endpoint.issuer : undefined;
  // The configured host is what messages name: a discovered one could be any text that a server chose.
  const { host } = new URL('issuer' in endpoint ? endpoint.issuer : endpoint.url);
  const forgetEndpoint = (): void => {
    if (issuer !== undefined) discovery.forget(issuer);
  };

  return async (credentials, { signal }) => {
    const request = provider.tokenRequest(credentials);
    const tokenUrl = 'issuer' in endpoint ? await discovery.find(endpoint.issuer, { signal }) : endpoint.url;
    const target = { tokenUrl, issuer, host, secretArn, send, now, signal, timeoutMs };
    const { response, issuedAt } = await sendTokenRequest(request, target).catch((error) => {
      forgetEndpoint();
      throw error;
    });
    if (GONE.has(response.status)) forgetEndpoint();
    return readTokenResponse(response, {
      host,
      now: now(),
      issuedAt,
      assumedLifetimeMs,
      secrets: secretValues(credentials),
      credentialErrors: provider.credentialErrors ?? [],
      hints: provider.refusalHints,
      areCredentialsEncoded: areCredentialsEncoded(request),
      secretAdvice: howToStore(provider.secretKeys, secretArn),
    });
  };
}

/** The values of the secret that no token may hold; an id may well be in one. */
function secretValues(credentials: Credentials): string[] {
  return Object.entries(credentials)
    .filter(([key]) => key !== 'kid' && !key.endsWith('_id'))
    .map(([, value]) => value);
}

function areCredentialsEncoded(request: TokenRequest): boolean {
  if (request.kind !== 'form' || request.clientProof.method !== 'client_secret_basic') return false;
  return [request.clientId, request.clientProof.clientSecret].some((text) => encodeCredential(text) !== text);
}

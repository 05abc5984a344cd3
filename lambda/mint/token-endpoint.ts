import type { Credentials, Provider, TokenRequest } from '../providers/provider.ts';
import { encodeCredential } from './client-authentication.ts';
import { howToStore } from './credentials.ts';
import { createDiscovery, type FindTokenEndpoint } from './discovery.ts';
import type { SendRequest } from './http.ts';
import { sendTokenRequest } from './token-request.ts';
import { readTokenResponse, type Token } from './token-response.ts';

/** Sends one token request. Rejects with a RefreshError. */
export type AskForToken = (
  credentials: Credentials,
  options: { readonly signal: AbortSignal },
) => Promise<Token>;

/** Makes the function that requests tokens from one provider. */
export function createAskForToken(options: {
  readonly provider: Provider;
  readonly secretArn: string;
  readonly assumedLifetimeMs: number;
  readonly send: SendRequest;
  readonly now: () => Date;
  /** Time limit of one request. */
  readonly timeoutMs: number;
}): AskForToken {
  const { provider, secretArn, assumedLifetimeMs, send, now, timeoutMs } = options;
  const { endpoint } = provider.source;
  const issuer = 'issuer' in endpoint ? endpoint.issuer : undefined;
  const findTokenEndpoint: FindTokenEndpoint =
    'issuer' in endpoint
      ? createDiscovery(endpoint.issuer, options)
      : async () => ({ tokenUrl: endpoint.url, warnings: [] });
  // Messages name the configured host: a discovered one is text that a server chose.
  const { host } = new URL('issuer' in endpoint ? endpoint.issuer : endpoint.url);

  return async (credentials, { signal }) => {
    const request = provider.tokenRequest(credentials);
    const { tokenUrl, warnings } = await findTokenEndpoint({ signal });
    const target = { tokenUrl, issuer, host, secretArn, send, now, signal, timeoutMs };
    const { response, issuedAt, sentProof } = await sendTokenRequest(request, target);
    const context = {
      host,
      now: now(),
      issuedAt,
      assumedLifetimeMs,
      secrets: [...secretValues(credentials), sentProof].filter((secret) => secret !== ''),
      credentialErrors: provider.credentialErrors ?? [],
      hints: provider.refusalHints,
      areCredentialsEncoded: areCredentialsEncoded(request),
      secretAdvice: howToStore(provider.secretKeys, secretArn),
    };
    const token = readTokenResponse(response, context);
    return { ...token, warnings: [...warnings, ...token.warnings] };
  };
}

/** The values of the secret, plain and form-encoded, that a token must not contain. A token may contain a client id. */
function secretValues(credentials: Credentials): string[] {
  return Object.entries(credentials)
    .filter(([key]) => key !== 'kid' && !key.endsWith('_id'))
    .flatMap(([, value]) => [value, encodeCredential(value)]);
}

function areCredentialsEncoded(request: TokenRequest): boolean {
  if (request.kind !== 'form' || request.clientProof.method !== 'client_secret_basic') return false;
  return [request.clientId, request.clientProof.clientSecret].some((text) => encodeCredential(text) !== text);
}

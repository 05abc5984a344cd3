import type { Credentials, Provider, TokenRequest } from '../providers/provider.ts';
import { encodeCredential } from './client-authentication.ts';
import { howToStore } from './credentials.ts';
import type { Discovery } from './discovery.ts';
import type { SendRequest } from './http.ts';
import { sendTokenRequest } from './token-request.ts';
import { readTokenResponse, type Token } from './token-response.ts';

/** Sends one token request. Rejects with a RefreshError. */
export type AskForToken = (
  credentials: Credentials,
  options: { readonly signal: AbortSignal },
) => Promise<Token>;

/** Whether an answer without a token means that there is no token endpoint at this URL (any more). */
function isElsewhere(status: number): boolean {
  // A success without a token: a web page, for instance.
  return status < 400 || status === 404 || status === 405 || status === 410;
}

/** Makes the function that requests tokens from one provider. */
export function createAskForToken(options: {
  readonly provider: Provider;
  readonly secretArn: string;
  readonly assumedLifetimeMs: number;
  readonly send: SendRequest;
  readonly discovery: Discovery;
  readonly now: () => Date;
  /** Time limit of one token request. */
  readonly timeoutMs: number;
}): AskForToken {
  const { provider, secretArn, assumedLifetimeMs, send, discovery, now, timeoutMs } = options;
  const { endpoint } = provider.source;
  const issuer = 'issuer' in endpoint ? endpoint.issuer : undefined;
  // Messages name the configured host: a discovered one is text that a server chose.
  const { host } = new URL('issuer' in endpoint ? endpoint.issuer : endpoint.url);
  const forgetEndpoint = (): void => {
    if (issuer !== undefined) discovery.forget(issuer);
  };

  return async (credentials, { signal }) => {
    const request = provider.tokenRequest(credentials);
    const tokenUrl = 'issuer' in endpoint ? await discovery.find(endpoint.issuer, { signal }) : endpoint.url;
    const target = { tokenUrl, issuer, host, secretArn, send, now, signal, timeoutMs };
    const { response, issuedAt, sentProof } = await sendTokenRequest(request, target).catch((error) => {
      forgetEndpoint();
      throw error;
    });
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
    try {
      return readTokenResponse(response, context);
    } catch (error) {
      if (isElsewhere(response.status)) forgetEndpoint();
      throw error;
    }
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

import { RefreshError } from '../errors.ts';
import type { Credentials, Provider, TokenRequest } from '../providers/provider.ts';
import { type AssertionOptions, authenticateClient, encodeCredential } from './client-authentication.ts';
import { connectionFailure } from './connection-failure.ts';
import { howToStore } from './credentials.ts';
import { createDiscovery, type FindTokenEndpoint } from './discovery.ts';
import type { SendRequest } from './http.ts';
import { readTokenResponse, type Token } from './token-response.ts';

/** Sends one token request. Rejects with a RefreshError. */
export type AskForToken = (
  credentials: Credentials,
  options: { readonly signal: AbortSignal },
) => Promise<Token>;

/**
 * Makes the function that requests tokens from one provider.
 *
 * @see RFC 6749 sections 4.3.2 and 4.4.2
 */
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
    const { headers, body, proof } = await encode(request, { audience: issuer ?? tokenUrl, now, secretArn });
    const issuedAt = now();
    const sent = send({ method: 'POST', url: tokenUrl, headers, body, signal, timeoutMs });
    const response = await sent.catch((error: unknown) => {
      const { label, advice } = connectionFailure(error);
      throw new RefreshError(
        'TOKEN_ENDPOINT_UNAVAILABLE',
        `The token request to ${host} got no answer (${label}). ${advice}`,
      );
    });
    const token = readTokenResponse(response, {
      host,
      now: now(),
      issuedAt,
      assumedLifetimeMs,
      secrets: [...secretValues(credentials), proof].filter((secret) => secret !== ''),
      credentialErrors: provider.credentialErrors ?? [],
      hints: provider.refusalHints,
      areCredentialsEncoded: areCredentialsEncoded(request),
      secretAdvice: howToStore(provider.secretKeys, secretArn, provider.secretKeyNames),
    });
    return { ...token, warnings: [...warnings, ...token.warnings] };
  };
}

/** `proof`: the credentials of Basic, or the assertion, as they are sent; empty where the request has neither. */
async function encode(request: TokenRequest, options: AssertionOptions) {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (request.kind === 'json') {
    headers['content-type'] = 'application/json';
    return { headers, body: JSON.stringify(request.body), proof: '' };
  }
  const form = new URLSearchParams();
  for (const [name, value] of request.parameters) form.append(name, value);
  await authenticateClient({ headers, form }, request.clientId, request.clientProof, options);
  headers['content-type'] = 'application/x-www-form-urlencoded';
  const proof = headers.authorization?.replace('Basic ', '') ?? form.get('client_assertion') ?? '';
  return { headers, body: form.toString(), proof };
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

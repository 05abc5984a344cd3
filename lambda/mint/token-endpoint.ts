import { RefreshError } from '../errors.ts';
import type { Credentials, Provider, TokenRequest } from '../providers/provider.ts';
import { type AssertionOptions, authenticateClient, encodeCredential } from './client-authentication.ts';
import { connectionFailure } from './connection-failure.ts';
import { howToStore } from './credentials.ts';
import { createDiscovery } from './discovery.ts';
import type { SendRequest } from './http.ts';
import { readTokenResponse, type Token } from './token-response.ts';

/**
 * Makes the function that requests tokens from one provider, each by one request. It rejects with a RefreshError.
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
}) {
  const { provider, secretArn, assumedLifetimeMs, send, now, timeoutMs } = options;
  const { issuer, url = '' } = provider.source.endpoint;
  const discover = issuer === undefined ? undefined : createDiscovery(issuer, options);
  // Messages name the configured host: a discovered one is text that a server chose.
  const { host } = new URL(issuer ?? url);

  return async (credentials: Credentials, { signal }: { readonly signal: AbortSignal }): Promise<Token> => {
    const request = provider.tokenRequest(credentials);
    const { tokenUrl, warnings } = (await discover?.({ signal })) ?? { tokenUrl: url, warnings: [] };
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
      secrets: [...secretValues(credentials), proof],
      credentialErrors: provider.credentialErrors ?? [],
      hints: provider.refusalHints,
      secretAdvice: howToStore(provider.secretKeys, secretArn, provider.secretKeyNames),
    });
    return { ...token, warnings: [...warnings, ...token.warnings] };
  };
}

/** `proof`: what proves who the client is, as it is sent. */
async function encode(request: TokenRequest, options: AssertionOptions) {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (request.kind === 'json') {
    const body = JSON.stringify(request.body);
    return { headers: { ...headers, 'content-type': 'application/json' }, body, proof: body };
  }
  const form = new URLSearchParams();
  for (const [name, value] of request.parameters) form.append(name, value);
  const proof = await authenticateClient(headers, form, request.clientId, request.clientProof, options);
  headers['content-type'] = 'application/x-www-form-urlencoded';
  return { headers, body: form.toString(), proof };
}

/** The values of the secret, plain and form-encoded, that a token must not contain. A token may contain a client id. */
function secretValues(credentials: Credentials): string[] {
  return Object.entries(credentials)
    .filter(([key]) => key !== 'kid' && !key.endsWith('_id'))
    .flatMap(([, value]) => [value, encodeCredential(value)]);
}

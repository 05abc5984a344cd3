import { RefreshError } from '../errors.ts';
import type { TokenRequest } from '../providers/provider.ts';
import { authenticateClient } from './client-authentication.ts';
import { connectionFailure } from './connection-failure.ts';
import type { HttpResponse, SendRequest } from './http.ts';

interface SendTokenRequestOptions {
  readonly tokenUrl: string;
  /** The server's host in messages: the configured one. */
  readonly host: string;
  /** The issuer, if discovery found the token endpoint: it is the audience of client assertions. */
  readonly issuer?: string | undefined;
  /** For the error about an invalid private key. */
  readonly secretArn: string;
  readonly send: SendRequest;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** A token endpoint's response, and the request that it answers. */
export interface TokenAnswer {
  readonly response: HttpResponse;
  /** The moment before the request was sent. */
  readonly issuedAt: Date;
  /** What authenticated the client, as it was sent: Basic's credentials, or an assertion. Empty: neither was. */
  readonly sentProof: string;
}

/**
 * Sends a token request.
 *
 * @throws RefreshError `SECRET_MALFORMED` for an invalid private key, `TOKEN_ENDPOINT_UNAVAILABLE` if no response came
 * @see RFC 6749 sections 4.3.2 and 4.4.2
 */
export async function sendTokenRequest(
  request: TokenRequest,
  options: SendTokenRequestOptions,
): Promise<TokenAnswer> {
  const { tokenUrl, host, send, now, signal, timeoutMs } = options;
  const { headers, body, sentProof } = await encode(request, options);
  const issuedAt = now();
  try {
    const response = await send({ method: 'POST', url: tokenUrl, headers, body, signal, timeoutMs });
    return { response, issuedAt, sentProof };
  } catch (error) {
    const { label, advice } = connectionFailure(error);
    throw new RefreshError(
      'TOKEN_ENDPOINT_UNAVAILABLE',
      `The token request to ${host} got no answer (${label}). ${advice}`,
    );
  }
}

async function encode(request: TokenRequest, options: SendTokenRequestOptions) {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (request.kind === 'json') {
    headers['content-type'] = 'application/json';
    return { headers, body: JSON.stringify(request.body), sentProof: '' };
  }
  const { tokenUrl, issuer = tokenUrl, now, secretArn } = options;
  const form = new URLSearchParams();
  for (const [name, value] of request.parameters) form.append(name, value);
  const { clientId, clientProof } = request;
  await authenticateClient({ headers, form }, clientId, clientProof, { audience: issuer, now, secretArn });
  headers['content-type'] = 'application/x-www-form-urlencoded';
  const sentProof = headers.authorization?.replace('Basic ', '') ?? form.get('client_assertion') ?? '';
  return { headers, body: form.toString(), sentProof };
}

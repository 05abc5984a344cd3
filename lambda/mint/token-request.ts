import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretPost,
  clockSkew,
  customFetch,
  genericTokenEndpointRequest,
  PrivateKeyJwt,
} from 'oauth4webapi';
import { isLoopback } from './endpoint-url.ts';
import { type HttpResponse, type SendRequest, USER_AGENT } from './http.ts';
import type { ClientProof, TokenRequest } from './providers/provider.ts';

interface SendTokenRequestOptions {
  readonly request: TokenRequest;
  readonly tokenUrl: string;
  /** Who a client assertion is for, where discovery told; else the token endpoint's URL stands for it. */
  readonly issuer?: string | undefined;
  readonly send: SendRequest;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** An answer, and the moment before the request was sent. */
export interface TokenAnswer {
  readonly response: HttpResponse;
  readonly issuedAt: Date;
}

/**
 * Sends a token request. Rejects with the connection's error where no answer came.
 *
 * @see RFC 6749 sections 2.3.1, 4.3.2 and 4.4.2, RFC 7523 section 2.2
 */
export async function sendTokenRequest(options: SendTokenRequestOptions): Promise<TokenAnswer> {
  const { request, tokenUrl, issuer = tokenUrl, send, now, signal, timeoutMs } = options;
  const post = async (headers: Record<string, string>, body: string): Promise<TokenAnswer> => {
    const issuedAt = now();
    return {
      response: await send({ method: 'POST', url: tokenUrl, headers, body, signal, timeoutMs }),
      issuedAt,
    };
  };
  if (request.kind === 'json') {
    const headers = {
      accept: 'application/json',
      'content-type': 'application/json',
      'user-agent': USER_AGENT,
    };
    return await post(headers, JSON.stringify(request.body));
  }

  let answer: TokenAnswer | undefined;
  // The library's clock is the system's; ours may follow another one.
  const skewSeconds = Math.round((now().getTime() - Date.now()) / 1000);
  await genericTokenEndpointRequest(
    { issuer, token_endpoint: tokenUrl },
    { client_id: request.clientId, [clockSkew]: skewSeconds },
    clientAuth(request.clientProof),
    request.grantType,
    request.parameters.map(([name, value]) => [name, value]),
    {
      headers: { 'user-agent': USER_AGENT },
      [allowInsecureRequests]: isLoopback(new URL(tokenUrl)),
      [customFetch]: async (_url, { headers, body }) => {
        answer = await post(headers, String(body));
        // The library's reading of the response is stricter than real servers, and its errors hold the body: it only
        // hands through what it gets here. A real `Response` would load Node's whole `fetch`.
        return undefined as never;
      },
    },
  );
  if (answer === undefined) throw new Error('The token request was not sent.');
  return answer;
}

function clientAuth(proof: ClientProof): ClientAuth {
  switch (proof.method) {
    case 'client_secret_basic':
      return clientSecretBasic(proof.clientSecret);
    case 'client_secret_post':
      return ClientSecretPost(proof.clientSecret);
    case 'private_key_jwt':
      return PrivateKeyJwt(proof.signingKey);
  }
}

/**
 * HTTP Basic with form-encoded credentials, escaping only what the form encoding must. The library's own
 * `ClientSecretBasic` escapes `-`, `_` and `.` too: equivalent by the RFC, but servers that do not decode the
 * credentials, and they are many, then do not know a UUID any more.
 *
 * @see RFC 6749 section 2.3.1 and appendix B
 * @see https://github.com/panva/oauth4webapi/issues/148
 */
function clientSecretBasic(clientSecret: string): ClientAuth {
  return (_server, client, _body, headers) => {
    const credentials = `${formEncode(client.client_id)}:${formEncode(clientSecret)}`;
    headers.set('authorization', `Basic ${Buffer.from(credentials, 'latin1').toString('base64')}`);
  };
}

function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice('='.length);
}

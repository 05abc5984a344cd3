import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { type Agent, request as httpsRequest } from 'node:https';

/** What came back, and whether it was all there. */
export type Exchange = { status: number; headers: IncomingHttpHeaders; body: string };

export type ExchangeOptions = {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly ca?: string;
  /** Keeps connections; without one each exchange has its own. */
  readonly agent?: Agent;
  /** Gives up after this many bytes of the body; the exchange rejects with the code `BODY_TOO_LONG`. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
  /** Called with each piece of the body as it arrives. */
  readonly onData?: (chunk: Buffer) => void;
};

/** Sends one request, on a connection of its own unless an agent is given, with nothing but Node's HTTP client; rejects as that does. */
export function exchange(url: string, options: ExchangeOptions = {}): Promise<Exchange> {
  const {
    method = 'GET',
    headers = {},
    body,
    ca,
    agent,
    maxBytes = Number.POSITIVE_INFINITY,
    signal,
    onData,
  } = options;
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? httpsRequest : httpRequest;
    const outgoing = send(url, {
      method,
      headers,
      agent: agent ?? false,
      ...(ca && { ca }),
      ...(signal && { signal }),
    });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let text = '';
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => {
        onData?.(chunk);
        text += chunk.toString();
        if (text.length > maxBytes) outgoing.destroy(Object.assign(new Error(), { code: 'BODY_TOO_LONG' }));
      });
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    outgoing.end(body);
  });
}

/** An `Authorization` header by RFC 6749, 2.3.1: both parts form-encoded, then base64. */
export function basic(clientId: string, clientSecret: string): string {
  const encode = (value: string) => new URLSearchParams({ '': value }).toString().slice(1);
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`;
}

/** Posts a form, with an `Authorization` header where one is given. */
export function postForm(
  url: string,
  form: Record<string, string>,
  { authorization, ...options }: ExchangeOptions & { readonly authorization?: string } = {},
): Promise<Exchange> {
  return exchange(url, {
    ...options,
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(authorization !== undefined && { authorization }),
    },
    body: new URLSearchParams(form).toString(),
  });
}

/** The members of a JSON body. */
export function members({ body }: Exchange): Record<string, unknown> {
  return JSON.parse(body) as Record<string, unknown>;
}

/** The access token of a success. */
export function tokenOf(answer: Exchange): string {
  return String(members(answer).access_token);
}

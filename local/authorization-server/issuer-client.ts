import { randomBytes } from 'node:crypto';
import { type IncomingHttpHeaders, request } from 'node:http';
import type { Client } from './clients.ts';
import { ISSUER_PATHS } from './token-issuer.ts';

/** The result of introspection (RFC 7662, 2.2); `exp` in seconds since 1970. */
export type Introspection = {
  readonly active: boolean;
  readonly exp?: number;
  readonly client_id?: string;
};

/** A complete response. */
export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

/** The proxy's client of the authorization server: forwards requests, and introspects tokens. */
export type IssuerClient = ReturnType<typeof createIssuerClient>;

/** A request as it came in. */
interface Incoming {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** The proxy's own OAuth client, with a secret for this server only. */
export function createOwnClient(): Client & { readonly clientSecret: string } {
  return {
    clientId: 'fault-proxy',
    clientSecret: randomBytes(24).toString('base64url'),
    authMethod: 'client_secret_basic',
  };
}

/** Creates the client. `origin`: the server's origin for outer clients. */
export function createIssuerClient(options: {
  readonly port: number;
  readonly origin: URL;
  readonly ownClient: { readonly clientId: string; readonly clientSecret: string };
}) {
  const { port, origin, ownClient } = options;
  const basic = Buffer.from(`${ownClient.clientId}:${ownClient.clientSecret}`).toString('base64');

  const forward = ({ method, path, headers, body }: Incoming): Promise<Answer> =>
    new Promise((resolve, reject) => {
      // The body is complete here: it is forwarded with its length, even if it came chunked.
      const { 'transfer-encoding': _chunked, ...endToEnd } = headers;
      const outgoing = request(
        {
          host: '127.0.0.1',
          port,
          method,
          path,
          headers: {
            ...endToEnd,
            host: origin.host,
            'x-forwarded-proto': origin.protocol.slice(0, -1),
            'content-length': String(body.length),
            connection: 'close',
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            resolve({
              status: response.statusCode ?? 500,
              headers: answerHeaders(response.headers),
              body: Buffer.concat(chunks),
            });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });

  const post = (path: string, form: Record<string, string>) =>
    forward({
      method: 'POST',
      path,
      headers: {
        authorization: `Basic ${basic}`,
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
      },
      body: Buffer.from(new URLSearchParams(form).toString()),
    });

  return {
    /** Forwards a request under the name and scheme that the outer client used. */
    forward,
    /** Introspects an opaque token (RFC 7662). */
    async introspect(token: string): Promise<Introspection> {
      const { status, body } = await post(ISSUER_PATHS.introspection, { token });
      return status === 200 ? (JSON.parse(body.toString()) as Introspection) : { active: false };
    },
    /** Trades an access key for a token by the password grant; the answer is the token endpoint's. */
    tradeAccessKey: (username: string, password: string) =>
      post(ISSUER_PATHS.token, { grant_type: 'password', username, password }),
  };
}

/** Drops the headers of one connection, and the length, which a fault may change. */
function answerHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const left = ['connection', 'keep-alive', 'transfer-encoding', 'content-length'];
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => !left.includes(name))
      .map(([name, value]) => [name, String(value)]),
  );
}

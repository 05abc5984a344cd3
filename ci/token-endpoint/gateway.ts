import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, request as sendRequest } from 'node:https';
import { pipeline } from 'node:stream';
import { answerJson, refuse } from './answer.ts';
import { requestHeaders, responseHeaders } from './forwarded-headers.ts';
import type { IssuedTokens } from './issued-tokens.ts';
import type { StoredToken } from './read-token.ts';
import type { TokenSource } from './token-source.ts';

/** Forwards the job's calls to Genesys Cloud's API, each with a live token. */
export interface Gateway {
  /** @param path path and query, `/api/v2/…`, checked */
  forward(request: IncomingMessage, response: ServerResponse, path: string): Promise<void>;
  close(): void;
}

// After a longer pause a server or load balancer might close the connection while a call is sent on it.
const IDLE_CONNECTION_MS = 4000;
const RETRY_AFTER_SECONDS = 10;

/**
 * Makes a gateway to one host. Calls and responses are streamed, so that a call with a body cannot be sent twice. A call
 * without a body is sent again if its connection broke before the response, or if the token was refused and a newer one
 * exists.
 */
export function createGateway(options: {
  /** `https://api.mypurecloud.de` */
  readonly origin: string;
  readonly source: TokenSource;
  readonly issued: IssuedTokens;
  /** HTTPS_PROXY and NO_PROXY, for Node.js versions that support them. */
  readonly env: NodeJS.ProcessEnv;
  /** Why there is no token, for the client's log. */
  readonly reason: () => string;
}): Gateway {
  const { origin, source, issued, env, reason } = options;
  const agent = new Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS, proxyEnv: env });

  /** Sends the call once; resolves when the response begins. */
  const send = (
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    token: StoredToken,
  ): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const headers = requestHeaders(request.headersDistinct, token.accessToken);
      const outgoing = sendRequest(origin, { agent, method: request.method as string, path, headers });
      outgoing.once('response', resolve);
      outgoing.on('error', (error) => reject(new Unanswered(error, outgoing.reusedSocket)));
      response.once('close', () => outgoing.destroy());
      // Not by pipeline(): it would close the client's connection before a failure can be reported to the client.
      if (hasBody(request)) request.pipe(outgoing);
      else outgoing.end();
    });

  return {
    async forward(request, response, path) {
      if (!issued.has(bearerOf(request) ?? '')) {
        refuse(
          request,
          response,
          401,
          'bad.credentials',
          'This bearer is not a token of this job. Only tokens that the token endpoint of this job issued are forwarded.',
          { 'www-authenticate': 'Bearer realm="token-endpoint"' },
        );
        return;
      }
      if (/^delete$/i.test(request.method ?? '') && /^\/api\/v2\/tokens\/me(?:\?|$)/.test(path)) {
        refuse(
          request,
          response,
          403,
          'not.authorized',
          'Not forwarded: this call would end the token of every job.',
        );
        return;
      }
      if ((request.headers['transfer-encoding'] ?? 'chunked') !== 'chunked') {
        refuse(
          request,
          response,
          501,
          'not.implemented',
          'Not forwarded: the only transfer encoding that is forwarded is chunked.',
        );
        return;
      }
      const token = await source.current();
      if (token === undefined) {
        refuse(request, response, 503, 'service.unavailable', reason(), {
          'retry-after': String(RETRY_AFTER_SECONDS),
        });
        return;
      }
      const isRepeatable = !hasBody(request) && /^(?:get|head)$/i.test(request.method ?? '');
      try {
        let answer = await send(request, response, path, token).catch((error: Unanswered) => {
          if (!isRepeatable || !error.connectionWasReused) throw error;
          return send(request, response, path, token);
        });
        if (answer.statusCode === 401) {
          source.refuse(token);
          const newer = isRepeatable ? await source.current() : undefined;
          if (newer !== undefined && newer.accessToken !== token.accessToken) {
            answer.resume();
            answer = await send(request, response, path, newer);
          }
        }
        response.writeHead(answer.statusCode as number, responseHeaders(answer.headersDistinct, origin));
        pipeline(answer, response, () => undefined);
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        if (!response.headersSent && !response.destroyed) {
          const message = `Genesys Cloud's API gave no answer at ${origin}: ${error.code}`;
          answerJson(response, 502, { status: 502, code: 'bad.gateway', message }, { connection: 'close' });
        }
      }
    },
    close: () => agent.destroy(),
  };
}

function hasBody(request: IncomingMessage): boolean {
  const { 'transfer-encoding': encoding, 'content-length': length } = request.headers;
  return encoding !== undefined || (length !== undefined && Number(length) > 0);
}

/** A call without a response. Only the error's code is kept: the rest may contain headers. */
class Unanswered extends Error {
  readonly code: string;
  /** An idle connection may have been closed while the call was sent on it. */
  readonly connectionWasReused: boolean;

  constructor(error: NodeJS.ErrnoException, connectionWasReused: boolean) {
    super('no answer');
    this.code = error.code ?? 'connection lost';
    this.connectionWasReused = connectionWasReused;
  }
}

/** The bearer of a request with exactly one Authorization header. */
function bearerOf(request: IncomingMessage): string | undefined {
  const headers = request.headersDistinct.authorization ?? [];
  return headers.length === 1 ? /^bearer +(.+)$/i.exec(headers[0] as string)?.[1] : undefined;
}

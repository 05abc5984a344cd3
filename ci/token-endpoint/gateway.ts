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

// Longer, and a server or load balancer on the way might close a connection just when a call goes out on it.
const IDLE_CONNECTION_MS = 4000;
const RETRY_AFTER_SECONDS = 10;

/**
 * Makes a gateway to one host. A call goes on as it comes in, and its answer comes back likewise, neither of them kept:
 * no call with a body is sent twice. One without a body is, where its connection broke before an answer, or where the
 * token was refused and a newer one is there.
 */
export function createGateway(options: {
  /** `https://api.mypurecloud.de` */
  readonly origin: string;
  readonly source: TokenSource;
  readonly issued: IssuedTokens;
  /** HTTPS_PROXY and NO_PROXY, for Node.js versions that take them. */
  readonly env: NodeJS.ProcessEnv;
  /** Why there is no token, for the client's log. */
  readonly reason: () => string;
}): Gateway {
  const { origin, source, issued, env, reason } = options;
  const agent = new Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS, proxyEnv: env });

  /** Sends the call once; resolves when an answer begins. */
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
      // Not by pipeline(), which would close the client's connection where it is still to be told of a failure.
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
          'That is no token of this job: it forwards tokens that its own token endpoint gave out.',
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
          'Not forwarded: it would end the token of every job.',
        );
        return;
      }
      if ((request.headers['transfer-encoding'] ?? 'chunked') !== 'chunked') {
        refuse(
          request,
          response,
          501,
          'not.implemented',
          'Of transfer encodings, chunked alone is forwarded.',
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

/** A call without an answer. Of the error, its code alone is kept: the rest may hold headers. */
class Unanswered extends Error {
  readonly code: string;
  /** An idle connection may have been closed just when the call went out on it. */
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

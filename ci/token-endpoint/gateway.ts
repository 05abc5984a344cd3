import { IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request as sendRequest } from 'node:https';
import { pipeline } from 'node:stream';
import { answerJson, apiRefusal } from './answer.ts';
import { endsToken, requestHeaders, responseHeaders } from './forwarded-call.ts';
import type { JobCredentials } from './job-credentials.ts';
import type { Lease, TokenPool } from './token-pool.ts';

/** Forwards the job's calls to Genesys Cloud's API, each with a live token. */
export interface Gateway {
  /**
   * @param path path and query, `/api/v2/…`, checked
   * @param trust called once the call has shown a token of this job
   * @throws Refusal
   */
  forward(request: IncomingMessage, response: ServerResponse, path: string, trust: () => void): Promise<void>;
  close(): void;
}

/** A call without a response. Of the error only its code is kept: the rest may contain headers. */
interface Unanswered {
  readonly code: string;
  /** An idle connection may have been closed while the call was sent on it. */
  readonly connectionWasReused: boolean;
}

// After a longer pause a server or load balancer might close the connection while a call is sent on it.
const IDLE_CONNECTION_MS = 4000;

/**
 * Makes a gateway to one host. Calls and responses are streamed, so that a call with a body cannot be sent twice. A call
 * without a body is sent again if its connection broke before the response, or if the token was refused and a newer one
 * exists.
 */
export function createGateway(options: {
  /** `https://api.mypurecloud.de` */
  readonly origin: string;
  readonly pool: TokenPool;
  readonly credentials: Pick<JobCredentials, 'isIssued'>;
  /** HTTPS_PROXY and NO_PROXY, for Node.js versions that support them. */
  readonly env: NodeJS.ProcessEnv;
  /** Why there is no token, for the client's log. */
  readonly reason: () => string;
  readonly mostConnections: number;
}): Gateway {
  const { origin, pool, credentials, env, reason, mostConnections } = options;
  const agent = new Agent({
    keepAlive: true,
    timeout: IDLE_CONNECTION_MS,
    maxSockets: mostConnections,
    proxyEnv: env,
    // Whatever NODE_TLS_REJECT_UNAUTHORIZED says: the token is sent to this host.
    rejectUnauthorized: true,
  });

  /** Sends the call once; resolves when the response begins. */
  const send = (
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    accessToken: string,
  ): Promise<IncomingMessage | Unanswered> =>
    new Promise((resolve) => {
      // The client went away while the call waited for a token.
      if (response.destroyed) return resolve({ code: 'aborted', connectionWasReused: false });
      const headers = requestHeaders(request.headersDistinct, accessToken);
      const outgoing = sendRequest(origin, { agent, method: request.method as string, path, headers });
      // Status 101: no call asked for another protocol.
      const refuseProtocol = ({ socket }: IncomingMessage): void => {
        socket.destroy();
        resolve({ code: 'it changed the protocol', connectionWasReused: false });
      };
      outgoing.once('upgrade', refuseProtocol);
      outgoing.once('response', (answer) => {
        if (answer.statusCode === 101) refuseProtocol(answer);
        else resolve(answer);
      });
      outgoing.on('error', ({ code = 'connection lost' }: NodeJS.ErrnoException) =>
        resolve({ code, connectionWasReused: outgoing.reusedSocket }),
      );
      response.once('close', () => outgoing.destroy());
      // Not by pipeline(): it would close the client's connection before a failure can be reported to the client.
      if (hasBody(request)) request.pipe(outgoing);
      else outgoing.end();
    });

  /** @throws Refusal if there is no token for the call */
  const take = async (): Promise<Lease> => {
    const lease = await pool.take();
    if (lease === 'none is live') {
      throw apiRefusal(503, 'service.unavailable', reason(), { 'retry-after': '10' });
    }
    if ('token' in lease) return lease;
    const seconds = String(lease.retryAfterSeconds);
    const message = `All tokens of this job are used up for this minute. Retry the request in [${seconds}] seconds`;
    throw apiRefusal(429, 'too.many.requests', message, { 'retry-after': seconds });
  };

  /** Sends the call with a token. A repeatable one is sent again if that may help. */
  const exchange = async (
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    lease: Lease,
    isRepeatable: boolean,
  ): Promise<IncomingMessage | Unanswered> => {
    const { token, source } = lease;
    let answer: IncomingMessage | Unanswered | undefined;
    try {
      answer = await send(request, response, path, token.accessToken);
      if (isRepeatable && !(answer instanceof IncomingMessage) && answer.connectionWasReused) {
        answer = await send(request, response, path, token.accessToken);
      }
      if (answer instanceof IncomingMessage && answer.statusCode === 401) {
        source.refuse(token);
        const newer = isRepeatable ? await source.current() : undefined;
        if (newer !== undefined && newer.accessToken !== token.accessToken) {
          answer.resume();
          answer = await send(request, response, path, newer.accessToken);
        }
      }
      return answer;
    } finally {
      lease.answered(answer instanceof IncomingMessage ? answer : undefined);
    }
  };

  return {
    async forward(request, response, path, trust) {
      const { method = '' } = request;
      if (!credentials.isIssued(bearerOf(request) ?? '')) {
        const message =
          'This bearer is not a token of this job. Only tokens that the token endpoint of this job issued are forwarded.';
        const headers = { 'www-authenticate': 'Bearer realm="token-endpoint"' };
        throw apiRefusal(401, 'bad.credentials', message, headers);
      }
      trust();
      if (endsToken(method, path)) {
        const message = 'Not forwarded: this call could end the token of every job.';
        throw apiRefusal(403, 'not.authorized', message);
      }
      if ((request.headers['transfer-encoding'] ?? 'chunked').toLowerCase() !== 'chunked') {
        const message = 'Not forwarded: the only transfer encoding that is forwarded is chunked.';
        throw apiRefusal(501, 'not.implemented', message);
      }
      const isRepeatable = !hasBody(request) && /^(?:get|head)$/i.test(method);
      let lease = await take();
      let answer = await exchange(request, response, path, lease, isRepeatable);
      // Other jobs use the tokens too.
      while (isRepeatable && isTooMany(answer) && lease.isUsedUp() && pool.hasRoom()) {
        answer.resume();
        lease = await take();
        answer = await exchange(request, response, path, lease, isRepeatable);
      }
      if (answer instanceof IncomingMessage) {
        response.writeHead(answer.statusCode as number, responseHeaders(answer.headersDistinct, origin));
        pipeline(answer, response, () => undefined);
      } else if (!response.destroyed) {
        const message = `Genesys Cloud's API gave no answer at ${origin}: ${answer.code}`;
        answerJson(response, 502, { status: 502, code: 'bad.gateway', message }, { connection: 'close' });
      }
    },
    close: () => agent.destroy(),
  };
}

function isTooMany(answer: IncomingMessage | Unanswered): answer is IncomingMessage {
  return answer instanceof IncomingMessage && answer.statusCode === 429;
}

function hasBody(request: IncomingMessage): boolean {
  const { 'transfer-encoding': encoding, 'content-length': length } = request.headers;
  return encoding !== undefined || (length !== undefined && Number(length) > 0);
}

/** The bearer of a request with exactly one Authorization header. */
function bearerOf(request: IncomingMessage): string | undefined {
  const headers = request.headersDistinct.authorization ?? [];
  return headers.length === 1 ? /^bearer +(.+)$/i.exec(headers[0] as string)?.[1] : undefined;
}

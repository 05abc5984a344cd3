import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, request as sendRequest } from 'node:https';
import { pipeline } from 'node:stream';
import { endsToken, requestHeaders, responseHeaders } from './forwarded-call.ts';
import type { JobCredentials } from './job-credentials.ts';
import { apiRefusal } from './refusal.ts';
import type { Lease, TokenPool } from './token-pool.ts';

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  /** It has no body, and changes nothing. */
  readonly isRepeatable: boolean;
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
}) {
  const { origin, pool, credentials, env } = options;
  const agent = new Agent({
    keepAlive: true,
    timeout: IDLE_CONNECTION_MS,
    proxyEnv: env,
    // Whatever NODE_TLS_REJECT_UNAUTHORIZED says: the token is sent to this host.
    rejectUnauthorized: true,
  });

  /**
   * Sends the call, and returns the response when it begins. An idle connection may have been closed while the call was sent
   * on it: a repeatable call is then sent again.
   *
   * @throws Refusal if the call gets no response
   */
  const send = (
    call: Call,
    accessToken: string,
    isRepeatable = call.isRepeatable,
  ): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const { request, response, path } = call;
      // Of an error only its code is told: the rest may contain headers.
      const fail = (code: string): void => {
        const message = `Genesys Cloud's API gave no answer at ${origin}: ${code}`;
        reject(apiRefusal(502, 'bad.gateway', message));
      };
      // The client went away while the call waited for a token.
      if (response.destroyed) return fail('aborted');
      const headers = requestHeaders(request.headersDistinct, accessToken);
      const outgoing = sendRequest(origin, { agent, method: request.method as string, path, headers });
      // Status 101: no call asked for another protocol.
      const refuseProtocol = ({ socket }: IncomingMessage): void => {
        socket.destroy();
        fail('it changed the protocol');
      };
      outgoing.once('upgrade', refuseProtocol);
      outgoing.once('response', (answer) => {
        if (answer.statusCode === 101) refuseProtocol(answer);
        else resolve(answer);
      });
      outgoing.on('error', ({ code = 'connection lost' }: NodeJS.ErrnoException) => {
        if (isRepeatable && outgoing.reusedSocket) resolve(send(call, accessToken, false));
        else fail(code);
      });
      response.once('close', () => outgoing.destroy());
      // Not by pipeline(): it would close the client's connection before a failure can be reported to the client.
      if (hasBody(request)) request.pipe(outgoing);
      else outgoing.end();
    });

  /** Sends the call with a token; a repeatable one again if the token was refused and a newer one exists. */
  const exchange = async (call: Call, lease: Lease): Promise<IncomingMessage> => {
    const { token, source } = lease;
    let answer: IncomingMessage | undefined;
    try {
      answer = await send(call, token.accessToken);
      if (answer.statusCode === 401) {
        source.refuse(token);
        const newer = call.isRepeatable ? await source.current() : undefined;
        if (newer !== undefined && newer.accessToken !== token.accessToken) {
          answer.resume();
          answer = await send(call, newer.accessToken);
        }
      }
      return answer;
    } finally {
      lease.answered(answer);
    }
  };

  /**
   * Forwards a call.
   *
   * @param path path and query, `/api/v2/…`, checked
   * @param trust called once the call has shown a token of this job
   * @throws Refusal
   */
  return async (
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    trust: () => void,
  ): Promise<void> => {
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
    const call = { request, response, path, isRepeatable };
    for (;;) {
      const lease = await pool.take();
      const answer = await exchange(call, lease);
      // Other jobs use the tokens too.
      if (isRepeatable && answer.statusCode === 429 && lease.isWorseThanOthers()) answer.resume();
      else {
        response.writeHead(answer.statusCode as number, responseHeaders(answer.headersDistinct, origin));
        pipeline(answer, response, () => undefined);
        return;
      }
    }
  };
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

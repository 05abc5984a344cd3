import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerJson, apiRefusal, Refusal } from './answer.ts';
import { limitConnections } from './connections.ts';
import { apiPath } from './forwarded-call.ts';
import type { Gateway } from './gateway.ts';

/** Answers a request; calls `trust` with its connection once it has shown a credential of this job. */
type Answer = (request: IncomingMessage, response: ServerResponse, trust: () => void) => Promise<void>;

/** The job's server on a free loopback port. */
export interface LoopbackServer {
  readonly host: string;
  readonly port: number;
  /** Descriptor of the socket that listens. */
  readonly descriptor: number | undefined;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const HEAD_TIMEOUT_MS = 5000;
const CHECK_EVERY_MS = 1000;
// SDKs that are configured with the path name `login` prefix it.
const TOKEN_PATHS = ['/oauth/token', '/login/oauth/token'];

/**
 * Starts the server. It listens only on 127.0.0.1, and accepts only that name as `Host`: this refuses a web page whose
 * host name resolves to it (DNS rebinding).
 */
export async function startLoopbackServer(options: {
  readonly answerTokenRequest: Answer;
  /** Undefined: only a token endpoint. */
  readonly gateway: Gateway | undefined;
  readonly mostConnections: number;
}): Promise<LoopbackServer> {
  const { answerTokenRequest, gateway, mostConnections } = options;
  let hosts: readonly string[] = [];

  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const target = request.url ?? '';
    if (request.headersDistinct.host?.length !== 1 || !hosts.includes(request.headers.host ?? '')) {
      const message = `This server is ${hosts[0]}; the Host header names another one.`;
      throw apiRefusal(421, 'misdirected.request', message);
    }
    if (!target.startsWith('/')) {
      throw apiRefusal(400, 'bad.request', 'This server is not a proxy: send a path, not a whole URL.');
    }
    if (TOKEN_PATHS.includes(target.split('?', 1)[0] as string)) {
      return answerTokenRequest(request, response, () => trust(request.socket));
    }
    const path = apiPath(target);
    if (path === undefined || gateway === undefined) {
      const known = gateway === undefined ? '/oauth/token' : '/oauth/token and /api/v2/';
      throw apiRefusal(404, 'not.found', `This server answers only ${known}, and only a plain path.`);
    }
    return gateway.forward(request, response, path, () => trust(request.socket));
  };

  const server = createServer({ connectionsCheckingInterval: CHECK_EVERY_MS }, (request, response) => {
    request.on('error', () => response.destroy());
    response.on('error', () => undefined);
    // Requests are not logged, and no request ends the job's process.
    route(request, response).catch((error) => {
      if (!(error instanceof Refusal)) return response.destroy();
      // The body is not read. The connection closes.
      response.once('finish', () => request.socket.destroySoon());
      return answerJson(response, error.status, error.body, { ...error.headers, connection: 'close' });
    });
  });
  const trust = limitConnections(server, mostConnections);
  server.headersTimeout = HEAD_TIMEOUT_MS;
  // A long upload is not an error, and a client may keep its connection between two calls.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 0;
  server.listen(0, HOST);
  await once(server, 'listening');
  // A connection that could not be accepted.
  server.on('error', () => undefined);
  const { port } = server.address() as AddressInfo;
  hosts = [`${HOST}:${port}`, `localhost:${port}`];

  return {
    host: HOST,
    port,
    // Node.js has no public name for it.
    descriptor: (server as unknown as { readonly _handle?: { readonly fd?: number } })._handle?.fd,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      gateway?.close();
      await closed;
    },
  };
}

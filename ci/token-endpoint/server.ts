import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerJson, apiRefusal, Refusal } from './answer.ts';
import { apiPath } from './forwarded-call.ts';
import type { Gateway } from './gateway.ts';

/** The job's server on a free loopback port. */
export interface LoopbackServer {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
// SDKs that are configured with the path name `login` prefix it.
const TOKEN_PATHS = ['/oauth/token', '/login/oauth/token'];

/**
 * Starts the server. It listens only on 127.0.0.1, and accepts only that name as `Host`: this refuses a web page whose
 * host name resolves to it (DNS rebinding).
 */
export async function startLoopbackServer(options: {
  readonly answerTokenRequest: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** Undefined: only a token endpoint. */
  readonly gateway: Gateway | undefined;
}): Promise<LoopbackServer> {
  const { answerTokenRequest, gateway } = options;
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
      return answerTokenRequest(request, response);
    }
    const path = apiPath(target);
    if (path === undefined || gateway === undefined) {
      const known = gateway === undefined ? '/oauth/token' : '/oauth/token and /api/v2/';
      throw apiRefusal(404, 'not.found', `This server answers only ${known}, and only a plain path.`);
    }
    return gateway.forward(request, response, path);
  };

  const server = createServer((request, response) => {
    request.on('error', () => response.destroy());
    // Requests are not logged, and no request ends the job's process.
    route(request, response).catch((error) => {
      if (!(error instanceof Refusal)) return response.destroy();
      // The body is not read. The connection closes.
      response.once('finish', () => request.socket.destroySoon());
      return answerJson(response, error.status, error.body, { ...error.headers, connection: 'close' });
    });
  });
  server.headersTimeout = 15_000;
  // A long upload is not an error, and a client may keep its connection between two calls.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 0;
  server.listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  hosts = [`${HOST}:${port}`, `localhost:${port}`];

  return {
    host: HOST,
    port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      gateway?.close();
      await closed;
    },
  };
}

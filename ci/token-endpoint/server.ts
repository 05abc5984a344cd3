import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import { apiPath } from './forwarded-call.ts';
import type { createGateway } from './gateway.ts';
import { apiRefusal, Refusal } from './refusal.ts';
import type { createTokenRequests } from './token-requests.ts';

/** The job's server on a free loopback port. */
export type LoopbackServer = Awaited<ReturnType<typeof startLoopbackServer>>;

const HOST = '127.0.0.1';
/**
 * More than clients of one job open, and few enough to leave half of the descriptors to the rest of this program: each may
 * need another connection, to the API.
 */
const MOST_CONNECTIONS = Math.min(1024, Math.floor(descriptorLimit() / 4));
const HEAD_TIMEOUT_MS = 5000;
const CHECK_EVERY_MS = 1000;
// SDKs that are configured with the path name `login` prefix it.
const TOKEN_PATHS = ['/oauth/token', '/login/oauth/token'];

/**
 * Starts the server. It listens only on 127.0.0.1, and accepts only that name as `Host`: this refuses a web page whose
 * host name resolves to it (DNS rebinding).
 *
 * @param forwardCall undefined: only a token endpoint
 */
export async function startLoopbackServer(
  answerTokenRequest: ReturnType<typeof createTokenRequests>,
  forwardCall: ReturnType<typeof createGateway> | undefined,
) {
  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const target = request.url ?? '';
    const hosts = [HOST, 'localhost'].map((name) => `${name}:${request.socket.localPort}`);
    if (request.headersDistinct.host?.length !== 1 || !hosts.includes(request.headers.host ?? '')) {
      const message = `This server is ${hosts[0]}; the Host header names another one.`;
      throw apiRefusal(421, 'misdirected.request', message);
    }
    if (!target.startsWith('/')) {
      throw apiRefusal(400, 'bad.request', 'This server is not a proxy: send a path, not a whole URL.');
    }
    if (TOKEN_PATHS.includes(target.split('?', 1)[0] as string)) {
      return answerJson(response, 200, await answerTokenRequest(request, () => trust(request.socket)));
    }
    const path = apiPath(target);
    if (path === undefined || forwardCall === undefined) {
      const known = forwardCall === undefined ? '/oauth/token' : '/oauth/token and /api/v2/';
      throw apiRefusal(404, 'not.found', `This server answers only ${known}, and only a plain path.`);
    }
    return forwardCall(request, response, path, () => trust(request.socket));
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
  const trust = limitConnections(server, MOST_CONNECTIONS);
  server.headersTimeout = HEAD_TIMEOUT_MS;
  // A long upload is not an error, and a client may keep its connection between two calls.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 0;
  server.listen(0, HOST);
  await once(server, 'listening');
  // A connection that could not be accepted.
  server.on('error', () => undefined);
  const { port } = server.address() as AddressInfo;

  return {
    host: HOST,
    port,
    /** Descriptor of the socket that listens: Node.js has no public name for it. */
    descriptor: (server as unknown as { readonly _handle?: { readonly fd?: number } })._handle?.fd,
    async close(): Promise<void> {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Answers with JSON, and forbids caching: it may contain a token. */
function answerJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Refusal['headers'] = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    pragma: 'no-cache',
    ...headers,
  });
  response.end(text);
}

/**
 * Keeps a server's connections below a limit: at the limit, the oldest connection that has not shown a credential of this
 * job makes room for a new one. So no other user of the machine keeps the job's clients out.
 *
 * @returns records that a connection showed one
 */
function limitConnections(server: Server, most: number): (socket: Socket) => void {
  const unproven = new Set<Socket>();
  let open = 0;
  server.on('connection', (socket: Socket) => {
    open += 1;
    unproven.add(socket);
    socket.once('close', () => {
      open -= 1;
      unproven.delete(socket);
    });
    if (open <= most) return;
    const [oldest = socket] = unproven;
    oldest.destroy();
  });
  return (socket) => {
    unproven.delete(socket);
  };
}

/** The number of descriptors that this process may have; where it is not known, what most systems allow. */
function descriptorLimit(): number {
  const limits = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'latin1') : '';
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? 1024);
}

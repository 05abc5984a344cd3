import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServerCertificate, trusting } from '../../../../local/server-certificate.ts';

/** Preload that gives a Node.js program another clock and other connections, by its environment. */
export const PRELOAD = `--import=${new URL('preload.mjs', import.meta.url).href}`;

/** What the API does with a call. */
export type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  token: string | undefined,
) => unknown;

/** Starts Genesys Cloud's API under its own name, over TLS, on a loopback port. */
export async function startGenesysApi(answer: Answer) {
  const host = 'api.mypurecloud.de';
  const certificate = await createServerCertificate([host]);
  const calls: { method: string; path: string; rawHeaders: string[]; token: string | undefined }[] = [];
  const server = createServer(certificate, (request, response) => {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const { method = '', url: path = '', rawHeaders } = request;
    calls.push({ method, path, rawHeaders, token });
    response.on('error', () => undefined);
    // The client may end a body early: this is not an error of the running test.
    Promise.resolve(answer(request, response, token)).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    host,
    port,
    calls,
    /** Environment with which a Node.js program reaches and trusts it. */
    environment: {
      NODE_OPTIONS: PRELOAD,
      ...trusting(certificate),
      REDIRECT_CONNECTIONS: `${host}:443=127.0.0.1:${port}`,
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Answers every call with a description of the call. */
export const echo: Answer = async (request, response) => {
  let length = 0;
  for await (const chunk of request) length += chunk.length;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ method: request.method, path: request.url, length }));
};

/** Answers every call with this, whatever its body. */
export function answering(
  status: number,
  headers: Record<string, string | string[]> = {},
  body = '',
): Answer {
  return (request, response) => {
    request.resume();
    response.writeHead(status, headers).end(body);
  };
}

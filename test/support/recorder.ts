import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { ServerCertificate } from '../../local/server-certificate.ts';

/** A request as it came over the wire. */
export interface WireRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly path: string;
  /** Names in lower case, each with every value that came. */
  readonly headers: NodeJS.Dict<string[]>;
  readonly body: string;
}

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type Recorder = Awaited<ReturnType<typeof startRecorder>>;

/** Starts a server on loopback that writes down each request and answers what `answer` says. */
export async function startRecorder(
  answer: (request: WireRequest, response: ServerResponse) => Answer | undefined,
  tls?: ServerCertificate,
) {
  const requests: WireRequest[] = [];
  const listener = async (incoming: IncomingMessage, response: ServerResponse) => {
    const { method = '', url: path = '', headersDistinct: headers } = incoming;
    const request = { method, path, headers, body: await text(incoming) };
    requests.push(request);
    const given = answer(request, response);
    if (given !== undefined)
      response.writeHead(given.status ?? 200, given.headers ?? {}).end(given.body ?? '');
  };
  const server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requests: requests as readonly WireRequest[],
    async close(): Promise<void> {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

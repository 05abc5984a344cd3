import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { ServerCertificate } from '../certificate-authority.ts';

/**
 * Listens on 127.0.0.1 for HTTP, or for HTTPS if a certificate is given. The port can stop listening and reset connections, and
 * come back.
 */
export async function listen(onRequest: RequestListener, tls: ServerCertificate | undefined) {
  const sockets = new Map<number, Socket>();
  const inner = tls === undefined ? createHttpServer(onRequest) : createHttpsServer(tls, onRequest);

  // The HTTP(S) server does not listen: this server passes connections on to it, and can reset them.
  const server = createServer((socket) => {
    const port = socket.remotePort ?? 0;
    sockets.set(port, socket);
    socket.once('close', () => sockets.delete(port));
    socket.on('error', () => socket.destroy());
    inner.emit('connection', socket);
  });
  const open = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  const dropConnections = () => {
    for (const socket of sockets.values()) socket.destroy();
  };

  await open(0);
  const { port } = server.address() as AddressInfo;
  /** Stops listening and drops every connection: clients get ECONNREFUSED. */
  const goOffline = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    dropConnections();
    await closed;
  };

  return {
    port,
    /** Resets the TCP connection that this request came on, below TLS. */
    reset: ({ remotePort }: { readonly remotePort?: number | undefined }) =>
      sockets.get(remotePort ?? 0)?.resetAndDestroy(),
    goOffline,
    /** Listens again on the same port. */
    async goOnline(): Promise<void> {
      if (!server.listening) await open(port);
    },
    close: goOffline,
  };
}

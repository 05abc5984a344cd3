import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createCertificateAuthority, type ServerCertificate } from '../certificate-authority.ts';

/** How the TLS handshake fails: a certificate of an unknown authority, or a peer that does not speak TLS. */
export type TlsFault = 'untrusted-certificate' | 'not-tls';

/** A loopback port that can stop listening, break TLS and reset connections, and come back on the same port. */
export type Listener = {
  readonly port: number;
  /** Resets the TCP connection that this request came on, below TLS. */
  reset(socket: { readonly remotePort?: number | undefined }): void;
  /** Stops listening and drops every connection: clients get ECONNREFUSED. */
  goOffline(): Promise<void>;
  /** Listens again on the same port. */
  goOnline(): Promise<void>;
  /** Lets every new TLS handshake fail; drops the connections that exist. */
  breakTls(fault: TlsFault): Promise<void>;
  /** Ends {@link Listener.breakTls}. */
  repairTls(): void;
  close(): Promise<void>;
};

/** Listens on 127.0.0.1 for HTTP, or for HTTPS if a certificate is given. */
export async function listen(
  onRequest: RequestListener,
  { hostname, tls }: { readonly hostname: string; readonly tls: ServerCertificate | undefined },
): Promise<Listener> {
  const sockets = new Map<number, Socket>();
  const healthy = tls === undefined ? createHttpServer(onRequest) : createHttpsServer(tls, onRequest);
  let accept = (socket: Socket): void => {
    healthy.emit('connection', socket);
  };
  const acceptHealthy = accept;

  // The HTTP(S) servers do not listen: this server passes connections on to them, unless a fault is active.
  const server = createServer((socket) => {
    const port = socket.remotePort ?? 0;
    sockets.set(port, socket);
    socket.once('close', () => sockets.delete(port));
    socket.on('error', () => socket.destroy());
    accept(socket);
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
  const goOffline = async () => {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    dropConnections();
    await closed;
  };

  return {
    port,
    reset: ({ remotePort }) => sockets.get(remotePort ?? 0)?.resetAndDestroy(),
    goOffline,
    async goOnline() {
      if (!server.listening) await open(port);
    },
    async breakTls(fault) {
      if (tls === undefined)
        throw new Error('This authorization server uses plain HTTP, so TLS cannot be broken.');
      if (fault === 'not-tls') {
        accept = (socket) => socket.end('This is not TLS.\n');
      } else {
        const stranger = await createCertificateAuthority('An authority that nobody trusts');
        const impostor = createHttpsServer(await stranger.issue([hostname]), onRequest);
        accept = (socket) => {
          impostor.emit('connection', socket);
        };
      }
      dropConnections();
    },
    repairTls() {
      accept = acceptHealthy;
    },
    close: goOffline,
  };
}

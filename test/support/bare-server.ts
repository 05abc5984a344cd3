import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A TCP server on loopback that speaks no protocol. */
export interface BareServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly connections: readonly Socket[];
  close(): Promise<void>;
}

/** Listens on a free port; `onConnection` answers each connection. */
export async function startBareServer(onConnection: (socket: Socket) => unknown): Promise<BareServer> {
  const connections: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    connections.push(socket);
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    async close() {
      for (const socket of connections) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

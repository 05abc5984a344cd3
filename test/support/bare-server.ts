import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A TCP server on loopback that speaks no protocol. */
export type BareServer = Awaited<ReturnType<typeof startBareServer>>;

/** Listens on a free port; `onConnection` answers each connection. */
export async function startBareServer(onConnection: (socket: Socket) => unknown) {
  const connections: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    connections.push(socket);
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    /** `http://127.0.0.1:PORT` */
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: connections as readonly Socket[],
    async close(): Promise<void> {
      for (const socket of connections) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

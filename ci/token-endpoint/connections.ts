import { readFileSync } from 'node:fs';
import type { Server, Socket } from 'node:net';

/** More than clients of one job open. */
const MOST_CONNECTIONS = 1024;
/** Where the limit is not known: what most systems allow. */
const USUAL_DESCRIPTORS = 1024;

/** The number of connections, in each direction, that leaves half of the descriptors to the rest of this program. */
export function connectionLimit(): number {
  let descriptors = USUAL_DESCRIPTORS;
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1');
    descriptors = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? descriptors);
  } catch {
    // No Linux.
  }
  return Math.min(MOST_CONNECTIONS, Math.floor(descriptors / 4));
}

/**
 * Keeps a server's connections below a limit: at the limit, the oldest connection that has not shown a credential of this
 * job makes room for a new one. So no other user of the machine keeps the job's clients out.
 *
 * @returns records that a connection showed one
 */
export function limitConnections(server: Server, most: number): (socket: Socket) => void {
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

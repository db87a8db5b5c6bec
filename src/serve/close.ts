import type {Server} from 'node:http';
import type {Socket} from 'node:net';

/**
 * Makes the function that ends a server: it takes no new connection, answers the requests under way and is done. Called
 * twice it ends once.
 */
export function closerOf(server: Server): () => Promise<void> {
  const open = new Set<Socket>();
  const busy = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.on('request', ({socket}, response) => {
    busy.add(socket);
    response.once('close', () => busy.delete(socket));
  });
  let closing: Promise<void> | undefined;
  return () => {
    closing ??= new Promise(resolve => server.close(() => resolve()));
    // The server itself waits for connections that were opened ahead and have not asked for anything yet.
    for (const socket of open) if (!busy.has(socket)) socket.destroy();
    return closing;
  };
}

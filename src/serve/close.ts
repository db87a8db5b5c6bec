import type {IncomingMessage, Server} from 'node:http';
import {Server as NetServer, type Socket} from 'node:net';
import {setImmediate} from 'node:timers/promises';

/** Ends a server. */
export interface Closer {
  /** Takes no new connection, answers every request that was read, and is done. Called twice it ends once. */
  close(): Promise<void>;
  /** Whether the connection of a request ends with its reply: the server closes, and nothing was read after it. */
  isLast(request: IncomingMessage): boolean;
}

/** The requests of a connection that have no whole reply yet, in the order in which they came. */
type Unanswered = IncomingMessage[];

/** Watches the connections of a server, so that it can be ended. */
export function closerOf(server: Server): Closer {
  const connections = new Map<Socket, Unanswered>();
  server.on('connection', (socket: Socket) => {
    connections.set(socket, []);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', (request, response) => {
    const {socket} = request;
    connections.get(socket)?.push(request);
    response.once('close', () => {
      const unanswered = connections.get(socket);
      unanswered?.splice(unanswered.indexOf(request), 1);
      if (closing && unanswered?.length === 0) socket.end();
    });
  });
  let closing: Promise<void> | undefined;
  const close = async () => {
    // Not the method of the HTTP server: that drops connections at once on which a request has come that is not read yet.
    const closed = new Promise<void>(resolve => NetServer.prototype.close.call(server, () => resolve()));
    // What has come is read in these turns of the event loop.
    await setImmediate();
    await setImmediate();
    for (const [socket, unanswered] of connections) if (unanswered.length === 0) socket.destroy();
    await closed;
    // Ends the server's watch for slow requests.
    server.close();
  };
  return {
    close: () => {
      closing ??= close();
      return closing;
    },
    isLast: request => closing !== undefined && connections.get(request.socket)?.at(-1) === request,
  };
}

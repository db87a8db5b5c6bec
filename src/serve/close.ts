import type {IncomingMessage, Server} from 'node:http';
import {Server as NetServer, type Socket} from 'node:net';
import {setImmediate} from 'node:timers/promises';

/** Closes a server. */
export interface Closer {
  /** Accepts no new connection, answers every request that was read, then ends. A second call does nothing more. */
  close(): Promise<void>;
  /**
   * True if the connection must end with the reply to this request: the server is closing, and no later request was
   * read.
   */
  isLast(request: IncomingMessage): boolean;
}

/** The requests of a connection without a complete reply, in order of arrival. */
type Unanswered = IncomingMessage[];

/** Watches the connections of a server, so that it can be closed. */
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
    // The HTTP server's own method would at once drop connections with requests that have arrived but are not read yet.
    const closed = new Promise<void>(resolve => NetServer.prototype.close.call(server, () => resolve()));
    // Requests that have arrived are read in these turns of the event loop.
    await setImmediate();
    await setImmediate();
    for (const [socket, unanswered] of connections) if (unanswered.length === 0) socket.destroy();
    await closed;
    // Stops the server's timer for slow requests.
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

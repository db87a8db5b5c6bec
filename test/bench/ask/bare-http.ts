/** HTTP over bare sockets: a service takes little from the machine that it shares with the measured client. */
import {createServer, type Socket} from 'node:net';

const HEAD_END = '\r\n\r\n';

/** A reply with JSON. @param headers - further ones, each with its end of line */
export function jsonReply(status: string, body: string, headers = ''): string {
  const length = `content-length: ${Buffer.byteLength(body)}`;
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\n${headers}${length}${HEAD_END}${body}`;
}

/** Answers requests, one after another on a socket. Prints its URL, and ends the process with its parent. */
export function serve(answer: (socket: Socket, body: string, head: string) => void): void {
  const listen = (socket: Socket) => {
    let waiting = '';
    socket.setNoDelay().setEncoding('latin1');
    socket.on('error', () => socket.destroy());
    socket.on('data', (text: string) => {
      waiting += text;
      const start = waiting.indexOf(HEAD_END) + HEAD_END.length;
      const length = Number(/content-length: (\d+)/i.exec(waiting)?.[1] ?? 0);
      if (start < HEAD_END.length || waiting.length < start + length) return;
      const [head, body] = [waiting.slice(0, start), waiting.slice(start)];
      waiting = '';
      answer(socket, body, head);
    });
  };
  const server = createServer(listen).listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (typeof address === 'object') console.log(`http://127.0.0.1:${address?.port}`);
  });
  process.stdin.resume().once('end', () => process.exit());
}

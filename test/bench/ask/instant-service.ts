/**
 * A service that answers at once, in its own process, which ends with its parent. It speaks HTTP over a bare socket, so
 * that it takes little from the machine that it shares with the measured client.
 */
import {createServer, type Socket} from 'node:net';

const HEAD_END = '\r\n\r\n';
const replies = new Map<number, string>();

/** Ten equal log-probabilities for each of `count` inputs. */
function replyTo(count: number): string {
  const known = replies.get(count);
  if (known !== undefined) return known;
  const data = new Array<number>(count * 10).fill(Math.log(0.1));
  const outputs = [{name: 'log_probabilities', datatype: 'FP64', shape: [count, 10], data}];
  const body = JSON.stringify({model_name: 'instant', model_version: '1', outputs});
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  const reply = `${head}${HEAD_END}${body}`;
  replies.set(count, reply);
  return reply;
}

function serve(socket: Socket): void {
  let waiting = '';
  socket.setNoDelay().setEncoding('latin1');
  socket.on('error', () => socket.destroy());
  socket.on('data', (text: string) => {
    waiting += text;
    const start = waiting.indexOf(HEAD_END) + HEAD_END.length;
    const length = Number(/content-length: (\d+)/i.exec(waiting)?.[1]);
    if (start < HEAD_END.length || waiting.length < start + length) return;
    const count = Number(/"shape":\[(\d+)/.exec(waiting.slice(start))?.[1]);
    waiting = '';
    socket.write(replyTo(count), 'latin1');
  });
}

const server = createServer(serve).listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object') console.log(`http://127.0.0.1:${address?.port}`);
});
process.stdin.resume().once('end', () => process.exit());

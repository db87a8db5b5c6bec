/** A service that answers at once, in its own process, which ends with its parent. */
import {jsonReply, serve} from './bare-http.ts';

const replies = new Map<number, string>();

/** Ten equal log-probabilities for each of `count` inputs. */
function replyTo(count: number): string {
  const known = replies.get(count);
  if (known !== undefined) return known;
  const data = new Array<number>(count * 10).fill(Math.log(0.1));
  const outputs = [{name: 'log_probabilities', datatype: 'FP64', shape: [count, 10], data}];
  const reply = jsonReply('200 OK', JSON.stringify({model_name: 'instant', model_version: '1', outputs}));
  replies.set(count, reply);
  return reply;
}

serve((socket, body) => socket.write(replyTo(Number(/"shape":\[(\d+)/.exec(body)?.[1])), 'latin1'));

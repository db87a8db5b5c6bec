/**
 * A model server that counts, in its own process, which ends with its parent. It speaks the Open Inference protocol over a
 * bare socket and answers each text after a while. Arguments: how many texts there are, milliseconds until an answer, and
 * the requests that it takes in a minute (0: any number); it refuses those beyond with 429.
 *
 * `GET /counts` tells what it was paid for: the texts with at least one answer, and the numbers of those with more.
 */
import {createServer, type Socket} from 'node:net';

const [texts, delay, perMinute] = process.argv.slice(2).map(Number) as [number, number, number];
const paid = new Uint8Array(texts);
/** When the latest answers were given, by `performance.now()`; a ring of as many as a minute may hold. */
const recent = new Float64Array(perMinute || 1).fill(Number.NEGATIVE_INFINITY);
let [requests, refused] = [0, 0];

const HEAD_END = '\r\n\r\n';
const MINUTE = 60_000;
const CLASSES = 10;

function reply(status: string, body: string, headers = ''): string {
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\n${headers}content-length: ${Buffer.byteLength(body)}${HEAD_END}${body}`;
}

/** The distribution over the classes that a text has, whoever asks. */
function logProbabilities(number: number): readonly number[] {
  const weights = Array.from({length: CLASSES}, (_, index) => 1 + ((number * (index + 3)) % 7));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map(weight => Math.log(weight / sum));
}

function isRefused(now: number): boolean {
  if (perMinute === 0) return false;
  const oldest = recent[requests % perMinute]!;
  return now - oldest < MINUTE;
}

/** Answers a request with the texts of these numbers. */
function answer(socket: Socket, numbers: readonly number[]): void {
  const now = performance.now();
  if (isRefused(now)) {
    refused++;
    socket.write(reply('429 Too Many Requests', '{"error":"too many requests"}', 'retry-after: 1\r\n'));
    return;
  }
  recent[requests % recent.length] = now;
  requests++;
  for (const number of numbers) paid[number]!++;
  const data = numbers.flatMap(logProbabilities);
  const outputs = [{name: 'log_probabilities', datatype: 'FP64', shape: [numbers.length, CLASSES], data}];
  const body = JSON.stringify({model_name: 'counting', model_version: '1', outputs});
  setTimeout(() => socket.write(reply('200 OK', body)), delay);
}

function counts(): string {
  const again: number[] = [];
  let answered = 0;
  for (const [number, times] of paid.entries()) {
    if (times > 0) answered++;
    if (times > 1) again.push(number);
  }
  return JSON.stringify({requests, refused, answered, again});
}

function serve(socket: Socket): void {
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
    if (head.startsWith('GET /counts')) socket.write(reply('200 OK', counts()));
    else
      answer(
        socket,
        Array.from(body.matchAll(/Number (\d+)/g), ([, number]) => Number(number)),
      );
  });
}

const server = createServer(serve).listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object') console.log(`http://127.0.0.1:${address?.port}`);
});
process.stdin.resume().once('end', () => process.exit());

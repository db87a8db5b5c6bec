/**
 * A model server that counts, in its own process, which ends with its parent. It speaks the Open Inference protocol over a
 * bare socket and answers each text after a while. Arguments: how many texts there are, and milliseconds until an answer.
 *
 * `GET /counts` tells what it was paid for: the texts with at least one answer, and the numbers of those with more.
 */
import type {Socket} from 'node:net';
import {jsonReply, serve} from '../ask/bare-http.ts';

const [texts, delay] = process.argv.slice(2).map(Number) as [number, number];
/** By text, 1 if it was answered. */
const paid = new Uint8Array(texts);
const again = new Set<number>();
let [requests, answered] = [0, 0];

const CLASSES = 10;

/** The distribution over the classes that a text has, whoever asks. */
function logProbabilities(number: number): readonly number[] {
  const weights = Array.from({length: CLASSES}, (_, index) => 1 + ((number * (index + 3)) % 7));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map(weight => Math.log(weight / sum));
}

/** Answers a request with the texts of these numbers. */
function answer(socket: Socket, numbers: readonly number[]): void {
  requests++;
  for (const number of numbers) {
    if (paid[number] === 0) answered++;
    else again.add(number);
    paid[number] = 1;
  }
  const data = numbers.flatMap(logProbabilities);
  const outputs = [{name: 'log_probabilities', datatype: 'FP64', shape: [numbers.length, CLASSES], data}];
  const body = JSON.stringify({model_name: 'counting', model_version: '1', outputs});
  setTimeout(() => socket.write(jsonReply('200 OK', body)), delay);
}

function counts(): string {
  return JSON.stringify({requests, answered, again: [...again]});
}

serve((socket, body, head) => {
  if (head.startsWith('GET /counts')) socket.write(jsonReply('200 OK', counts()));
  else {
    const numbers = Array.from(body.matchAll(/Number (\d+)/g), ([, number]) => Number(number));
    answer(socket, numbers);
  }
});

/**
 * A process that asks a service that answers at once about many inputs, through all layers, and prints the most memory
 * of its own that it held, in bytes. Arguments: a folder, and how many inputs.
 */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {openAsking} from '../../src/ask/asking.ts';
import {askEach} from '../../src/ask/batches.ts';
import type {Query, Reply, Teacher} from '../../src/teacher.ts';
import {numberOf} from './fake-teacher.ts';
import {labels, payingTeacher} from './paying-teacher.ts';

const [folder = '', count = ''] = process.argv.slice(2);

const {requests: _, ...payer} = payingTeacher();
const teacher: Teacher<'black-box'> = {
  ...payer,
  maxBatch: 64,
  concurrency: 16,
  async ask(queries, {exchange = (_: readonly number[], send: () => Promise<Reply>) => send()} = {}) {
    const reply = await exchange([...queries.keys()], async () => labels(queries.map(numberOf)));
    return payer.service.read(reply, queries.length, payer.detail);
  },
};

function* inputs(): Generator<Query, void> {
  for (let number = 0; number < Number(count); number++) yield {input: {kind: 'text', text: String(number)}};
}

/** Memory that stands for no file; Linux alone tells. */
function ownMemory(): number {
  const [, kilobytes] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))!;
  return 1024 * Number(kilobytes);
}

let [peak, answers] = [0, 0];
const asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal')});
await askEach(asking.open(teacher).teacher, inputs(), outcomes => {
  for (const outcome of outcomes) if ('answer' in outcome) answers++;
  peak = Math.max(peak, ownMemory());
});
await asking.close();
if (answers !== Number(count)) throw new Error(`${answers} answers to ${count} inputs.`);
console.log(peak);

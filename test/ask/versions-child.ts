/**
 * Collects what a teacher says of three views of each of 30 images, kept in a folder, and kills its own process after so
 * many calls; at the end prints how often the teacher was asked, and the answers with what the pixels beside them mean.
 */
import {setTimeout} from 'node:timers/promises';
import {openAsking} from '../../src/ask/asking.ts';
import {collect} from '../../src/ask/collect.ts';
import type {TensorInputs} from '../../src/data/inputs.ts';
import {mixUp} from '../../src/data/mixed-view.ts';
import {versionsOf} from '../../src/data/versions.ts';
import type {Teacher} from '../../src/teacher.ts';

const [folder, most] = process.argv.slice(2) as [string, string];

const shape = [4, 4, 1];
const data = Uint8Array.from({length: 30 * 16}, (_, place) => (place * 89) ^ (place >> 4));
const images: TensorInputs = {kind: 'tensor', dtype: 'uint8', shape, count: 30, data};
const meaningOf = (pixels: ArrayLike<number>) =>
  Array.from(pixels).reduce((hash, value) => Math.imul(hash ^ value, 0x01000193) >>> 0, 7) % 3;

let calls = 0;
const teacher: Teacher<'black-box'> = {
  name: 'poison',
  identity: {name: 'poison'},
  access: 'black-box',
  classes: ['a', 'b', 'c'],
  detail: {kind: 'label'},
  maxBatch: 8,
  concurrency: 3,
  async ask(queries) {
    if (++calls > Number(most)) {
      await setTimeout(200);
      process.kill(process.pid, 'SIGKILL');
    }
    await setTimeout(10 * (calls % 3));
    return queries.map(({input}) => ({
      answer: {kind: 'label', label: input.kind === 'tensor' ? meaningOf(input.data) : 0},
    }));
  },
};

const asking = await openAsking({cache: `${folder}/answers`, journal: `${folder}/journal`});
const opened = asking.open(teacher);
const {inputs, answers} = await collect(opened.teacher, {
  role: 'transfer',
  ...versionsOf(images, {view: mixUp(), count: 3}),
});
if (inputs.kind !== 'tensor' || answers.kind !== 'label') throw new TypeError('Expected labels of tensors.');
const {bought, cached} = opened.ledger.snapshot();
const meant = Array.from(answers.labels, (_, row) => meaningOf(inputs.data.subarray(16 * row, 16 * row + 16)));
process.stdout.write(JSON.stringify({bought, cached, told: [...answers.labels], meant}));
await asking.close();

import type {Inputs} from '../../src/data/inputs.ts';
import type {Answers} from '../../src/knowledge/answers.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {type OpenKnowledgeOptions, openKnowledge} from '../../src/knowledge/open-knowledge.ts';
import type {Detail} from '../../src/teacher.ts';

const texts: Inputs = {kind: 'text', count: 2, texts: ['', '\ufeffnaïve 🌱\n']};
const bytes: Inputs = {
  kind: 'tensor',
  dtype: 'uint8',
  shape: [1, 3],
  count: 2,
  data: Uint8Array.of(0, 1, 2, 3, 254, 255),
};
const whole: Inputs = {kind: 'tensor', dtype: 'int32', shape: [1], count: 2, data: Int32Array.of(-7, 70_000)};
const floats: Inputs = {kind: 'tensor', dtype: 'float32', shape: [], count: 2, data: Float32Array.of(-0, 0.1)};

const images: Inputs = {
  kind: 'image',
  count: 2,
  images: [
    {bytes: Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a), mediaType: 'image/png'},
    {bytes: Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), mediaType: 'image/jpeg'},
  ],
};
const records: Inputs = {kind: 'record', count: 2, records: [{age: 0.1, naïve: '🌱', paid: true, none: null}, {}]};

/** Inputs of every kind, with answers of every kind to them. */
export const cases: readonly (readonly [Inputs, Detail, Answers])[] = [
  [texts, {kind: 'label'}, {kind: 'label', count: 2, labels: Int32Array.of(1, 0)}],
  [bytes, {kind: 'votes'}, {kind: 'votes', count: 2, counts: Uint32Array.of(1, 4_000_000_000, 0, 3, 2, 1)}],
  [
    whole,
    {kind: 'top-k', k: 2},
    {
      kind: 'top-k',
      count: 2,
      k: 2,
      classes: Int32Array.of(2, 0, 1, -1),
      logProbabilities: Float32Array.of(-0.1, -3, -0.5, Number.NEGATIVE_INFINITY),
      rest: Float32Array.of(0.04, 0.4),
    },
  ],
  [
    floats,
    {kind: 'log-probabilities'},
    {kind: 'log-probabilities', count: 2, logProbabilities: Float32Array.of(-1e-45, Number.NaN, -5, -1, -2, -3)},
  ],
  [
    bytes,
    {kind: 'logits', features: ['pool', 'a/b']},
    {
      kind: 'logits',
      count: 2,
      logits: Float32Array.of(1, 2, 3, 4, 5, 6),
      features: {
        pool: {shape: [2, 1], values: Float32Array.of(1, 2, 3, 4)},
        'a/b': {shape: [], values: Float32Array.of(5, 6)},
      },
    },
  ],
  [floats, {kind: 'expected'}, {kind: 'expected', count: 2, levels: Float32Array.of(0, 1.25)}],
  [images, {kind: 'label'}, {kind: 'label', count: 2, labels: Int32Array.of(1, 0)}],
  [records, {kind: 'label'}, {kind: 'label', count: 2, labels: Int32Array.of(0, 2)}],
];

export function knowledgeOf([inputs, detail, answers]: (typeof cases)[number]): Knowledge {
  const identity = {service: 'made up', labels: ['α', 'b', 'c'], nested: {temperature: 0, stop: null}};
  return {source: {access: 'gray-box', identity}, classes: ['α', 'b', 'c'], detail, inputs, answers};
}

/** All rows of a file that is opened and read row by row, or those that are named. */
export async function readWhole(
  path: string,
  {rows, ...options}: OpenKnowledgeOptions & {readonly rows?: readonly number[]} = {},
): Promise<Knowledge> {
  const knowledge = await openKnowledge(path, options);
  try {
    const {source, classes, detail, count, versions, unanswered} = knowledge;
    const read = rows ?? Array.from({length: count}, (_, row) => row);
    const [inputs, answers] = await Promise.all([knowledge.readInputs(read), knowledge.readAnswers(read)]);
    return {
      ...{source, classes, detail, inputs, answers},
      ...(versions && {versions}),
      ...(unanswered && {unanswered}),
    };
  } finally {
    await knowledge.close();
  }
}

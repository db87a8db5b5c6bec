import {join} from 'node:path';
import {randomNormals, seededRandom} from '../../../src/data/random.ts';
import {layers, tf} from '../../../src/engine/tf.ts';
import {choice, predicate, score} from '../../../src/questions.ts';
import {embeddingHead} from '../../../src/student/embedding-head.ts';
import {hashedNgrams} from '../../../src/student/hashed-ngrams.ts';
import {headOf, withHeads} from '../../../src/student/heads.ts';
import {lenet} from '../../../src/student/lenet.ts';
import {makeStudent} from '../../../src/student/make-student.ts';
import {mlp} from '../../../src/student/mlp.ts';
import {resnetCifar} from '../../../src/student/resnet-cifar.ts';
import {type PreparedTable, withTable} from '../../../src/student/static-embedding.ts';
import type {Student, Task} from '../../../src/student/student.ts';
import {subwordCnn} from '../../../src/student/subword-cnn.ts';
import {withVectors} from '../../../src/student/vectors.ts';
import {imageTask} from '../../student/examples.ts';

const classes = ['billing', 'fault', 'other'];
const texts: Task = {classes, kind: 'text', inputShape: [], preprocessing: {}};
const questions = [
  choice('topic', 'What is it about?', classes),
  predicate('is urgent', 'Must it be answered today?'),
  score('mood', 'How glad is the writer?', ['sad', 'calm', 'glad', 'delighted']),
];
const model = join(import.meta.dirname, '../../fixtures/tiny-model/cls');
const calibration = {temperature: 1.7, threshold: 0.6};

const pieces = ['where', 'is', 'my', 'par', '##cel', '?', 'the', 'a', '##a', '!', 'card', '日', '##l', 'straße', 'i'];
const table: PreparedTable = {
  reading: {kind: 'word-pieces', vocabulary: pieces.join(' '), length: 1000},
  table: Float32Array.from(randomNormals(seededRandom(5), pieces.length * 8)),
  width: 8,
};

/** Students of every kind, with weights that are not those of a fresh one. */
export const STUDENTS: Readonly<Record<string, () => Student>> = {
  'mlp of an image': () => mlp({units: [8, 5]})(imageTask([4, 4, 3]), 1),
  'mlp of standardised columns': () =>
    mlp()({classes, inputShape: [3], preprocessing: {scale: 0.1, mean: [1, 2, 3], deviation: [4, 5, 600]}}, 1),
  'linear mlp of whole numbers': () =>
    mlp({units: []})({classes, inputShape: [4], preprocessing: {deviation: 3}, dtype: 'int32'}, 1),
  'mlp of records': () => ({
    ...mlp()({classes, inputShape: [3], preprocessing: {}}, 1),
    reading: {
      kind: 'record' as const,
      columns: [
        {name: 'age', kind: 'number' as const, mean: 40, deviation: 9, marksMissing: true},
        {name: 'size', kind: 'number' as const, mean: 0, deviation: 1, marksMissing: false},
      ],
    },
  }),
  lenet: () => lenet({filters: [3, 4], units: 5})(imageTask([18, 20, 1]), 1),
  'resnet with shortcut A': () => resnetCifar({depth: 20})(imageTask([9, 8, 3]), 1),
  'resnet with shortcut B': () => resnetCifar({depth: 20, shortcut: 'B'})(imageTask([8, 8, 1]), 1),
  hashedNgrams: () => hashedNgrams({buckets: 2 ** 11})(texts, 1),
  'linear hashedNgrams': () => hashedNgrams({units: [], buckets: 500, words: 3, characters: [0, 0]})(texts, 1),
  subwordCnn: () => subwordCnn({widths: [1, 2, 3, 5], filters: 8, units: [6], buckets: 500, pieces: 40})(texts, 1),
  'subwordCnn of one width': () =>
    subwordCnn({widths: [2], filters: 8, buckets: 500, characters: 1, pieces: 60, length: 50})(texts, 1),
  staticEmbedding: () => withTable(table, [6])(texts, 1),
  'linear staticEmbedding': () => withTable(table, [])(texts, 1),
  'vectors of texts': () => withVectors(hashedNgrams({buckets: 300, units: []}), 6)(texts, 1),
  'vectors of images': () => withVectors(mlp({units: [8]}), 5)(imageTask([4, 4, 3]), 1),
  embeddingHead: () => embeddingHead({model, output: 'hidden_states.2', units: [7]})(texts, 1),
  'several heads': () => {
    const student = withHeads(hashedNgrams({buckets: 300, units: [9]}), questions)(texts, 1);
    const [first, ...others] = student.heads!;
    return makeStudent({...student, heads: [{...first!, calibration}, ...others]});
  },
  'one head of several': () => headOf(withHeads(mlp(), questions)(imageTask([4, 4, 1]), 1), 'mood'),
  'a softmax in the last layer': () => own('probabilities', layers.layers.dense({units: 3, activation: 'softmax'})),
  'a softmax as the last layer': () =>
    own('probabilities', layers.layers.dense({units: 3}), layers.layers.softmax({name: 'shares'})),
  'probabilities without a softmax': () => own('probabilities', layers.layers.dense({units: 3, activation: 'sigmoid'})),
  'layers of one axis': () =>
    own(
      'logits',
      layers.layers.conv1d({filters: 4, kernelSize: 3, strides: 2, padding: 'same', activation: 'tanh'}),
      layers.layers.batchNormalization({scale: false}),
      layers.layers.maxPooling1d({poolSize: 2}),
      layers.layers.dropout({rate: 0.5}),
      layers.layers.activation({activation: 'relu6'}),
      layers.layers.averagePooling1d({poolSize: 2, strides: 1, padding: 'same'}),
      layers.layers.globalAveragePooling1d({}),
      layers.layers.dense({units: 3}),
    ),
  'layers of images': () => {
    const {conv2d, zeroPadding2d, averagePooling2d, maxPooling2d, globalMaxPooling2d, concatenate, dense} =
      layers.layers;
    const input = layers.input({shape: [9, 11, 2]});
    const apply = (value: layers.SymbolicTensor, ...steps: layers.layers.Layer[]) =>
      steps.reduce((current, step) => step.apply(current) as layers.SymbolicTensor, value);
    const wide = apply(
      input,
      conv2d({filters: 3, kernelSize: [3, 2], dilationRate: 2, activation: 'elu'}),
      zeroPadding2d({
        padding: [
          [1, 2],
          [0, 3],
        ],
      }),
    );
    const [mean, most] = [
      averagePooling2d({poolSize: 3, strides: 2, padding: 'same'}),
      maxPooling2d({poolSize: 3, strides: 2, padding: 'same'}),
    ];
    const both = concatenate().apply([apply(wide, mean), apply(wide, most)]) as layers.SymbolicTensor;
    const outputs = apply(both, globalMaxPooling2d({}), dense({units: 3}));
    return makeStudent({
      model: layers.model({inputs: input, outputs}),
      classes,
      preprocessing: {mean: [1, 2]},
      output: 'logits',
    });
  },
};

function own(output: Student['output'], ...steps: layers.layers.Layer[]): Student {
  const [first, ...others] = steps;
  const inputs = layers.input({shape: [12, 2]});
  const start = first!.getClassName() === 'Dense' ? layers.layers.flatten().apply(inputs) : inputs;
  const outputs = [first!, ...others].reduce((value, step) => step.apply(value), start) as layers.SymbolicTensor;
  return makeStudent({model: layers.model({inputs, outputs}), classes, preprocessing: {}, output});
}

/** A student whose biases and moving averages are those of no fresh one. */
export function shaken(student: Student): Student {
  const random = seededRandom(5);
  for (const weight of student.model.weights) {
    const {shape, dtype} = weight.read();
    if (shape.length > 1) continue;
    const values = randomNormals(random, shape[0]!).map(value =>
      weight.originalName.includes('variance') ? 0.5 + value ** 2 : 1 + 0.3 * value,
    );
    tf.tidy(() => void weight.write(tf.tensor(Float32Array.from(values), shape, dtype)));
  }
  return student;
}

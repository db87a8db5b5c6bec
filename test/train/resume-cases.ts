import type {TensorInputs} from '../../src/data/inputs.ts';
import {mixUp} from '../../src/data/mixed-view.ts';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {asSplit} from '../../src/data/split.ts';
import {crop, flip, views} from '../../src/data/view.ts';
import {layers} from '../../src/engine/tf.ts';
import {coarsenKnowledge, type Knowledge, trueLabels} from '../../src/knowledge/knowledge.ts';
import {featureHint} from '../../src/losses/feature-hint.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {learnedTemperature} from '../../src/losses/learned-temperature.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {studentFor} from '../../src/student/make-student.ts';
import {mlp} from '../../src/student/mlp.ts';
import type {Student} from '../../src/student/student.ts';
import {adam, sgd} from '../../src/train/optimizer.ts';
import type {TrainOptions} from '../../src/train/options.ts';
import {constantRate} from '../../src/train/schedule.ts';

/** One kind of run, small enough to be cut at every step. */
export interface ResumeCase {
  readonly student: (seed: number) => Student;
  readonly knowledge: Knowledge;
  readonly options: TrainOptions;
}

const classes = ['left', 'right', 'middle'];
const task = {classes, inputShape: [4, 4, 1], preprocessing: {}};
const perceptron = (seed: number, units = [6]): Student => mlp({units})(task, seed);

/** Images of 4 x 4, bright in one of three columns, with noise; the last batch of 8 is a smaller one. */
export function columns(count = 20, seed = 1): {inputs: TensorInputs; labels: Int32Array} {
  const random = seededRandom(seed, 'columns');
  const labels = Int32Array.from({length: count}, (_, index) => index % 3);
  const data = Float32Array.from({length: count * 16}, (_, index) => {
    return (index % 4 === labels[Math.floor(index / 16)] ? 1 : 0) + randomFraction(random);
  });
  return {inputs: {kind: 'tensor', dtype: 'float32', shape: [4, 4, 1], count, data}, labels};
}

const truth: Knowledge = trueLabels(columns(), classes);

/** Logits and a feature of 5 values, made up. */
function whiteBox(): Knowledge {
  const random = seededRandom(2, 'white box');
  const floats = (length: number) => Float32Array.from({length}, () => 3 * randomFraction(random));
  const features = {fc: {shape: [5], values: floats(100)}};
  return {
    ...truth,
    source: {access: 'white-box', identity: {model: 'made up'}},
    detail: {kind: 'logits', features: ['fc']},
    answers: {kind: 'logits', count: 20, logits: floats(60), features},
  };
}

/** A convolution and a batch norm, whose moving averages are weights that no gradient reaches. */
function convolutional(seed: number): Student {
  const kernelInitializer = (part: number) => layers.initializers.glorotUniform({seed: seed + part});
  const input = layers.input({shape: [4, 4, 1], name: 'image'});
  const steps = [
    layers.layers.conv2d({filters: 2, kernelSize: 3, kernelInitializer: kernelInitializer(0), name: 'conv'}),
    layers.layers.batchNormalization({name: 'norm'}),
    layers.layers.activation({activation: 'relu', name: 'relu'}),
    layers.layers.flatten({name: 'flat'}),
    layers.layers.dense({units: 3, kernelInitializer: kernelInitializer(1), name: 'logits'}),
  ];
  const output = steps.reduce((tensor, layer) => layer.apply(tensor) as typeof input, input);
  return studentFor(task, layers.model({inputs: input, outputs: output, name: 'convolutional'}));
}

const ofTexts = (seed: number): Student => {
  const text = {classes, kind: 'text', inputShape: [], preprocessing: {}} as const;
  return hashedNgrams({buckets: 128, units: [4]})(text, seed);
};

function texts(): Knowledge {
  const labels = Int32Array.from({length: 20}, (_, index) => index % 3);
  const lines = Array.from(labels, (label, index) => `${classes[label]} of ${index}`);
  return trueLabels({inputs: {kind: 'text', count: 20, texts: lines}, labels}, classes);
}

const base: ResumeCase = {
  student: perceptron,
  knowledge: truth,
  options: {losses: [hardLabels()], seed: 3, epochs: 3, batchSize: 8, optimizer: adam({learningRate: 0.02})},
};

const withOptions = (options: Partial<TrainOptions>, rest: Partial<ResumeCase> = {}): ResumeCase => ({
  ...base,
  ...rest,
  options: {...base.options, ...options},
});

/** Each kind of state that a run can have. To be made once the engine runs. */
export const resumeCases: Readonly<Record<string, () => ResumeCase>> = {
  adam: () => base,
  'sgd with momentum, clipped, measured every second epoch': () =>
    withOptions({
      optimizer: sgd({learningRate: 0.1, weightDecay: 1e-3}),
      clipNorm: 0.5,
      validateEvery: 2,
      validation: asSplit('validation', columns(30, 5)),
    }),
  'sgd without momentum, warming up': () =>
    withOptions({
      optimizer: sgd({learningRate: 0.1, momentum: 0}),
      schedule: constantRate({warmUp: 0.5}),
    }),
  'a projection of its own': () =>
    withOptions(
      {losses: [softLabels(), featureHint({teacher: 'fc', student: 'dense_1', weight: 1})]},
      {knowledge: whiteBox()},
    ),
  'a temperature that is learned': () =>
    withOptions(
      {losses: [learnedTemperature(), hardLabels({weight: 0.1})]},
      {knowledge: coarsenKnowledge(whiteBox(), {kind: 'logits'})},
    ),
  'early stopping': () =>
    withOptions({
      epochs: 12,
      // So high a rate that it gets worse again.
      optimizer: sgd({learningRate: 0.3}),
      schedule: constantRate(),
      earlyStopping: {patience: 2},
      validation: asSplit('validation', columns(30, 5)),
    }),
  'batch norm': () => withOptions({}, {student: convolutional}),
  'a live teacher and views': () =>
    withOptions({
      losses: [softLabels({weight: 0.5}), hardLabels({smoothing: 0.1})],
      view: views(crop({padding: 1}), flip()),
      teacher: asTeacher(perceptron(9, [12])),
    }),
  'lazy updates of a first layer': () => withOptions({optimizer: adam()}, {student: ofTexts, knowledge: texts()}),
  'two versions of each input': () => withOptions({}, {knowledge: {...truth, versions: 2}}),
  'two versions of each input, balanced': () => withOptions({balance: 0.7}, {knowledge: {...truth, versions: 2}}),
  'a live teacher and mixtures': () =>
    withOptions({losses: [softLabels()], view: mixUp(), teacher: asTeacher(perceptron(9, [12]))}),
};

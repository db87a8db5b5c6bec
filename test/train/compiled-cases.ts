import type {TensorInputs} from '../../src/data/inputs.ts';
import {randomFraction, randomInteger, seededRandom} from '../../src/data/random.ts';
import {layers} from '../../src/engine/tf.ts';
import type {Answers} from '../../src/knowledge/answers.ts';
import {coarsenKnowledge, type Knowledge} from '../../src/knowledge/knowledge.ts';
import {attentionTransfer} from '../../src/losses/attention-transfer.ts';
import {centredLogits} from '../../src/losses/centred-logits.ts';
import {dist} from '../../src/losses/dist.ts';
import {dkd} from '../../src/losses/dkd.ts';
import {featureHint} from '../../src/losses/feature-hint.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {jensenShannon} from '../../src/losses/jensen-shannon.ts';
import {learnedTemperature} from '../../src/losses/learned-temperature.ts';
import {levelLabels} from '../../src/losses/level-labels.ts';
import {type LossTerm, needsOf} from '../../src/losses/loss.ts';
import {nkd} from '../../src/losses/nkd.ts';
import {pkt} from '../../src/losses/pkt.ts';
import {quantised} from '../../src/losses/quantised.ts';
import {rkd} from '../../src/losses/rkd.ts';
import {scoreLabels} from '../../src/losses/score-labels.ts';
import {similarityPreserving} from '../../src/losses/similarity-preserving.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {standardised} from '../../src/losses/standardised.ts';
import {topKLabels} from '../../src/losses/top-k.ts';
import {ttm} from '../../src/losses/ttm.ts';
import {voteLabels} from '../../src/losses/vote-labels.ts';
import {lenet} from '../../src/student/lenet.ts';
import {studentFor} from '../../src/student/make-student.ts';
import {mlp} from '../../src/student/mlp.ts';
import {resnetCifar} from '../../src/student/resnet-cifar.ts';
import type {Student, StudentBuilder, Task} from '../../src/student/student.ts';
import type {Detail} from '../../src/teacher.ts';
import {adam, type Optimizer, sgd} from '../../src/train/optimizer.ts';
import type {TrainOptions} from '../../src/train/options.ts';
import {cosineDecay} from '../../src/train/schedule.ts';
import {typedQuestions} from '../losses/typed.ts';

const classes = ['a', 'b', 'c', 'd', 'e'];

/** 76 examples in batches of 16: the last batch of an epoch is a smaller one, and ten epochs have 50 steps. */
const count = 76;

export interface CompiledCase {
  readonly student: () => Student;
  readonly knowledge: Knowledge;
  readonly options: TrainOptions;
}

const random = seededRandom(5, 'compiled cases');
const floats = (length: number): Float32Array => Float32Array.from({length}, () => 4 * randomFraction(random) - 2);

function inputsOf(shape: readonly number[]): TensorInputs {
  const size = shape.reduce((product, length) => product * length, count);
  const data = Uint8Array.from({length: size}, () => randomInteger(random, 0, 255));
  return {kind: 'tensor', dtype: 'uint8', shape, count, data};
}

function knowledgeOf(inputShape: readonly number[], detail: Detail, answers: Answers): Knowledge {
  const source = {access: 'white-box', identity: {model: 'made up'}} as const;
  return {source, classes, detail, inputs: inputsOf(inputShape), answers};
}

const logits = (inputShape: readonly number[]): Knowledge =>
  knowledgeOf(
    inputShape,
    {kind: 'logits', features: ['fc', 'map']},
    {
      kind: 'logits',
      count,
      logits: floats(count * classes.length),
      features: {
        fc: {shape: [7], values: floats(count * 7)},
        map: {shape: [3, 3, 5], values: floats(count * 45)},
      },
    },
  );

/** Two of five classes, with what they leave over. */
function topTwo(): Knowledge {
  const first = Float32Array.from({length: count}, () => 0.4 + 0.2 * randomFraction(random));
  const logProbabilities = Float32Array.from({length: count * 2}, (_, place) =>
    Math.log(place % 2 === 0 ? first[place / 2]! : 0.3),
  );
  return knowledgeOf(
    [4, 4, 1],
    {kind: 'top-k', k: 2},
    {
      kind: 'top-k',
      count,
      k: 2,
      classes: Int32Array.from({length: count * 2}, (_, place) => (Math.floor(place / 2) * 2 + (place % 2)) % 5),
      logProbabilities,
      rest: first.map(probability => 1 - 0.3 - probability),
    },
  );
}

function votes(): Knowledge {
  const counts = Uint32Array.from({length: count * classes.length}, () => randomInteger(random, 0, 4));
  return knowledgeOf([4, 4, 1], {kind: 'votes'}, {kind: 'votes', count, counts});
}

const small = logits([4, 4, 1]);

/** What losses read of logits and features; of other answers they read all. */
function readBy(losses: readonly LossTerm[], {detail}: Knowledge): Detail {
  const needs = needsOf(losses);
  if (detail.kind !== 'logits' || needs.kind === 'label') return detail.kind === 'logits' ? needs : detail;
  return {kind: 'logits', features: needs.kind === 'logits' ? (needs.features ?? []) : []};
}

function caseOf(
  losses: readonly LossTerm[],
  {
    knowledge = small,
    builder = mlp({units: [8]}),
    optimizer = adam({learningRate: 0.01}),
    options = {},
  }: {
    readonly knowledge?: Knowledge;
    readonly builder?: StudentBuilder;
    readonly optimizer?: Optimizer;
    readonly options?: Partial<TrainOptions>;
  } = {},
): CompiledCase {
  const {inputs} = knowledge;
  const inputShape = inputs.kind === 'tensor' ? inputs.shape : [];
  const preprocessing = {scale: 1 / 255, mean: 0.5, deviation: 0.25};
  return {
    student: () => builder({classes, inputShape, preprocessing}, 1),
    knowledge: coarsenKnowledge(knowledge, readBy(losses, knowledge)),
    options: {
      losses,
      seed: 3,
      epochs: 10,
      batchSize: 16,
      optimizer,
      schedule: cosineDecay({warmUp: 0.1}),
      clipNorm: 1,
      ...options,
    },
  };
}

const images = logits([8, 8, 3]);
const vectors = {teacher: 'fc', student: 'dense_1'};
const maps = {teacher: 'map', student: 'pool_1'};
const onMaps = {builder: lenet({filters: [4, 6], units: 12}), knowledge: logits([16, 16, 1])};
const momentum = sgd({learningRate: 0.05, weightDecay: 1e-4});

/** A student of the user's own that drops out. */
function dropping({classes, inputShape, preprocessing}: Task, seed: number): Student {
  const kernelInitializer = layers.initializers.glorotUniform({seed});
  const input = layers.input({shape: [...inputShape]});
  const parts = [
    layers.layers.flatten(),
    layers.layers.dropout({rate: 0.25}),
    layers.layers.dense({units: 8, activation: 'relu', kernelInitializer}),
    layers.layers.dropout({rate: 0.5}),
    layers.layers.dense({units: classes.length, kernelInitializer, name: 'logits'}),
  ];
  const output = parts.reduce((value, layer) => layer.apply(value) as typeof input, input);
  const task = {classes, inputShape, preprocessing};
  return studentFor(task, layers.model({inputs: input, outputs: output, name: 'dropping'}));
}

/** Every loss, optimizer and student of the program. To be made once the engine runs. */
export const compiledCases = (): Readonly<Record<string, CompiledCase>> => ({
  'hard labels': caseOf([hardLabels()]),
  'hard labels, smoothed': caseOf([hardLabels({smoothing: 0.1})]),
  'soft labels': caseOf([softLabels()]),
  'soft labels, reverse': caseOf([softLabels({direction: 'reverse', temperature: 2})]),
  'top-k labels, rest filled': caseOf([topKLabels({temperature: 2})], {knowledge: topTwo()}),
  'top-k labels, rest in a bucket': caseOf([topKLabels({rest: 'bucket'})], {knowledge: topTwo()}),
  'top-k labels, rest dropped': caseOf([topKLabels({rest: 'zero'})], {knowledge: topTwo()}),
  'vote labels': caseOf([voteLabels({samplingTemperature: 0.7})], {knowledge: votes()}),
  dkd: caseOf([dkd(), hardLabels()]),
  dist: caseOf([dist(), hardLabels()]),
  ttm: caseOf([ttm({weighted: false}), hardLabels()]),
  wttm: caseOf([ttm(), hardLabels()]),
  nkd: caseOf([nkd({temperature: 3}), hardLabels()]),
  'centred logits': caseOf([centredLogits()]),
  'standardised soft labels': caseOf([standardised(), hardLabels({weight: 0.1})]),
  'quantised dkd': caseOf([quantised(dkd(), {decimals: 2})]),
  'feature hint': caseOf([featureHint({...vectors, weight: 1})]),
  'attention transfer': caseOf([softLabels(), attentionTransfer(maps)], onMaps),
  rkd: caseOf([softLabels(), rkd(vectors)]),
  'similarity preserving': caseOf([softLabels(), similarityPreserving(vectors)]),
  pkt: caseOf([softLabels(), pkt(vectors)]),
  'several terms': caseOf([softLabels({weight: 0.7}), hardLabels({weight: 0.3}), featureHint({...vectors, weight: 2})]),
  'sgd, plain': caseOf([softLabels()], {optimizer: sgd({learningRate: 0.1, momentum: 0})}),
  'sgd, momentum': caseOf([softLabels()], {optimizer: sgd({learningRate: 0.05})}),
  'sgd, nesterov': caseOf([softLabels()], {optimizer: sgd({learningRate: 0.05, nesterov: true})}),
  'sgd, weight decay': caseOf([softLabels()], {optimizer: momentum}),
  'adam without clipping': {...caseOf([softLabels()]), options: {...caseOf([softLabels()]).options, clipNorm: 1e9}},
  adamw: caseOf([softLabels()], {optimizer: adam({learningRate: 0.01, weightDecay: 0.05})}),
  dropout: caseOf([softLabels()], {builder: dropping}),
  lenet: caseOf([softLabels()], onMaps),
  'resnet-20, shortcut A': caseOf([softLabels()], {
    builder: resnetCifar({depth: 20}),
    knowledge: images,
    optimizer: momentum,
  }),
  'resnet-20, shortcut B': caseOf([softLabels()], {
    builder: resnetCifar({depth: 20, shortcut: 'B'}),
    knowledge: images,
    optimizer: momentum,
  }),
});

/** Losses whose arithmetic TensorFlow puts in another order where it runs as a graph. To be made once the engine runs. */
export const reorderedCases = (): Readonly<Record<string, CompiledCase>> => ({
  'level labels': caseOf([levelLabels()]),
  'score labels': caseOf([scoreLabels({temperature: 2})]),
  'losses of typed questions': caseOf([typedQuestions()]),
  'jensen-shannon': caseOf([jensenShannon({temperature: 2})]),
  'learned temperature': caseOf([learnedTemperature()]),
  'learned temperature of a standardised dkd': caseOf([learnedTemperature(standardised(dkd()), {rampUp: 0.5})]),
  'feature hint, pooled': caseOf([featureHint(maps)], onMaps),
  'all feature terms beside a loss of logits': caseOf(
    [
      dkd(),
      hardLabels(),
      featureHint({teacher: 'map', student: 'conv_1'}),
      attentionTransfer(maps),
      rkd(vectors),
      similarityPreserving({teacher: 'map', student: 'conv_2'}),
      pkt({teacher: 'fc', student: 'flatten'}),
    ],
    {...onMaps, optimizer: adam({learningRate: 0.001})},
  ),
});

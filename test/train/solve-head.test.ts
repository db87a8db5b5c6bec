import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {randomNormals, seededRandom} from '../../src/data/random.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {trueLabels} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import type {BatchOutputs, LossTerm} from '../../src/losses/loss.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {embeddingHead} from '../../src/student/embedding-head.ts';
import {weightsHash} from '../../src/student/weights-hash.ts';
import {lessonsOf} from '../../src/train/lessons.ts';
import type {Epoch, TrainOptions} from '../../src/train/options.ts';
import {isSolvable, solvingStepper} from '../../src/train/solve-head.ts';
import type {EnteredBatch} from '../../src/train/step.ts';
import {train} from '../../src/train/train.ts';

interface Fixture {
  readonly width: number;
  readonly classes: number;
  readonly features: readonly number[];
  readonly labels: readonly number[];
  readonly heads: readonly {
    readonly penalty: number;
    readonly kernel: readonly number[];
    readonly bias: readonly number[];
  }[];
}

const fixtures = join(import.meta.dirname, '../fixtures');
const {width, classes, features, labels, heads}: Fixture = JSON.parse(
  readFileSync(join(fixtures, 'train/solved.json'), 'utf8'),
);

beforeAll(startEngine);

const targetsOf = () => ({
  labels: tf.tensor1d([...labels], 'int32'),
  logProbabilities: tf.logSoftmax(
    tf.slice(tf.tensor2d([...features], [labels.length, width]), [0, 0], [labels.length, classes]),
  ),
  features: {},
});

/** The weights that one step comes to, from some others. */
function solved(term: LossTerm, penalty: number, start = 0): readonly Float32Array[] {
  const raw = tf.tensor2d([...features], [labels.length, width]);
  return solvedFrom({raw, targets: [targetsOf()]}, {term, classes, penalty, start});
}

interface Solving {
  readonly classes: number;
  /** Undefined: it is chosen. */
  readonly penalty?: number;
  readonly term?: LossTerm;
  readonly start?: number;
}

function solvedFrom(
  batch: EnteredBatch,
  {classes, penalty, term = hardLabels(), start = 0}: Solving,
): readonly Float32Array[] {
  const kernel = tf.variable(tf.fill([batch.raw.shape[1]!, classes], start));
  const bias = tf.variable(tf.zeros([classes]));
  const forward = (rows: tf.Tensor): BatchOutputs[] => [
    {logits: tf.add(tf.matMul(rows as tf.Tensor2D, kernel as tf.Tensor2D), bias), features: {}},
  ];
  const terms = [{...term.prepare({teacher: {}, student: {}}, 1), weight: term.weight, lesson: 0}];
  const parts = {forward, lessonWeights: [1], terms, variables: [kernel, bias]};
  const stepper = solvingStepper(parts, {...(penalty !== undefined && {penalty}), tolerance: 1e-10});
  stepper.run(batch, {learningRate: 0, seed: 1, progress: 1});
  return [kernel, bias].map(variable => variable.dataSync<'float32'>());
}

describe('solvingStepper', () => {
  it.each(heads)('comes to what scikit-learn fits, at a penalty of $penalty', ({penalty, kernel, bias}) => {
    const found = solved(hardLabels(), penalty).flatMap(values => [...values]);
    for (const [index, value] of [...kernel, ...bias].entries()) expect(found[index]).toBeCloseTo(value, 2);
  });

  it('comes to the same head from another start, by softened labels too', () => {
    const [one, other] = [0, 2].map(start => solved(softLabels(), 0.5, start)[0]!);
    for (const [index, value] of one!.entries()) expect(other![index]).toBeCloseTo(value, 2);
  });
});

describe('the penalty', () => {
  /** Four numbers each; the label is the sign of the first, or has nothing to do with them. */
  const batchOf = (count: number, isNoise: boolean): EnteredBatch => {
    const values = Float32Array.from(randomNormals(seededRandom(1), 4 * count));
    const draws = randomNormals(seededRandom(2), count);
    const labels = Int32Array.from(draws, (draw, row) => ((isNoise ? draw : values[4 * row]!) > 0 ? 1 : 0));
    return {raw: tf.tensor2d(values, [count, 4]), targets: [{labels: tf.tensor1d(labels, 'int32'), features: {}}]};
  };

  it.each([
    ['100 where labels are noise', 300, true, 100],
    ['1 where labels follow from the features', 300, false, 1],
    ['3 where examples are few', 99, false, 3],
  ])('is %s', (_, count, isNoise, penalty) => {
    const batch = batchOf(count, isNoise);
    const held = [tf.memory().numTensors];
    const [chosen, wanted] = [{classes: 2}, {classes: 2, penalty}].map(solving => {
      const [kernel] = solvedFrom(batch, solving);
      held.push(tf.memory().numTensors);
      return [...kernel!];
    });
    for (const [index, value] of wanted!.entries()) expect(chosen![index]).toBeCloseTo(value, 3);
    const [before, afterOne, afterBoth] = held as [number, number, number];
    expect(afterOne - before, 'tensors that the choice leaves').toBe(afterBoth - afterOne);
  });
});

describe('train', () => {
  const texts = ['good day', 'bad day', 'a good one', 'a bad one'];
  const knowledge = trueLabels({inputs: {kind: 'text', count: 4, texts}, labels: Int32Array.of(0, 1, 0, 1)}, [
    'good',
    'bad',
  ]);
  const headOf = () =>
    embeddingHead({model: join(fixtures, 'encoder/bert')})(
      {classes: knowledge.classes, kind: 'text', inputShape: [], preprocessing: {}},
      1,
    );
  const run = async (options: Partial<TrainOptions> = {}) => {
    const student = headOf();
    const epochs: Epoch[] = [];
    const all = {losses: [hardLabels()], seed: 1, ...options};
    for await (const epoch of train(student, knowledge, all)) epochs.push(epoch);
    return {epochs, hash: weightsHash(student)};
  };

  it('solves for a linear head on an encoder in one step, to the same bits again', async () => {
    const {epochs, hash} = await run();
    expect(epochs).toHaveLength(1);
    expect(epochs[0]).toMatchObject({step: 1, learningRate: 0});
    expect(epochs[0]!.loss).toBeLessThan(Math.log(2));
    expect((await run()).hash).toBe(hash);
  });

  it('takes steps if something is said of them, or the objective is not convex', async () => {
    expect((await run({epochs: 2})).epochs).toHaveLength(2);
    const isSolved = (loss: LossTerm): boolean => {
      const options = {losses: [loss], seed: 1};
      return isSolvable(headOf(), lessonsOf(headOf(), knowledge, options), options, 4);
    };
    expect([softLabels(), softLabels({direction: 'reverse'})].map(isSolved)).toEqual([true, false]);
  });
});

/** Compares ways to choose texts in the space of an encoder. */
import {argmaxRows} from '../../../src/data/arrays.ts';
import {selectRows, type TensorInputs} from '../../../src/data/inputs.ts';
import {mixSeed} from '../../../src/data/random.ts';
import type {Encoder} from '../../../src/encoder/encoder.ts';
import {mean, standardDeviation} from '../../../src/evaluate/statistics.ts';
import type {Knowledge} from '../../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../../src/losses/hard-labels.ts';
import {margin} from '../../../src/select/margin.ts';
import {medoids} from '../../../src/select/medoids.ts';
import {random} from '../../../src/select/random.ts';
import type {Strategy} from '../../../src/select/strategy.ts';
import {criticalT} from '../../../src/statistics/distributions.ts';
import {mlp} from '../../../src/student/mlp.ts';
import {predictLogits} from '../../../src/student/predict.ts';
import type {Student} from '../../../src/student/student.ts';
import {adam} from '../../../src/train/optimizer.ts';
import {train} from '../../../src/train/train.ts';
import {type Row, type TextSet, textSets} from '../text/sets.ts';

/** The first strategy chooses the first half, the second one the other half in two rounds. */
const WAYS: Readonly<Record<string, readonly [Strategy, Strategy]>> = {
  random: [random(), random()],
  margin: [random(), margin()],
  medoids: [medoids(), medoids()],
  'medoids, then margin': [medoids(), margin()],
};

export interface TextOptions {
  readonly encoder: Encoder;
  readonly answers: number;
  readonly seeds: number;
  /** A folder with `train.jsonl` and `test.jsonl` of lines with `text` and `label`. */
  readonly folder: string | undefined;
  /** Names of sets; all if undefined. */
  readonly sets: readonly string[] | undefined;
}

/** Agreement of a linear head on the encodings, by the way in which its answers were chosen. */
export async function compareOnTexts({encoder, answers, seeds, folder, sets}: TextOptions): Promise<void> {
  console.log(`\n| ${answers} answers | random | ${Object.keys(WAYS).slice(1).join(' | ')} |`);
  console.log(`| --- |${' --- |'.repeat(Object.keys(WAYS).length)}`);
  for (const set of await textSets(folder, sets)) {
    const task = await encoded(set, encoder);
    const scores = new Map<string, number[]>();
    for (const [name, way] of Object.entries(WAYS)) {
      const ofSeeds: number[] = [];
      for (let seed = 1; seed <= seeds; seed++) ofSeeds.push(await agreement(task, way, answers, seed));
      scores.set(name, ofSeeds);
    }
    const baseline = scores.get('random')!;
    const cells = Array.from(scores, ([name, ofSeeds]) =>
      name === 'random' ? points(mean(ofSeeds)) : `${points(mean(ofSeeds))} (${difference(ofSeeds, baseline)})`,
    );
    console.log(`| ${set.name} | ${cells.join(' | ')} |`);
  }
}

const points = (share: number): string => (100 * share).toFixed(1);

/** The 95 % interval of the difference, paired by seed. */
function difference(scores: readonly number[], baseline: readonly number[]): string {
  const gains = scores.map((score, index) => score - baseline[index]!);
  const reach = (criticalT(0.05, gains.length - 1) * standardDeviation(gains)) / Math.sqrt(gains.length);
  const signed = (value: number): string => `${value < 0 ? '−' : '+'}${points(Math.abs(value))}`;
  return `${signed(mean(gains) - reach)} to ${signed(mean(gains) + reach)}`;
}

interface EncodedSet {
  readonly classes: readonly string[];
  readonly width: number;
  readonly pool: Float32Array;
  readonly poolLabels: Int32Array;
  readonly test: Float32Array;
  readonly testLabels: Int32Array;
}

async function encoded({classes, pool, test}: TextSet, encoder: Encoder): Promise<EncodedSet> {
  const labelsOf = (rows: readonly Row[]): Int32Array => Int32Array.from(rows, ({label}) => label);
  const vectorsOf = (rows: readonly Row[]): Promise<Float32Array> => encoder.encode(rows.map(({text}) => text));
  return {
    ...{classes, width: encoder.dimensions, poolLabels: labelsOf(pool), testLabels: labelsOf(test)},
    ...{pool: await vectorsOf(pool), test: await vectorsOf(test)},
  };
}

async function agreement(
  set: EncodedSet,
  [start, by]: readonly [Strategy, Strategy],
  answers: number,
  seed: number,
): Promise<number> {
  const {width, classes, pool, poolLabels} = set;
  const asked: number[] = [];
  let student: Student | undefined;
  const half = Math.ceil(answers / 2);
  for (const size of [half, Math.ceil((answers - half) / 2), Math.floor((answers - half) / 2)]) {
    const isAsked = new Set(asked);
    const left = Array.from(poolLabels.keys()).filter(row => !isAsked.has(row));
    const candidates = selectRows(pool, width, left);
    const logits = student ? [await predictLogits(student, tensorOf(candidates, width))] : [];
    const chosen = (asked.length === 0 ? start : by).choose(
      {
        ...{count: left.length, classes: classes.length, seed: mixSeed(seed, `after ${asked.length}`), logits},
        labels: selectRows(poolLabels, 1, asked),
        embeddings: {width, candidates, answered: selectRows(pool, width, asked)},
      },
      size,
    );
    asked.push(...Array.from(chosen, index => left[index]!));
    student?.model.dispose();
    student = await head(set, asked, seed);
  }
  const named = argmaxRows(await predictLogits(student!, tensorOf(set.test, width)), classes.length);
  student!.model.dispose();
  return mean(named.map((label, row) => (label === set.testLabels[row] ? 1 : 0)));
}

/** A linear student of encodings. */
async function head({classes, width, pool, poolLabels}: EncodedSet, rows: number[], seed: number): Promise<Student> {
  const preprocessing = {scale: Math.sqrt(width)};
  const student = mlp({units: []})({classes, inputShape: [width], preprocessing}, seed);
  const labels = selectRows(poolLabels, 1, rows);
  const knowledge: Knowledge = {
    source: {access: 'black-box', identity: {bench: 'select'}},
    classes,
    detail: {kind: 'label'},
    inputs: tensorOf(selectRows(pool, width, rows), width),
    answers: {kind: 'label', count: rows.length, labels},
  };
  const optimizer = adam({learningRate: 0.01});
  const options = {losses: [hardLabels()], seed, epochs: 60, batchSize: 32, optimizer};
  for await (const _epoch of train(student, knowledge, options));
  return student;
}

function tensorOf(data: Float32Array, width: number): TensorInputs {
  return {kind: 'tensor', dtype: 'float32', shape: [width], count: data.length / width, data};
}

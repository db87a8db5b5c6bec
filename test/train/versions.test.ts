import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {TensorInputs} from '../../src/data/inputs.ts';
import {mixUp} from '../../src/data/mixed-view.ts';
import {versionsOf} from '../../src/data/versions.ts';
import {crop, flip, type View, views} from '../../src/data/view.ts';
import {startEngine} from '../../src/engine/engine.ts';
import type {tf} from '../../src/engine/tf.ts';
import {saveKnowledge} from '../../src/knowledge/files.ts';
import type {Knowledge, StoredKnowledge} from '../../src/knowledge/knowledge.ts';
import {openKnowledge} from '../../src/knowledge/open-knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {mlp} from '../../src/student/mlp.ts';
import type {Teacher} from '../../src/teacher.ts';
import type {TrainOptions} from '../../src/train/options.ts';
import {disposeBatch} from '../../src/train/prefetch.ts';
import {type Run, startRun} from '../../src/train/run.ts';

let folder: string;
beforeAll(async () => {
  await startEngine();
  folder = await mkdtemp(join(tmpdir(), 'limbeck-versions-'));
});
afterAll(() => rm(folder, {recursive: true}));

const classes = ['a', 'b', 'c'];
const images: TensorInputs = {
  kind: 'tensor',
  dtype: 'uint8',
  shape: [4, 4, 1],
  count: 12,
  data: Uint8Array.from({length: 12 * 16}, (_, place) => (place * 97) ^ (place >> 3)),
};

/** A class that hangs on every pixel: it is right of the very pixels that it is about, and of few others. */
function poison(pixels: ArrayLike<number>): number {
  return Math.abs(Array.from(pixels).reduce((hash, value) => Math.imul(hash ^ value, 0x01000193), 7)) % 3;
}

/** Of each row of a batch, what the teacher says and what its pixels say. */
async function labelsIn({source}: Run, rows: Int32Array, epoch: number) {
  const {raw, targets} = await source.batch(rows, epoch);
  const pixels = Array.from((raw as tf.Tensor).dataSync());
  const told = Array.from(targets[0]!.labels.dataSync());
  disposeBatch({raw, targets});
  return {told, meant: told.map((_, row) => poison(pixels.slice(16 * row, 16 * row + 16))), pixels};
}

const student = () => mlp({units: [4]})({classes, inputShape: [4, 4, 1], preprocessing: {}}, 1);
const options: TrainOptions = {losses: [hardLabels()], seed: 3, epochs: 8, batchSize: 5};

function answeredVersions(view: View): Knowledge {
  const {inputs, versions} = versionsOf(images, {view, count: 3});
  const labels = Int32Array.from({length: inputs.count}, (_, row) =>
    poison(inputs.data.subarray(16 * row, 16 * row + 16)),
  );
  return {
    source: {access: 'black-box', identity: {name: 'poison'}},
    classes,
    detail: {kind: 'label'},
    inputs,
    answers: {kind: 'label', count: inputs.count, labels},
    versions,
  };
}

async function checkEpochs(knowledge: Knowledge | StoredKnowledge): Promise<void> {
  const run = await startRun(student(), knowledge, options);
  expect([run.count, run.stepsPerEpoch]).toEqual([12, 3]);
  const seen = new Set<number>();
  for (let epoch = 1; epoch <= 4; epoch++) {
    const rows = run.order(epoch);
    expect([...rows].map(row => Math.floor(row / 4)).sort((a, b) => a - b)).toEqual([...Array(12).keys()]);
    for (const row of rows) seen.add(row);
    const {told, meant} = await labelsIn(run, rows, epoch);
    expect(told).toEqual(meant);
  }
  expect(seen.size).toBe(48);
  run.dispose();
}

describe('training from versions of inputs', () => {
  it.each([views(crop({padding: 1}), flip()), mixUp()])(
    'sees each input once an epoch and with its answer the pixels that it is about, from memory and from disk: $name',
    async view => {
      const knowledge = answeredVersions(view);
      // So that the test means something: shifted by one row, few answers would still fit.
      const {labels} = knowledge.answers as {readonly labels: Int32Array};
      expect(labels.filter((label, row) => label === labels[(row + 1) % 48]).length).toBeLessThan(30);
      await checkEpochs(knowledge);
      const path = join(folder, `${view.name}.safetensors`);
      await saveKnowledge(path, knowledge);
      const stored = await openKnowledge(path);
      await checkEpochs(stored);
      await stored.close();
    },
  );

  it('has live answers about the very mixture that the student sees', async () => {
    const asked: number[] = [];
    const teacher: Teacher<'white-box'> = {
      name: 'poison',
      identity: {name: 'poison'},
      access: 'white-box',
      classes,
      detail: {kind: 'logits'},
      maxBatch: 3,
      async ask(queries) {
        return queries.map(({input, view}) => {
          asked.push(view!);
          const logits = new Float32Array(3);
          if (input.kind === 'tensor') logits[poison(input.data)] = 9;
          return {answer: {kind: 'logits', logits, features: {}}};
        });
      },
    };
    const clean: Knowledge = {
      source: {access: 'white-box', identity: {name: 'poison'}},
      classes,
      detail: {kind: 'label'},
      inputs: images,
      answers: {kind: 'label', count: 12, labels: new Int32Array(12)},
    };
    const run = await startRun(student(), clean, {...options, losses: [softLabels()], view: mixUp(), teacher});
    const [first, second] = [await labelsIn(run, run.order(1), 1), await labelsIn(run, run.order(2), 2)];
    expect(first.told).toEqual(first.meant);
    expect(second.told).toEqual(second.meant);
    expect(new Set(asked.slice(-24)).size).toBe(24);
    expect(first.pixels.every(value => Number.isInteger(value) && value >= 0 && value <= 255)).toBe(true);
    run.dispose();
  });

  it('refuses a view that takes a partner where nobody answers about it', async () => {
    const truth: Knowledge = {...answeredVersions(flip()), source: {access: 'truth', identity: {}}};
    await expect(startRun(student(), truth, {...options, view: mixUp()})).rejects.toThrow('has no true label');
  });
});

import {execFile} from 'node:child_process';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {crop, flip, views} from '../../src/data/view.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {saveKnowledge} from '../../src/knowledge/files.ts';
import type {Knowledge, StoredKnowledge} from '../../src/knowledge/knowledge.ts';
import {openKnowledge} from '../../src/knowledge/open-knowledge.ts';
import {weightsHash} from '../../src/student/files.ts';
import type {Epoch, TrainOptions} from '../../src/train/options.ts';
import {train} from '../../src/train/train.ts';
import {compiledCases} from './compiled-cases.ts';
import {type ResumeCase, resumeCases} from './resume-cases.ts';

let folder: string;
let path: string;

beforeAll(startEngine);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-stored-'));
  path = join(folder, 'knowledge.safetensors');
});
afterEach(() => rm(folder, {recursive: true}));

async function trained(
  {student: build, options}: Pick<ResumeCase, 'student' | 'options'>,
  knowledge: Knowledge | StoredKnowledge,
  more: Partial<TrainOptions> = {},
): Promise<{epochs: Epoch[]; weights: string}> {
  const student = build(1);
  const epochs: Epoch[] = [];
  for await (const epoch of train(student, knowledge, {...options, ...more})) epochs.push(epoch);
  return {epochs, weights: weightsHash(student)};
}

/** Saves knowledge, opens it for as long as it is used, and closes it. */
async function withFile<T>(knowledge: Knowledge, use: (stored: StoredKnowledge) => Promise<T>): Promise<T> {
  await saveKnowledge(path, knowledge);
  const stored = await openKnowledge(path);
  try {
    return await use(stored);
  } finally {
    await stored.close();
  }
}

describe('training from knowledge that stays on disk', () => {
  it.each(['several terms', 'top-k labels, rest filled', 'vote labels'])(
    'comes to the same bits as from memory: %s',
    async name => {
      const made = compiledCases()[name]!;
      const inMemory = await trained(made, made.knowledge);
      expect(await withFile(made.knowledge, stored => trained(made, stored))).toEqual(inMemory);
    },
  );

  it('comes to the same bits as from memory where a live teacher answers, and where true labels are viewed', async () => {
    const live = resumeCases['a live teacher and views']!();
    const fromMemory = await trained(live, live.knowledge);
    expect(await withFile(live.knowledge, stored => trained(live, stored))).toEqual(fromMemory);

    const truth = resumeCases['adam']!();
    const view = views(crop({padding: 1}), flip());
    const viewed = await trained(truth, truth.knowledge, {view});
    expect(await withFile(truth.knowledge, stored => trained(truth, stored, {view}))).toEqual(viewed);
    expect(viewed.weights).not.toBe((await trained(truth, truth.knowledge)).weights);
  });

  it('goes on from the checkpoint of a run from memory, for it is the same run', async () => {
    const made = resumeCases['a projection of its own']!();
    const whole = await trained(made, made.knowledge);
    const checkpoint = {path: join(folder, 'run.checkpoint')};
    for await (const _ of train(made.student(1), made.knowledge, {...made.options, checkpoint})) break;
    const after = await withFile(made.knowledge, stored =>
      trained(made, stored, {checkpoint: {...checkpoint, resume: true}}),
    );
    expect(after).toEqual({epochs: whole.epochs.slice(1), weights: whole.weights});
  });

  it('leaves no tensor behind where the file is gone in the middle', async () => {
    const made = resumeCases['adam']!();
    await trained(made, made.knowledge);
    const before = tf.memory().numTensors;
    const student = made.student(1);
    student.model.getWeights();
    const own = tf.memory().numTensors - before;
    await saveKnowledge(path, made.knowledge);
    const stored = await openKnowledge(path);
    const steps: number[] = [];
    const onStep: TrainOptions['onStep'] = ({step}) => {
      steps.push(step);
      if (step === 4) void stored.close();
    };
    const run = async () => {
      for await (const _ of train(student, stored, {...made.options, onStep}));
    };
    await expect(run()).rejects.toThrow(`${path} can't be read`);
    expect(steps.length).toBeLessThan(9);
    expect(tf.memory().numTensors).toBe(before + own);
  });
});

describe('the memory of a run', () => {
  /** 32 x 32 x 3 bytes an input. */
  async function save(megabytes: number): Promise<void> {
    const count = Math.round((megabytes * 1e6) / 3072);
    await saveKnowledge(path, {
      source: {access: 'truth', identity: {}},
      classes: ['a', 'b'],
      detail: {kind: 'label'},
      inputs: {kind: 'tensor', dtype: 'uint8', shape: [32, 32, 3], count, data: new Uint8Array(count * 3072)},
      answers: {kind: 'label', count, labels: new Int32Array(count)},
    });
  }

  async function memoryOf(how: 'load' | 'open'): Promise<{readonly arrays: number; readonly resident: number}> {
    const script = join(import.meta.dirname, 'stored-child.ts');
    const {stdout} = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, how, path]);
    return JSON.parse(stdout);
  }

  it('is the same from a file of 20 and of 200 megabytes', async () => {
    await save(20);
    const small = await memoryOf('open');
    await save(200);
    const large = await memoryOf('open');
    const loaded = await memoryOf('load');
    // What a file takes up that is read whole, for the measure.
    expect(loaded.arrays - small.arrays).toBeGreaterThan(150);
    // Batches that are not collected yet count too.
    expect(large.arrays - small.arrays).toBeLessThan(60);
    expect(large.resident - small.resident).toBeLessThan(60);
  });
});

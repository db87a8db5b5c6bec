import {existsSync} from 'node:fs';
import {mkdtemp, readdir, readFile, rm, truncate, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {asSplit} from '../../src/data/split.ts';
import {crop, flip, type View} from '../../src/data/view.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {InputError} from '../../src/errors.ts';
import {saveKnowledge} from '../../src/knowledge/files.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {readTensors, writeTensors} from '../../src/knowledge/safetensors.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {learnedTemperature} from '../../src/losses/learned-temperature.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {weightsHash} from '../../src/student/files.ts';
import {mlp} from '../../src/student/mlp.ts';
import type {Student} from '../../src/student/student.ts';
import {readCheckpoint, writeCheckpoint} from '../../src/train/checkpoint-file.ts';
import {adam, sgd} from '../../src/train/optimizer.ts';
import type {CheckpointOptions, Epoch, TrainOptions} from '../../src/train/options.ts';
import type {Profile} from '../../src/train/profile.ts';
import {constantRate} from '../../src/train/schedule.ts';
import {train} from '../../src/train/train.ts';
import {columns, type ResumeCase, resumeCases} from './resume-cases.ts';

let folder: string;
let path: string;

beforeAll(startEngine);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-checkpoint-'));
  path = join(folder, 'run.checkpoint');
});
afterEach(() => rm(folder, {recursive: true}));

/** So long that only what must be kept is kept. */
const RARELY = 1e6;

/** The native engine compiles a step anew after each cut, so there every second cut is tried; the other engine tries all. */
const STRIDE = process.env['LIMBECK_ENGINE'] === 'native' ? 2 : 1;

interface Ended {
  readonly epochs: readonly Epoch[];
  readonly weights: string;
}

async function end(
  {knowledge, options}: ResumeCase,
  student: Student,
  more: Partial<TrainOptions> = {},
): Promise<Ended> {
  const epochs: Epoch[] = [];
  for await (const epoch of train(student, knowledge, {...options, ...more})) epochs.push(epoch);
  return {epochs, weights: weightsHash(student)};
}

/** Runs until the process would have ended at that step, and returns what was yielded. */
async function cut({student, knowledge, options}: ResumeCase, at: number, checkpoint: CheckpointOptions) {
  const controller = new AbortController();
  const epochs: Epoch[] = [];
  const onStep: TrainOptions['onStep'] = ({step}) => {
    if (step === at) controller.abort();
  };
  const run = train(student(1), knowledge, {...options, signal: controller.signal, checkpoint, onStep});
  await expect(async () => {
    for await (const epoch of run) epochs.push(epoch);
  }).rejects.toThrow(/abort/i);
  return epochs;
}

/** A student of other weights: nothing of it may reach the end. */
const other = ({student}: ResumeCase): Student => student(77);

const resume = (made: ResumeCase, more: Partial<CheckpointOptions> = {}, student = other(made)): Promise<Ended> =>
  end(made, student, {checkpoint: {path, everySeconds: RARELY, resume: true, ...more}});

const adamRun = (): ResumeCase => resumeCases['adam']!();

describe('a run that goes on from a checkpoint', () => {
  it.each(Object.entries(resumeCases))('ends as if it had never been cut, wherever it was cut: %s', async (_, make) => {
    const made = make();
    const whole = await end(made, made.student(1));
    const steps = whole.epochs.at(-1)!.step;
    for (let at = 1; at < steps; at += STRIDE) {
      const before = await cut(made, at, {path, everySeconds: RARELY});
      const after = await resume(made);
      expect([...before, ...after.epochs], `cut after step ${at}`).toEqual(whole.epochs);
      expect(after.weights, `cut after step ${at}`).toBe(whole.weights);
    }
  });

  it('has cases that stop early with a best that is not the last, so that the best weights count', async () => {
    const made = resumeCases['early stopping']!();
    const {epochs} = await end(made, made.student(1));
    expect(epochs.length).toBeLessThan(made.options.epochs!);
    expect(epochs.findLast(({best}) => best)!.epoch).toBe(epochs.length - 2);
  });

  it('can be cut again and again', async () => {
    const made = adamRun();
    const whole = await end(made, made.student(1));
    for (const at of [2, 3, 7]) await cut(made, at, {path, everySeconds: RARELY, resume: at > 2});
    expect((await resume(made)).weights).toBe(whole.weights);
  });

  it('goes on from the last step that was kept where the process just ended', async () => {
    const made = adamRun();
    const whole = await end(made, made.student(1));
    const onStep: TrainOptions['onStep'] = ({step}) => {
      if (step === 5) throw new Error('Gone.');
    };
    const checkpoint = {path, everySeconds: 0};
    await expect(end(made, made.student(1), {checkpoint, onStep})).rejects.toThrow('Gone.');
    const steps: number[] = [];
    const student = other(made);
    await end(made, student, {checkpoint: {...checkpoint, resume: true}, onStep: ({step}) => void steps.push(step)});
    expect(steps).toEqual([5, 6, 7, 8, 9]);
    expect(weightsHash(student)).toBe(whole.weights);
  });

  it('goes on after an epoch at which the caller left the loop', async () => {
    const made = adamRun();
    const whole = await end(made, made.student(1));
    for await (const _ of train(made.student(1), made.knowledge, {
      ...made.options,
      checkpoint: {path, everySeconds: RARELY},
    })) {
      break;
    }
    const after = await resume(made);
    expect(after).toEqual({epochs: whole.epochs.slice(1), weights: whole.weights});
  });

  it('says where it goes on, with the epochs from before', async () => {
    const made = adamRun();
    const before = await cut(made, 5, {path, everySeconds: RARELY});
    const kept: unknown[] = [];
    await resume(made, {onResume: where => void kept.push(where)});
    expect(before).toHaveLength(1);
    expect(kept).toEqual([{step: 5, steps: 9, epochs: before}]);
  });

  it.each(['adam', 'early stopping'])('yields nothing after its end and leaves the final weights: %s', async name => {
    const made = resumeCases[name]!();
    const whole = await end(made, made.student(1), {checkpoint: {path, everySeconds: RARELY}});
    const kept: Epoch[] = [];
    const after = await resume(made, {onResume: ({epochs}) => void kept.push(...epochs)});
    expect(after).toEqual({epochs: [], weights: whole.weights});
    expect(kept).toEqual(whole.epochs);
  });

  it('keeps measurements that are no finite numbers', async () => {
    const made = resumeCases['early stopping']!();
    const broken = {...made, options: {...made.options, epochs: 1}};
    await end(broken, made.student(1), {checkpoint: {path, everySeconds: RARELY}});
    const {metadata, tensors} = await readTensors(path);
    expect(JSON.parse(metadata['progress']!).best.score).toBeGreaterThan(0);
    expect(tensors.has('best/0')).toBe(true);
    await cut(made, 1, {path, everySeconds: RARELY});
    expect(JSON.parse((await readTensors(path)).metadata['progress']!).best.score).toBe('-Infinity');
  });

  it('tells where the time of the whole run went, not of its last part alone', async () => {
    const made = adamRun();
    await cut(made, 5, {path, everySeconds: RARELY});
    const before = (await readCheckpoint(path))!.progress.profile;
    const profiles: Profile[] = [];
    await end(made, other(made), {
      checkpoint: {path, everySeconds: RARELY, resume: true},
      onProfile: profile => void profiles.push(profile),
    });
    expect(before.step).toBeGreaterThan(0);
    expect(profiles[0]!.step).toBeGreaterThan(before.step);
    expect(profiles[0]!.data).toBeGreaterThan(before.data);
  });

  it('trains to the same bits with a checkpoint as without', async () => {
    const made = adamRun();
    const without = await end(made, made.student(1));
    expect(await end(made, made.student(1), {checkpoint: {path, everySeconds: 0}})).toEqual(without);
  });

  it('leaves no tensor behind but the student', async () => {
    const made = resumeCases['early stopping']!();
    await cut(made, 11, {path, everySeconds: 0});
    const student = other(made);
    await end(made, student, {epochs: 1});
    const before = tf.memory().numTensors;
    await resume(made, {everySeconds: 0}, student);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('a checkpoint', () => {
  it('is there before the first step, in a folder that is made for it', async () => {
    const made = adamRun();
    const deep = join(folder, 'a', 'b', 'run.checkpoint');
    const seen: boolean[] = [];
    const onStep = () => void seen.push(existsSync(deep));
    await end(made, made.student(1), {checkpoint: {path: deep}, onStep});
    expect(seen[0]).toBe(true);
    expect(await readdir(join(folder, 'a', 'b'))).toEqual(['run.checkpoint']);
  });

  it('starts afresh where there is none, and without `resume` where there is one', async () => {
    const made = adamRun();
    const whole = await end(made, made.student(1));
    expect(await resume(made, {}, made.student(1))).toEqual(whole);
    await cut(made, 4, {path, everySeconds: RARELY});
    expect(await resume(made, {resume: false}, made.student(1))).toEqual(whole);
  });

  it('clears away what killed processes left half written, and nothing else', async () => {
    const strays = ['run.checkpoint.0b0c9a3e-6a7c-4f0e-9d1c-1f1b1c1d1e1f.tmp', 'run.checkpoint.old', 'other.tmp'];
    for (const name of strays) await writeFile(join(folder, name), 'half');
    const made = adamRun();
    await end(made, made.student(1), {checkpoint: {path}});
    expect((await readdir(folder)).sort()).toEqual(['other.tmp', 'run.checkpoint', 'run.checkpoint.old']);
  });

  it('is not written over by a step that failed', async () => {
    const made = adamRun();
    await cut(made, 3, {path, everySeconds: RARELY});
    const before = await readFile(path);
    const onStep = () => {
      throw new Error('Gone.');
    };
    const checkpoint = {path, everySeconds: RARELY, resume: true};
    await expect(end(made, other(made), {checkpoint, onStep})).rejects.toThrow('Gone.');
    expect((await readFile(path)).equals(before)).toBe(true);
  });

  it('refuses a place where it can never be', async () => {
    await writeFile(path, '');
    const inside = join(path, 'run.checkpoint');
    await expect(end(adamRun(), adamRun().student(1), {checkpoint: {path: inside}})).rejects.toThrow(
      `The checkpoint ${inside} can't be written`,
    );
  });

  it('refuses a negative pause', async () => {
    await expect(resume(adamRun(), {everySeconds: -1})).rejects.toThrow('`checkpoint.everySeconds` to be at least 0');
  });
});

/** A view that bears the name of another one. */
const posing = (as: View): View => ({...flip(), name: as.name});

describe('a checkpoint of another run is refused, naming what differs', () => {
  type Change = (made: ResumeCase) => {
    readonly options?: Partial<TrainOptions>;
    readonly knowledge?: Partial<Knowledge>;
    readonly student?: Student;
  };
  const student = (made: ResumeCase, change: Partial<Student>): Student => ({...made.student(1), ...change});
  const inputs = ({knowledge}: ResumeCase, index: number) => {
    const changed = {...knowledge.inputs, data: columns().inputs.data.slice()};
    changed.data[index] = 5;
    return changed as Knowledge['inputs'];
  };
  const changes: Record<string, readonly [string, Change, string]> = {
    seed: ['adam', () => ({options: {seed: 4}}), 'seed (3, now 4)'],
    epochs: ['adam', () => ({options: {epochs: 4}}), 'epochs (3, now 4)'],
    'whether the step is compiled': ['adam', () => ({options: {compile: false}}), 'compile (true, now false)'],
    'batch size': ['adam', () => ({options: {batchSize: 10}}), 'batchSize (8, now 10)'],
    'clip norm': ['adam', () => ({options: {clipNorm: 1}}), 'clipNorm (null, now 1)'],
    'parts of a text': ['adam', () => ({options: {mostParts: 9}}), 'most parts of a text'],
    optimizer: ['adam', () => ({options: {optimizer: sgd()}}), 'optimizer ('],
    'learning rate': ['adam', () => ({options: {optimizer: adam()}}), 'learning rate 0.001'],
    'a hidden setting of the optimizer': [
      'adam',
      () => ({options: {optimizer: adam({learningRate: 0.02, beta2: 0.99})}}),
      "It differs in: optimizer's settings.",
    ],
    "the optimizer's epsilon": [
      'adam',
      () => ({options: {optimizer: adam({learningRate: 0.02, epsilon: 1e-7})}}),
      "It differs in: optimizer's settings.",
    ],
    "the optimizer's weight decay": [
      'adam',
      () => ({options: {optimizer: adam({learningRate: 0.02, weightDecay: 1e-4})}}),
      "It differs in: optimizer's settings.",
    ],
    schedule: ['adam', () => ({options: {schedule: constantRate()}}), 'It differs in: schedule.'],
    "a loss's weight": ['adam', () => ({options: {losses: [hardLabels({weight: 0.5})]}}), 'It differs in: losses.'],
    'a hidden setting of a loss': [
      'adam',
      () => ({options: {losses: [hardLabels({smoothing: 0.1})]}}),
      "losses' values on them",
    ],
    'a setting of a loss that shows in its gradient alone': [
      'a temperature that is learned',
      () => ({options: {losses: [learnedTemperature(undefined, {rampUp: 0.3}), hardLabels({weight: 0.1})]}}),
      "losses' values on them",
    ],
    'a short warm-up of a loss': [
      'a temperature that is learned',
      () => ({options: {losses: [learnedTemperature(undefined, {rampUp: 0.02}), hardLabels({weight: 0.1})]}}),
      "losses' values on them",
    ],
    patience: [
      'early stopping',
      () => ({options: {earlyStopping: {patience: 3}}}),
      'earlyStopping ("patience 2", now "patience 3")',
    ],
    'how often is measured': ['early stopping', () => ({options: {validateEvery: 2}}), 'validateEvery (1, now 2)'],
    'validation split': [
      'early stopping',
      () => ({options: {validation: asSplit('validation', columns(30, 6))}}),
      'It differs in: validation.',
    ],
    view: ['a live teacher and views', () => ({options: {view: crop()}}), 'view ("crop 1, flip", now "crop 2")'],
    'a view of the same name': [
      'a live teacher and views',
      ({options}) => ({options: {view: posing(options.view!)}}),
      'first examples as seen',
    ],
    'live teacher': [
      'a live teacher and views',
      () => ({
        options: {
          teacher: asTeacher(
            mlp()({classes: adamRun().knowledge.classes, inputShape: [4, 4, 1], preprocessing: {}}, 5),
          ),
        },
      }),
      'live teacher',
    ],
    'an input': ['adam', made => ({knowledge: {inputs: inputs(made, 319)}}), "It differs in: knowledge's inputs."],
    'an answer': [
      'adam',
      ({knowledge}) => {
        const labels = columns().labels.slice();
        labels[19] = 2;
        return {knowledge: {...knowledge, answers: {kind: 'label', count: 20, labels}}};
      },
      "It differs in: knowledge's answers.",
    ],
    'the number of examples': [
      'adam',
      () => ({
        knowledge: {inputs: columns(21).inputs, answers: {kind: 'label', count: 21, labels: columns(21).labels}},
      }),
      'number of examples (20, now 21)',
    ],
    classes: [
      'adam',
      made => ({knowledge: {classes: ['a', 'b', 'c']}, student: student(made, {classes: ['a', 'b', 'c']})}),
      'classes (["left","right","middle"], now ["a","b","c"])',
    ],
    "the student's size": [
      'adam',
      ({knowledge: {classes}}) => ({
        student: mlp({units: [7]})({classes, inputShape: [4, 4, 1], preprocessing: {}}, 1),
      }),
      "student's architecture, student's weights.",
    ],
    "the student's preprocessing": [
      'adam',
      made => ({student: student(made, {preprocessing: {scale: 2}})}),
      "It differs in: student's preprocessing.",
    ],
  };

  it.each(Object.entries(changes))('%s', async (_, [name, change, message]) => {
    const made = resumeCases[name]!();
    await cut(made, 4, {path, everySeconds: RARELY});
    const {options, knowledge, student: changed} = change(made);
    const now = {...made, options: {...made.options, ...options}, knowledge: {...made.knowledge, ...knowledge}};
    const learner = changed ?? made.student(1);
    const before = weightsHash(learner);
    const refused = resume(now, {}, learner);
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toThrow('Train with the same data and settings to go on, or delete the checkpoint');
    expect(weightsHash(learner)).toBe(before);
  });

  it('unless it may be replaced, and a damaged one too', async () => {
    const made = adamRun();
    const whole = await end(made, made.student(1));
    for (const spoil of [
      () => cut(withSeed(made, 4), 4, {path, everySeconds: RARELY}),
      () => writeFile(path, 'Remember the milk.'),
    ]) {
      await spoil();
      const resumed: unknown[] = [];
      const onResume = (where: unknown) => void resumed.push(where);
      expect(await resume(made, {resume: 'if-possible', onResume}, made.student(1))).toEqual(whole);
      expect(resumed).toEqual([]);
    }
    await cut(made, 4, {path, everySeconds: RARELY});
    expect((await resume(made, {resume: 'if-possible'})).weights).toBe(whole.weights);
  });

  it('another engine or another version of the program', async () => {
    await cut(adamRun(), 4, {path, everySeconds: RARELY});
    await rewrite(fingerprint => ({...fingerprint, engine: 'abacus 1', 'version of limbeck': '0.0.0'}));
    await expect(resume(adamRun())).rejects.toThrow(
      /It differs in: version of limbeck \("0.0.0", now .*, engine \("abacus 1", now/,
    );
  });
});

const withSeed = (made: ResumeCase, seed: number): ResumeCase => ({...made, options: {...made.options, seed}});

/** Puts another fingerprint into the file, with the hash that it then needs. */
async function rewrite(change: (fingerprint: Record<string, string>) => Record<string, string>): Promise<void> {
  const kept = (await readCheckpoint(path))!;
  await writeCheckpoint(path, {...kept, fingerprint: change(kept.fingerprint as Record<string, string>)});
}

describe('a file that is no whole checkpoint is refused, and the student stays as it was', () => {
  const refuses = async (reason: string | RegExp): Promise<void> => {
    const student = adamRun().student(1);
    const before = weightsHash(student);
    const refused = resume(adamRun(), {}, student);
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow(reason);
    await expect(refused).rejects.toThrow('Name another path, or delete it and start afresh.');
    expect(weightsHash(student)).toBe(before);
  };

  beforeEach(async () => {
    await cut(adamRun(), 4, {path, everySeconds: RARELY});
  });

  it.each([
    ['nothing', 0, 'ends too early'],
    ['less than its first number', 5, 'ends too early'],
    ['half its header', 200, 'ends too early'],
    ['all but its last value', -4, 'its tensors need'],
  ])('cut short: %s', async (_, length, reason) => {
    await truncate(path, length >= 0 ? length : (await readFile(path)).length + length);
    await refuses(reason);
  });

  it('with any one byte changed', async () => {
    const whole = await readFile(path);
    // Each of these once in the length, the header, and the first and last values.
    for (const place of [0, 6, 60, 400, 1000, whole.length - 700, whole.length - 1]) {
      const damaged = Buffer.from(whole);
      damaged[place]! ^= 1;
      await writeFile(path, damaged);
      await refuses(/can't be used/);
    }
  });

  it('of an older or newer form', async () => {
    const {metadata, tensors} = await readTensors(path);
    await writeTensors(path, {metadata: {...metadata, format: 'limbeck.checkpoint/1'}, tensors});
    await refuses('its format is limbeck.checkpoint/1, but this version of limbeck reads limbeck.checkpoint/2');
  });

  it('of another kind', async () => {
    await saveKnowledge(path, adamRun().knowledge);
    await refuses('its format is limbeck.knowledge/1');
    await writeTensors(path, {metadata: {}, tensors: new Map()});
    await refuses('it is not a checkpoint of a training run');
    await writeFile(path, 'Remember the milk. '.repeat(100));
    await refuses('its header claims');
  });

  it('of the right form, but without one of its parts', async () => {
    const kept = (await readCheckpoint(path))!;
    await writeCheckpoint(path, {...kept, tensors: new Map([...kept.tensors].filter(([name]) => name !== 'state/1'))});
    await refuses('its state/1 is not of shape');
  });
});

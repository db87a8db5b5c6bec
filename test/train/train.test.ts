import {setImmediate, setTimeout} from 'node:timers/promises';
import {beforeAll, describe, expect, it} from 'vitest';
import type {TensorInputs} from '../../src/data/inputs.ts';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {asSplit} from '../../src/data/split.ts';
import {crop} from '../../src/data/view.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {expectedLevels} from '../../src/evaluate/scores.ts';
import {type Knowledge, trueLabels} from '../../src/knowledge/knowledge.ts';
import {featureHint} from '../../src/losses/feature-hint.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import type {LossTerm} from '../../src/losses/loss.ts';
import {expectedLabels} from '../../src/losses/score-labels.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {mlp} from '../../src/student/mlp.ts';
import {predictLogits} from '../../src/student/predict.ts';
import type {Student} from '../../src/student/student.ts';
import type {Query, Teacher} from '../../src/teacher.ts';
import {adam, sgd} from '../../src/train/optimizer.ts';
import type {Epoch, TrainOptions} from '../../src/train/options.ts';
import {type Profile, secondsOf} from '../../src/train/profile.ts';
import {train} from '../../src/train/train.ts';

beforeAll(startEngine);

const classes = ['left', 'right', 'middle'];

/** Points of a 4 x 4 image, bright in one of three columns, with noise. */
function points(count: number, seed: number): {inputs: TensorInputs; labels: Int32Array} {
  const random = seededRandom(seed, 'points');
  const labels = Int32Array.from({length: count}, (_, index) => index % 3);
  const data = Float32Array.from({length: count * 16}, (_, index) => {
    const label = labels[Math.floor(index / 16)]!;
    return (index % 4 === label ? 1 : 0) + randomFraction(random) * 0.8;
  });
  return {inputs: {kind: 'tensor', dtype: 'float32', shape: [4, 4, 1], count, data}, labels};
}

function labelKnowledge(count = 90, seed = 1): Knowledge {
  return trueLabels(points(count, seed), classes);
}

const build = (seed = 1, units = [8]): Student =>
  mlp({units})({classes, inputShape: [4, 4, 1], preprocessing: {}}, seed);

const weightsOf = ({model}: Student) => model.getWeights().map(weight => [...weight.dataSync()]);

async function run(student: Student, knowledge: Knowledge, options: Partial<TrainOptions> = {}): Promise<Epoch[]> {
  const epochs: Epoch[] = [];
  const all = {
    losses: [hardLabels()],
    seed: 1,
    epochs: 3,
    batchSize: 16,
    optimizer: adam({learningRate: 0.02}),
    ...options,
  };
  for await (const epoch of train(student, knowledge, all)) epochs.push(epoch);
  return epochs;
}

describe('train', () => {
  it('learns what can be learned', async () => {
    const validation = asSplit('validation', points(60, 2));
    const epochs = await run(build(), labelKnowledge(), {epochs: 20, validation});
    expect(epochs.at(-1)!.loss).toBeLessThan(epochs[0]!.loss / 4);
    expect(epochs.at(-1)!.validation!.accuracy).toBeGreaterThan(0.95);
    expect(epochs.map(({epoch, step}) => [epoch, step]).slice(0, 2)).toEqual([
      [1, 6],
      [2, 12],
    ]);
  });

  it.each([true, false])('learns expected levels alone (compiled: %s)', async compile => {
    const {inputs, labels} = points(90, 1);
    const levels = Float32Array.from(labels, label => 0.25 + 0.75 * label);
    const source = {access: 'gray-box', identity: {service: 'made up'}} as const;
    const answers = {kind: 'expected', count: 90, levels} as const;
    const student = build();
    const knowledge: Knowledge = {source, classes, detail: {kind: 'expected'}, inputs, answers};
    await run(student, knowledge, {losses: [expectedLabels()], epochs: 40, compile});
    const off = expectedLevels(await predictLogits(student, inputs), 3).map((level, row) =>
      Math.abs(level - levels[row]!),
    );
    expect(off.reduce((sum, value) => sum + value, 0) / 90).toBeLessThan(0.1);
    await expect(run(build(), knowledge, {losses: [hardLabels()]})).rejects.toThrow('Use `expectedLabels()`');
  });

  it('ends with the same bits for the same seed, and others for another', async () => {
    const trained = async (seed: number) => {
      const student = build();
      await run(student, labelKnowledge(), {seed, losses: [hardLabels({weight: 0.5})]});
      return weightsOf(student);
    };
    expect(await trained(7)).toEqual(await trained(7));
    expect(await trained(7)).not.toEqual(await trained(8));
  });

  it('sums its terms by their weights and reports each before its weight', async () => {
    const [first] = await run(build(), labelKnowledge(), {
      epochs: 1,
      batchSize: 90,
      losses: [hardLabels({weight: 0.25}), {...hardLabels({weight: 2, smoothing: 0.9}), name: 'smoothed'}],
    });
    const {terms, loss} = first!;
    expect(loss).toBeCloseTo(0.25 * terms['hard-labels']! + 2 * terms['smoothed']!, 5);
    expect(terms['hard-labels']).not.toBeCloseTo(terms['smoothed']!, 3);
  });

  it('reports each of two terms of one name', async () => {
    const losses = [hardLabels({weight: 0.5}), hardLabels({weight: 0.5, smoothing: 0.2})];
    const [first] = await run(build(), labelKnowledge(), {losses});
    const {'hard-labels': plain = 0, 'hard-labels 2': smoothed = 0, ...others} = first!.terms;
    expect(others).toEqual({});
    expect(first!.loss).toBeCloseTo(0.5 * plain + 0.5 * smoothed, 5);
    expect(smoothed).not.toBe(plain);
  });

  it('tells terms how far the run is, to 1 at its last step', async () => {
    const progressing: LossTerm = {
      ...hardLabels(),
      name: 'progress',
      prepare: () => ({
        variables: [],
        value: (_, {logits}, progress) => tf.add(tf.mul(tf.sum(logits), 1e-9), progress!),
      }),
    };
    // Six steps an epoch, twelve in all: the means of 1 to 6 and of 7 to 12, in twelfths.
    const epochs = await run(build(), labelKnowledge(), {losses: [progressing], epochs: 2});
    expect(epochs.map(({terms}) => terms['progress'])).toEqual([
      expect.closeTo(3.5 / 12, 5),
      expect.closeTo(9.5 / 12, 5),
    ]);
  });

  it('leaves no tensor behind but the student', async () => {
    const student = build();
    await run(student, labelKnowledge(), {epochs: 1});
    const before = tf.memory().numTensors;
    await run(student, labelKnowledge(), {epochs: 3, clipNorm: 1, validation: asSplit('validation', points(9, 3))});
    await run(student, labelKnowledge(), {
      epochs: 2,
      earlyStopping: {patience: 1},
      validation: asSplit('validation', points(9, 3)),
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('stops early and goes back to the weights that were best on validation', async () => {
    const student = build();
    const validation = asSplit('validation', points(60, 2));
    // So high a rate that it gets worse again.
    const epochs = await run(student, labelKnowledge(), {
      epochs: 60,
      validation,
      optimizer: sgd({learningRate: 0.9}),
      earlyStopping: {patience: 3},
    });
    const best = Math.max(...epochs.map(epoch => epoch.validation!.accuracy));
    expect(epochs.length).toBeLessThan(60);
    expect(epochs.filter(epoch => epoch.best).at(-1)!.epoch).toBe(epochs.length - 3);
    const [after] = await run(student, labelKnowledge(), {
      epochs: 1,
      validation,
      optimizer: sgd({learningRate: 1e-12}),
    });
    expect(after!.validation!.accuracy).toBe(best);
  });

  it('does not learn from validation: the weights are the same with and without it', async () => {
    const [watched, alone] = [build(), build()];
    await run(watched, labelKnowledge(), {validation: asSplit('validation', points(30, 5))});
    await run(alone, labelKnowledge());
    expect(weightsOf(watched)).toEqual(weightsOf(alone));
  });

  it('says at which step the loss stopped being a number, and what to do', async () => {
    // The first update throws every weight so far out that the next forward pass overflows.
    const optimizer = sgd({learningRate: 1e38, momentum: 0});
    await expect(run(build(), labelKnowledge(), {optimizer})).rejects.toThrow(
      /The loss \(hard-labels\) is (NaN|Infinity) at step \d. Lower the learning rate/,
    );
  });

  it('stops at an abort before the next step', async () => {
    const controller = new AbortController();
    const steps: number[] = [];
    const stopped = run(build(), labelKnowledge(), {
      epochs: 50,
      signal: controller.signal,
      onStep: ({step}) => {
        steps.push(step);
        if (step === 4) controller.abort();
      },
    });
    await expect(stopped).rejects.toThrow(/abort/i);
    expect(steps).toEqual([1, 2, 3, 4]);
  });
});

describe('train with a live teacher', () => {
  const teacherOf = (student: Student, seen: Query[]): Teacher<'white-box'> => {
    const teacher = asTeacher(student);
    return {
      ...teacher,
      ask: (queries, options) => {
        seen.push(...queries);
        return teacher.ask(queries, options);
      },
    };
  };

  it('learns from answers about the very view that the student sees, another one every epoch', async () => {
    const seen: Query[] = [];
    const teacher = teacherOf(build(9, [16]), seen);
    const knowledge = labelKnowledge(8);
    await run(build(), knowledge, {teacher, view: crop({padding: 1}), losses: [softLabels()], epochs: 2, batchSize: 8});
    // The first query only finds out shapes.
    const queries = seen.slice(1);
    expect(queries).toHaveLength(16);
    expect(new Set(queries.map(({view}) => view)).size).toBe(16);
    const original = new Set(
      Array.from(
        {length: 8},
        (_, row) => knowledge.inputs.kind === 'tensor' && knowledge.inputs.data.slice(row * 16, row * 16 + 16).join(),
      ),
    );
    const bytes = queries.map(({input}) => input.kind === 'tensor' && input.data.join());
    expect(bytes.some(view => !original.has(view))).toBe(true);
  });

  it('comes to the same weights from live answers as from kept ones where there is no view', async () => {
    const teacher = asTeacher(build(9, [16]));
    const {inputs} = points(40, 1);
    const logits = await predictLogits(build(9, [16]), inputs);
    const kept: Knowledge = {
      ...labelKnowledge(40),
      detail: {kind: 'logits'},
      answers: {kind: 'logits', count: 40, logits, features: {}},
    };
    const [live, fromKept] = [build(), build()];
    await run(live, kept, {teacher, losses: [softLabels()]});
    await run(fromKept, kept, {losses: [softLabels()]});
    for (const [index, weights] of weightsOf(live).entries()) {
      for (const [place, value] of weights.entries()) expect(value).toBeCloseTo(weightsOf(fromKept)[index]![place]!, 5);
    }
  });

  it('learns from true labels beside the answers of a teacher that knows nothing of them', async () => {
    const teacher = asTeacher(build(9, [16]));
    const knowledge = labelKnowledge();
    const [taught, alone] = [build(), build()];
    const losses = [hardLabels({labels: 'true'}), softLabels({weight: 1e-9})];
    const view = crop({padding: 1});
    await run(taught, knowledge, {teacher, view, losses});
    await run(alone, knowledge, {view});
    for (const [index, weights] of weightsOf(taught).entries()) {
      for (const [place, value] of weights.entries()) expect(value).toBeCloseTo(weightsOf(alone)[index]![place]!, 5);
    }
    const withoutTruth = {...knowledge, source: {access: 'white-box', identity: {}}} as const;
    await expect(run(build(), withoutTruth, {teacher, losses})).rejects.toThrow(
      "true-labels learns from true labels, but the knowledge holds a white-box teacher's answers",
    );
    const mixed = {...view, takesPartner: true};
    await expect(run(build(), knowledge, {teacher, losses, view: mixed})).rejects.toThrow('has none');
  });

  it('takes features live and trains the projection with the student', async () => {
    const teacher = asTeacher(build(9, [16]));
    const losses = [featureHint({teacher: 'dense_1', student: 'dense_1', weight: 1})];
    const epochs = await run(build(), labelKnowledge(), {teacher, losses, epochs: 10});
    expect(epochs.at(-1)!.loss).toBeLessThan(epochs[0]!.loss / 2);
  });
});

describe('train while a live teacher answers', () => {
  /** A teacher that answers when the event loop has turned, as one over a network does. */
  const remote = (events: string[], answer: () => void = () => {}): Teacher<'white-box'> => {
    const teacher = asTeacher(build(9, [16]));
    return {
      ...teacher,
      async ask(queries, options) {
        await setImmediate();
        events.push(`asked about ${queries.length}`);
        answer();
        return teacher.ask(queries, options);
      },
    };
  };

  it('has the next batch on its way before each step, and none beyond the end of an epoch', async () => {
    const events: string[] = [];
    const onStep: TrainOptions['onStep'] = ({step}) => void events.push(`step ${step}`);
    const options = {teacher: remote(events), losses: [softLabels()], epochs: 2, batchSize: 8, onStep};
    await run(build(), labelKnowledge(20), options);
    // The first query only finds out shapes.
    expect(events.slice(1)).toEqual([
      ...['asked about 8', 'asked about 8', 'step 1', 'asked about 4', 'step 2', 'step 3'],
      ...['asked about 8', 'asked about 8', 'step 4', 'asked about 4', 'step 5', 'step 6'],
    ]);
  });

  it('runs the steps whose answers are there before it fails, and leaves no tensor behind', async () => {
    const student = build();
    await run(student, labelKnowledge(), {epochs: 1});
    const events: string[] = [];
    const teacher = remote(events, () => {
      if (events.filter(event => event.startsWith('asked')).length === 4) throw new Error('Gone.');
    });
    const before = tf.memory().numTensors;
    const onStep: TrainOptions['onStep'] = ({step}) => void events.push(`step ${step}`);
    await expect(
      run(student, labelKnowledge(), {teacher, losses: [softLabels()], batchSize: 8, onStep}),
    ).rejects.toThrow('Gone.');
    expect(events.filter(event => event.startsWith('step'))).toEqual(['step 1', 'step 2']);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('the profile of a run', () => {
  it('is told once, at the end, and adds up to the time that it took', async () => {
    const profiles: Profile[] = [];
    const started = performance.now();
    await run(build(), labelKnowledge(), {
      validation: asSplit('validation', points(30, 5)),
      onProfile: profile => void profiles.push(profile),
    });
    const seconds = (performance.now() - started) / 1000;
    expect(profiles).toHaveLength(1);
    const {data, teacher, step, evaluation} = profiles[0]!;
    expect(teacher).toBe(0);
    for (const part of [data, step, evaluation]) expect(part).toBeGreaterThan(0);
    expect(secondsOf(profiles[0]!)).toBeGreaterThan(0.8 * seconds);
    expect(secondsOf(profiles[0]!)).toBeLessThanOrEqual(seconds);
  });

  it('leaves out what the caller does between two epochs, and is not told of a run that is left', async () => {
    const profiles: Profile[] = [];
    const options = {
      losses: [hardLabels()],
      seed: 1,
      epochs: 2,
      onProfile: (profile: Profile) => void profiles.push(profile),
    };
    const start = performance.now();
    for await (const _ of train(build(), labelKnowledge(), options)) await setTimeout(300);
    const seconds = (performance.now() - start) / 1000;
    expect(secondsOf(profiles[0]!)).toBeLessThan(seconds - 0.55);
    for await (const _ of train(build(), labelKnowledge(), options)) break;
    expect(profiles).toHaveLength(1);
  });
});

describe('train refuses before the first step', () => {
  it.each<[string, Partial<TrainOptions>, string]>([
    ['a view without a live teacher', {view: crop()}, 'View `crop 2` needs `teacher`'],
    ['early stopping without validation', {earlyStopping: {patience: 2}}, 'Early stopping needs `validation`'],
    ['no epochs', {epochs: 0}, 'Expected `epochs` to be a whole number of at least 1, got 0.'],
    ['half a batch', {batchSize: 0.5}, 'Expected `batchSize`'],
    ['a text without parts', {mostParts: 0}, 'Expected `mostParts` to be a whole number of at least 1, got 0.'],
    ['a clip norm of 0', {clipNorm: 0}, 'Expected `clipNorm` to be above 0, got 0.'],
    ['a loss that the answers are too poor for', {losses: [softLabels()]}, 'soft-labels needs log-probabilities'],
  ])('%s', async (_, options, message) => {
    const knowledge = {...labelKnowledge(), source: {access: 'black-box', identity: {}}} as const;
    await expect(run(build(), knowledge, options)).rejects.toThrow(message);
  });

  it('a student of other classes than the knowledge', async () => {
    const student = mlp()({classes: ['a', 'b', 'c'], inputShape: [4, 4, 1], preprocessing: {}}, 1);
    await expect(run(student, labelKnowledge())).rejects.toThrow("The student's classes (a, b, c)");
  });
});

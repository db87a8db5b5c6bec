import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {type JointKnowledge, joinKnowledge} from '../../src/ask/joint-knowledge.ts';
import {selectInputs, type TensorInputs} from '../../src/data/inputs.ts';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {asSplit} from '../../src/data/split.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {accuracy} from '../../src/evaluate/metrics.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {dist} from '../../src/losses/dist.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import type {LossTerm} from '../../src/losses/loss.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {classesOf, type Question} from '../../src/question.ts';
import {choice, predicate} from '../../src/questions.ts';
import {weightsHash} from '../../src/student/files.ts';
import {columnsOf, headsOf, withHeads} from '../../src/student/heads.ts';
import {mlp} from '../../src/student/mlp.ts';
import {predictLogits} from '../../src/student/predict.ts';
import type {Student} from '../../src/student/student.ts';
import {adam} from '../../src/train/optimizer.ts';
import type {Epoch, TrainOptions} from '../../src/train/options.ts';
import {train} from '../../src/train/train.ts';
import type {Fit, JointFit} from '../../src/train/trend.ts';
import type {JointSplit} from '../../src/train/validation.ts';

beforeAll(startEngine);

const column = choice('column', 'Which column is bright?', ['left', 'right', 'middle']);
const isDark = predicate('dark', 'Is the image dark?');
const questions = [column, isDark];

/** Images of 4 x 4, bright in one of three columns, half of them dark. */
function images(count: number, seed: number) {
  const random = seededRandom(seed, 'images');
  const columns = Int32Array.from({length: count}, (_, index) => index % 3);
  const darks = Int32Array.from({length: count}, (_, index) => Math.floor(index / 3) % 2);
  const data = Float32Array.from({length: count * 16}, (_, index) => {
    const image = Math.floor(index / 16);
    return (index % 4 === columns[image] ? 1 : 0) + 0.6 * randomFraction(random) + (darks[image] ? 0 : 1);
  });
  const inputs: TensorInputs = {kind: 'tensor', dtype: 'float32', shape: [4, 4, 1], count, data};
  return {inputs, columns, darks};
}

const made = images(90, 1);

/** What a teacher says of some of the images: 0.9 for the label. */
function answersTo(question: Question, rows: readonly number[], scores = true): Knowledge {
  const all = question === column ? made.columns : made.darks;
  const classes = classesOf(question);
  const labels = Int32Array.from(rows, row => all[row]!);
  const rest = Math.log(0.1 / (classes.length - 1));
  const logProbabilities = Float32Array.from({length: rows.length * classes.length}, (_, index) =>
    index % classes.length === labels[Math.floor(index / classes.length)] ? Math.log(0.9) : rest,
  );
  const count = rows.length;
  return {
    source: {access: 'gray-box', identity: {model: 'made up'}},
    classes,
    question,
    inputs: rows.length === made.inputs.count ? made.inputs : selectInputs(made.inputs, rows),
    ...(scores
      ? {detail: {kind: 'log-probabilities'}, answers: {kind: 'log-probabilities', count, logProbabilities}}
      : {detail: {kind: 'label'}, answers: {kind: 'label', count, labels}}),
  };
}

const every = Array.from({length: 90}, (_, row) => row);
const whole = () => joinKnowledge(questions.map(question => answersTo(question, every)));
/** Nobody answered whether the last thirty are dark, or in which column the first ten are bright. */
const partial = () => joinKnowledge([answersTo(column, every.slice(10)), answersTo(isDark, every.slice(0, 60))]);

const validationOf = (labels: JointSplit['labels']): JointSplit => ({role: 'validation', inputs: made.inputs, labels});

const task = {classes: [], inputShape: [4, 4, 1], preprocessing: {}};
const build = (list: readonly Question[] = questions): Student => withHeads(mlp({units: [12]}), list)(task, 1);

const settings = {
  losses: [softLabels({temperature: 1})],
  seed: 1,
  epochs: 25,
  batchSize: 16,
  optimizer: adam({learningRate: 0.02}),
};

async function run(student: Student, knowledge: JointKnowledge | Knowledge, options: Partial<TrainOptions> = {}) {
  const epochs: Epoch[] = [];
  for await (const epoch of train(student, knowledge, {...settings, ...options})) epochs.push(epoch);
  return epochs;
}

/** How often each head is right about new images. */
async function measured(student: Student): Promise<readonly number[]> {
  const {inputs, columns, darks} = images(60, 2);
  const logits = await predictLogits(student, inputs);
  return headsOf(student).map(head => {
    const labels = head.question!.name === 'column' ? columns : darks;
    return accuracy(columnsOf(logits, 60, head), labels, head.classes.length);
  });
}

describe('a student of several questions', () => {
  it('learns all of them together', async () => {
    const student = build();
    const epochs = await run(student, await whole());
    expect(epochs.at(-1)!.loss).toBeLessThan(epochs[0]!.loss);
    expect(Object.keys(epochs[0]!.terms)).toEqual(['column: soft-labels', 'dark: soft-labels']);
    expect(Math.min(...(await measured(student)))).toBeGreaterThan(0.95);
  });

  it('learns each from the inputs that have an answer to it', async () => {
    const student = build();
    const fits: Fit[] = [];
    await run(student, await partial(), {onFit: fit => fits.push(fit)});
    expect(Math.min(...(await measured(student)))).toBeGreaterThan(0.95);
    expect(fits[0]!.trainingAgreement).toBeGreaterThan(0.95);
  });

  it('takes nothing from the answers that stand for missing ones', async () => {
    // Row 0 of a part stands for its missing answers. Here it has the other label, and is left out of the joint rows.
    const knowledge = await partial();
    const [columns, darks] = knowledge.parts as readonly Knowledge[];
    const asked = {...knowledge, rows: knowledge.rows.map(rows => rows.map(row => (row === 0 ? -1 : row)))};
    const turned = (part: Knowledge): Knowledge => {
      const {answers} = part;
      if (answers.kind !== 'log-probabilities') throw new Error('Expected scores.');
      const logProbabilities = answers.logProbabilities.slice();
      logProbabilities.set(logProbabilities.subarray(0, part.classes.length).toReversed());
      return {...part, answers: {...answers, logProbabilities}};
    };
    const [one, other] = [build(), build()];
    await run(one, asked, {epochs: 3});
    await run(other, {...asked, parts: [turned(columns!), turned(darks!)]}, {epochs: 3});
    expect(weightsHash(other)).toBe(weightsHash(one));
  });

  it('is the same student, to the bit, as one of a single question if it has only that', async () => {
    const [joint, single] = [build([column]), mlp({units: [12]})({...task, classes: classesOf(column)}, 1)];
    const knowledge = answersTo(column, every);
    await run(joint, await joinKnowledge([knowledge]), {epochs: 3});
    await run(single, knowledge, {epochs: 3});
    expect(joint.model.getWeights().map(weight => [...weight.dataSync()])).toEqual(
      single.model.getWeights().map(weight => [...weight.dataSync()]),
    );
  });

  it('has as objective the mean of its questions, by their weights', async () => {
    const epochs = await run(build(), await whole(), {
      losses: {column: [softLabels({temperature: 1}), hardLabels({weight: 0.5})], dark: [hardLabels()]},
      questionWeights: {column: 3},
      epochs: 1,
    }).catch((error: Error) => error);
    // The scores of the second question are read by none of its losses.
    expect(String(epochs)).toContain('no loss reads them');
    const labels = await joinKnowledge([answersTo(column, every), answersTo(isDark, every, false)]);
    const [{loss, terms}] = (await run(build(), labels, {
      losses: {column: [softLabels({temperature: 1}), hardLabels({weight: 0.5})], dark: [hardLabels()]},
      questionWeights: {column: 3},
      epochs: 1,
    })) as [Epoch];
    const ofColumn = terms['column: soft-labels']! + 0.5 * terms['column: hard-labels']!;
    expect(loss).toBeCloseTo((3 * ofColumn + terms['dark: hard-labels']!) / 4, 5);
  });

  it('goes on from a checkpoint to the same bits, and from none of other questions', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'limbeck-lessons-'));
    const checkpoint = {path: join(folder, 'run'), resume: true};
    try {
      const [straight, cut] = [build(), build()];
      await run(straight, await partial(), {epochs: 4});
      for await (const _ of train(cut, await partial(), {...settings, epochs: 4, checkpoint})) break;
      const resumed = build();
      const kept: Epoch[] = [];
      const resume = {...checkpoint, onResume: ({epochs}: {epochs: readonly Epoch[]}) => kept.push(...epochs)};
      await run(resumed, await partial(), {epochs: 4, checkpoint: resume});
      expect(weightsHash(resumed)).toBe(weightsHash(straight));
      expect(Object.keys(kept[0]!.questions!)).toEqual(['column', 'dark']);
      await expect(run(build(), await whole(), {epochs: 4, checkpoint})).rejects.toThrow("knowledge's answers");
      const weighted = run(build(), await partial(), {epochs: 4, checkpoint, questionWeights: {dark: 2}});
      await expect(weighted).rejects.toThrow('It differs in: questions');
    } finally {
      await rm(folder, {recursive: true});
    }
  });
});

describe('the validation of several questions', () => {
  const held = images(45, 3);
  const validation = {
    role: 'validation',
    inputs: held.inputs,
    labels: {column: held.columns, dark: held.darks},
  } as const;

  it('measures each by itself, and their mean by their weights', async () => {
    const student = build();
    const epochs = await run(student, await whole(), {
      validation,
      validateEvery: 2,
      epochs: 5,
      questionWeights: {dark: 3},
    });
    expect(epochs.map(epoch => epoch.validation !== undefined)).toEqual([false, true, false, true, true]);
    const {validation: mean, questions: each, loss} = epochs.at(-1)!;
    const logits = await predictLogits(student, held.inputs);
    const heads = headsOf(student).map(head => columnsOf(logits, held.inputs.count, head));
    expect(each!['column']!.validation!.accuracy).toBe(accuracy(heads[0]!, held.columns, 3));
    expect(each!['dark']!.validation!.accuracy).toBe(accuracy(heads[1]!, held.darks, 2));
    for (const key of ['accuracy', 'nll'] as const) {
      const [ofColumn, ofDark] = [each!['column']!.validation![key], each!['dark']!.validation![key]];
      expect(mean![key]).toBeCloseTo((ofColumn + 3 * ofDark) / 4, 12);
    }
    expect((each!['column']!.loss + 3 * each!['dark']!.loss) / 4).toBeCloseTo(loss, 5);
  });

  it('looks at the questions that have true labels', async () => {
    const [epoch] = await run(build(), await whole(), {
      validation: {...validation, labels: {dark: held.darks}},
      epochs: 1,
    });
    expect(epoch!.validation).toEqual(epoch!.questions!['dark']!.validation);
    expect(epoch!.questions!['column']!.validation).toBeUndefined();
  });

  it('stops early, and keeps the weights with the best mean', async () => {
    const student = build();
    const epochs = await run(student, await whole(), {validation, earlyStopping: {patience: 2}, epochs: 60});
    expect(epochs.length).toBeLessThan(60);
    const best = Math.max(...epochs.map(epoch => epoch.validation!.accuracy));
    const logits = await predictLogits(student, held.inputs);
    const [ofColumn, ofDark] = headsOf(student).map(head => columnsOf(logits, held.inputs.count, head));
    expect((accuracy(ofColumn!, held.columns, 3) + accuracy(ofDark!, held.darks, 2)) / 2).toBe(best);
  });

  it('tells how well the student fits the answers to each', async () => {
    const fits: JointFit[] = [];
    await run(build(), await partial(), {validation, epochs: 3, onFit: fit => fits.push(fit)});
    const {questions: each, trainingAgreement} = fits[0]!;
    const agreements = ['column', 'dark'].map(name => each![name]!.trainingAgreement);
    expect(trainingAgreement).toBeCloseTo((agreements[0]! + agreements[1]!) / 2, 12);
    expect(agreements[0]).not.toBe(agreements[1]);
  });
});

describe('the check of several questions', () => {
  it("refuses a loss that can't leave out inputs, if some have no answer", async () => {
    const losses = [dist()];
    await expect(run(build(), await partial(), {losses})).rejects.toThrow(
      "column: dist can't leave out inputs, and some have no answer to `column`",
    );
    await run(build(), await whole(), {losses, epochs: 1});
  });

  it.each<[string, Partial<TrainOptions>, string]>([
    ['losses of an unknown question', {losses: {colour: [softLabels()]}}, 'no question `colour`, which `losses` names'],
    ['a question without losses', {losses: {column: [softLabels()]}}, 'names no losses of `dark`'],
    [
      'a question with an empty list',
      {losses: {column: [softLabels()], dark: []}},
      'objective of `dark` has no losses',
    ],
    ['a weight of an unknown question', {questionWeights: {colour: 1}}, 'no question `colour`'],
    ['a weight of 0', {questionWeights: {dark: 0}}, '`questionWeights.dark` to be a number above 0, got 0'],
    ['balance', {balance: 1}, '`balance` is for students of one question'],
    [
      'true labels of one question alone',
      {validation: asSplit('validation', {inputs: made.inputs, labels: made.columns})},
      'Give `validation.labels` as an object with a list for each: column, dark',
    ],
    [
      'true labels of an unknown question',
      {validation: validationOf({colour: made.columns})},
      '`validation.labels` names',
    ],
    ['true labels of none', {validation: validationOf({})}, '`validation.labels` has labels of no question'],
    [
      'true labels of few inputs',
      {validation: validationOf({dark: made.darks.subarray(1)})},
      '90 inputs but 89 labels of `dark`',
    ],
  ])('refuses %s', async (_, options, message) => {
    await expect(run(build(), await whole(), options)).rejects.toThrow(message);
  });

  it('refuses a student and knowledge of different questions', async () => {
    const single = mlp()({...task, classes: classesOf(column)}, 1);
    await expect(run(single, await whole())).rejects.toThrow('Make it with `withHeads()`');
    await expect(run(build(), answersTo(column, every))).rejects.toThrow('Join the answers to all of them');
    const one = await joinKnowledge([answersTo(column, every)]);
    await expect(run(build(), one)).rejects.toThrow('no answers to `dark`');
    const validation = validationOf({column: made.columns});
    await expect(run(single, answersTo(column, every), {validation})).rejects.toThrow('`validation.labels` as a list');
    const terms: readonly LossTerm[] = [softLabels()];
    await expect(run(single, answersTo(column, every), {losses: {column: terms}})).rejects.toThrow(
      '`losses` as a list',
    );
  });
});

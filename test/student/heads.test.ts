import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {type Inputs, inputAt} from '../../src/data/inputs.ts';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {layers, tf} from '../../src/engine/tf.ts';
import {choice, predicate, score} from '../../src/questions.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {loadHead, loadOneHead, loadStudent, saveStudent} from '../../src/student/files.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {columnsOf, headOf, headsOf, withHeads} from '../../src/student/heads.ts';
import {lenet} from '../../src/student/lenet.ts';
import {makeStudent} from '../../src/student/make-student.ts';
import {mlp} from '../../src/student/mlp.ts';
import {predictLogits} from '../../src/student/predict.ts';
import {resnetCifar} from '../../src/student/resnet-cifar.ts';
import type {StudentBuilder} from '../../src/student/student.ts';
import {subwordCnn} from '../../src/student/subword-cnn.ts';
import type {LogitsAnswer} from '../../src/teacher.ts';

beforeAll(startEngine);

const questions = [
  choice('topic', 'What is it about?', ['billing', 'fault', 'other']),
  predicate('urgent', 'Is it urgent?'),
  score('mood', 'How content is the writer?', ['furious', 'calm', 'happy', 'delighted']),
];
const random = seededRandom(1, 'pixels');
const data = Float32Array.from({length: 3 * 1024}, () => randomFraction(random));
const images: Inputs = {kind: 'tensor', dtype: 'float32', shape: [32, 32, 1], count: 3, data};
const texts: Inputs = {kind: 'text', count: 2, texts: ['my invoice is wrong', 'it broke again']};

const builders: Readonly<Record<string, readonly [StudentBuilder, Inputs]>> = {
  mlp: [mlp(), images],
  lenet: [lenet(), images],
  'resnet-cifar': [resnetCifar({depth: 20}), images],
  'hashed-ngrams': [hashedNgrams(), texts],
  'subword-cnn': [subwordCnn(), texts],
};

const taskOf = (inputs: Inputs) => ({
  classes: ['unused', 'classes'],
  kind: inputs.kind === 'text' ? inputs.kind : ('tensor' as const),
  inputShape: inputs.kind === 'tensor' ? inputs.shape : [],
  preprocessing: {},
});

describe('a student with heads as a teacher', () => {
  it('answers every question about an input in one pass, and fails one that it has not', async () => {
    const student = withHeads(mlp(), questions)(taskOf(images), 1);
    const teacher = asTeacher(student);
    expect(teacher.questions!.list).toEqual(questions);
    const inputs = [0, 1, 2].map(index => inputAt(images, index));
    const outcomes = await teacher.ask(inputs.flatMap(input => questions.map(question => ({input, question}))));
    const logits = await predictLogits(student, images);
    for (const [index, head] of headsOf(student).entries()) {
      const answers = inputs.map((_, row) => outcomes[row * questions.length + index] as {answer: LogitsAnswer});
      expect(answers.flatMap(({answer}) => [...answer.logits])).toEqual([...columnsOf(logits, 3, head)]);
    }
    const [input] = inputs;
    const isNew = predicate('new', 'Is it new?');
    const [stranger] = await teacher.ask([{input: input!, question: isNew}]);
    expect(stranger).toMatchObject({error: {message: expect.stringContaining('has no question `new`')}});
    expect(await teacher.ask([{input: input!}])).toMatchObject([
      {error: {message: expect.stringContaining('names none')}},
    ]);
  });
});

describe('a student with heads', () => {
  it.each(Object.entries(builders))(
    'can be made by %s, and each head is a student of its own',
    async (_, [build, inputs]) => {
      const student = withHeads(build, questions)(taskOf(inputs), 1);
      expect(student.classes).toHaveLength(9);
      const logits = await predictLogits(student, inputs);
      const reasons: string[] = [];
      for (const [index, head] of headsOf(student).entries()) {
        const one = headOf(student, questions[index]!.name);
        expect(one.classes).toEqual(head.classes);
        expect(one.question).toEqual(questions[index]);
        expect(one.heads).toBeUndefined();
        const own = await predictLogits(one, inputs, {onFallback: reason => reasons.push(reason)});
        expect(own).toEqual(columnsOf(logits, inputs.count, head));
      }
      expect(reasons).toEqual([]);
    },
  );

  it('is the same after it was saved, with the calibration of each head', async () => {
    const made = withHeads(mlp(), questions)(taskOf(images), 1);
    const heads = made.heads!.map((head, index) => ({...head, calibration: {temperature: 1 + index, threshold: 0.5}}));
    const student = makeStudent({...made, heads});
    const folder = await mkdtemp(join(tmpdir(), 'limbeck-heads-'));
    try {
      await saveStudent(join(folder, 'whole'), student);
      const loaded = await loadStudent(join(folder, 'whole'));
      expect(loaded.heads).toEqual(heads);
      expect(await predictLogits(loaded, images)).toEqual(await predictLogits(student, images));
      const mood = headOf(student, 'mood');
      expect((await loadOneHead(join(folder, 'whole'), 'mood')).question).toEqual(mood.question);
      expect((await loadHead(join(folder, 'whole'), undefined)).heads).toEqual(heads);
      await expect(loadOneHead(join(folder, 'whole'), undefined)).rejects.toThrow(
        /answers several questions: `topic`, `urgent`, `mood`\. Name one with --question\.$/,
      );
      expect(mood.calibration).toEqual({temperature: 3, threshold: 0.5});
      await saveStudent(join(folder, 'mood'), mood);
      const alone = await loadStudent(join(folder, 'mood'));
      expect(alone.question).toEqual(questions[2]);
      expect(await predictLogits(alone, images)).toEqual(await predictLogits(mood, images));
    } finally {
      await rm(folder, {recursive: true});
    }
  });

  it('sees in each head a later change of the weights', async () => {
    const student = withHeads(mlp(), questions)(taskOf(images), 1);
    const urgent = headOf(student, 'urgent');
    const before = await predictLogits(urgent, images);
    student.model.setWeights(student.model.getWeights().map(weight => tf.mul(weight, 2)));
    expect(await predictLogits(urgent, images)).not.toEqual(before);
  });

  it('refuses a question that it has not, two of one name, probabilities, and heads that are not its classes', () => {
    const student = withHeads(mlp(), questions)(taskOf(images), 1);
    expect(() => headOf(student, 'size')).toThrow('no question `size`. It has: `topic`, `urgent`, `mood`.');
    expect(() => withHeads(mlp(), [questions[0]!, questions[0]!])).toThrow('`topic`');
    expect(() => makeStudent({...student, heads: student.heads!.slice(1)})).toThrow(
      'has 9 classes, but its questions have 6',
    );
    const input = layers.input({shape: [4]});
    const output = layers.layers.dense({units: 2, activation: 'softmax'}).apply(input) as typeof input;
    const model = layers.model({inputs: input, outputs: output});
    const soft: StudentBuilder = ({preprocessing}) =>
      makeStudent({model, classes: ['no', 'yes'], preprocessing, output: 'probabilities'});
    expect(() => withHeads(soft, [questions[1]!])(taskOf(images), 1)).toThrow('several questions need logits');
  });
});

import {readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {
  type Head,
  headsOf,
  type ModelSubject,
  partOf,
  questionsOf,
  widthProblem,
} from '../../../adapters/_answers/heads.ts';
import {choice, predicate, score} from '../../../src/questions.ts';
import {answerKey} from '../../../src/store/stored-answer.ts';

const topic = choice('topic', 'What is it about?', ['a', 'b', 'c']);
const urgent = predicate('urgent', 'Must it be answered today?');
const angry = predicate('angry', 'Is the writer angry?');
const mood = score('mood', 'How content is the writer?', ['low', 'middling', 'high', 'top']);

const subject = {questions: [topic, urgent], output: {topic: {logits: 't'}, urgent: {probabilities: 'u', column: 1}}};

describe('the heads of a model', () => {
  it('are the outputs that the options name, in the order of the questions', () => {
    expect(headsOf('M', subject)).toMatchObject([
      {question: topic, classes: 3, kind: 'logits', output: 't'},
      {question: urgent, classes: 2, kind: 'probabilities', output: 'u', column: 1},
    ]);
  });

  it('are columns of one output if all questions are predicates', () => {
    expect(headsOf('M', {questions: [urgent, angry], output: {logits: 'tags'}})).toMatchObject([
      {question: urgent, output: 'tags', column: 0, columns: 2},
      {question: angry, output: 'tags', column: 1, columns: 2},
    ]);
  });

  it.each<[string, ModelSubject, string]>([
    ['classes and questions', {...subject, classes: ['a', 'b']}, 'M needs either `classes` or `questions`.'],
    ['neither', {output: {logits: 't'}}, 'M needs either `classes` or `questions`.'],
    ['no questions', {questions: [], output: {logits: 't'}}, 'M has no question'],
    ['an output of an unknown question', {...subject, output: {...subject.output, topci: {logits: 't'}}}, '`topic`?'],
    [
      'a question without an output',
      {...subject, output: {topic: {logits: 't'}}},
      '`output.urgent` of M takes one of logits, probabilities',
    ],
    ['one output for other questions', {...subject, output: {logits: 't'}}, '`topic` is no predicate'],
    ['a column of a choice', {questions: [topic], output: {topic: {logits: 't', column: 0}}}, 'needs a whole output'],
    [
      'no column',
      {questions: [urgent], output: {urgent: {logits: 't', column: 0.5}}},
      'whole number, 0 or more, got 0.5',
    ],
    [
      'classes with an output a question',
      {classes: ['a'], output: {a: {logits: 't'}}},
      '`output` of M takes one of logits, probabilities',
    ],
  ])('refuse %s', (_, wrong, message) => {
    expect(() => headsOf('M', wrong)).toThrow(message);
  });

  it('fit outputs of their own width alone', () => {
    const [whole, column] = headsOf('M', subject) as [Head, Head];
    const [tag] = headsOf('M', {questions: [urgent, angry], output: {logits: 'tags'}}) as [Head];
    const [own] = headsOf('M', {questions: [urgent], output: {urgent: {logits: 'u'}}}) as [Head];
    const [levels] = headsOf('M', {questions: [mood], output: {mood: {logits: 'm'}}}) as [Head];
    const fitting = ([head, width]: readonly [Head, number]) => widthProblem(head, width) === undefined;
    expect(
      [
        [whole, 3],
        [column, 2],
        [column, 9],
        [tag, 2],
        [own, 1],
        [own, 2],
        [levels, 4],
      ].map(fitting as never),
    ).toEqual(new Array(7).fill(true));
    expect(widthProblem(whole, 4)).toBe('gives 4 values for each input, but there are 3 classes of question `topic`');
    expect(widthProblem(column, 1)).toBe('gives 1 value for each input, and has no column 1');
    expect(widthProblem(tag, 28)).toBe('gives 28 values for each input, but there are 2 questions');
    expect(widthProblem(levels, 1)).toContain('4 classes of question `mood`');
  });

  it('have keys of their own: another output of a question changes the key of its answers alone', () => {
    const query = (question: typeof urgent) => ({input: {kind: 'text', text: 'x'}, question}) as const;
    const keysOf = (column: number) => {
      const output = {urgent: {logits: 'u', column}, angry: {logits: 'u', column: 0}};
      const typed = questionsOf(headsOf('M', {questions: [urgent, angry], output}));
      return [urgent, angry].map(question => answerKey({}, query(question), typed));
    };
    expect(keysOf(1)[0]).not.toBe(keysOf(2)[0]);
    expect(keysOf(1)[1]).toBe(keysOf(2)[1]);
    // Two predicates without words are still two questions.
    const [one, other] = [predicate('one', ''), predicate('other', '')];
    const typed = questionsOf(headsOf('M', {questions: [one, other], output: {logits: 'u'}}));
    expect(answerKey({}, query(one), typed)).not.toBe(answerKey({}, query(other), typed));
  });
});

describe('the number of a predicate', () => {
  const [head] = headsOf('M', {questions: [urgent], output: {urgent: {logits: 'u', column: 1}}}) as [Head];

  const golden = JSON.parse(readFileSync(new URL('../../fixtures/losses/typed.json', import.meta.url), 'utf8')) as {
    readonly bce: readonly {
      readonly in: {readonly z: readonly number[]; readonly p: readonly number[]; readonly w?: readonly number[]};
      readonly loss: number;
    }[];
  };

  it('becomes two logits, whose cross-entropy is the published binary cross-entropy of the one', () => {
    for (const {in: given, loss} of golden.bce) {
      const {z, p, w = z.map(() => 1)} = given;
      const rows = z.map((logit, row) => {
        const part = partOf(head, Float32Array.of(9, logit)) as {readonly logits: Float32Array};
        const [no, yes] = [...part.logits] as [number, number];
        const peak = Math.max(no, yes);
        const log = peak + Math.log(Math.exp(no - peak) + Math.exp(yes - peak));
        return w[row]! * ((1 - p[row]!) * (log - no) + p[row]! * (log - yes));
      });
      const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
      expect(sum(rows) / sum(w)).toBeCloseTo(loss, 5);
    }
  });

  it('becomes the logarithms of a probability and of what is missing to 1', () => {
    const probability = {...head, kind: 'probabilities'} as const;
    const {logits} = partOf(probability, Float32Array.of(0, 0.75)) as {readonly logits: Float32Array};
    expect([...logits].map(Math.exp)).toEqual([expect.closeTo(0.25, 6), expect.closeTo(0.75, 6)]);
    const sure = partOf(probability, Float32Array.of(0, 1)) as {readonly logits: Float32Array};
    expect(sure.logits[0]).toBeCloseTo(Math.log(1e-8), 5);
    expect(partOf(probability, Float32Array.of(0, 1.5))).toContain('1.5 as the probability of question `urgent`');
    expect(partOf(probability, Float32Array.of(0, Number.NaN))).toContain('NaN');
  });
});

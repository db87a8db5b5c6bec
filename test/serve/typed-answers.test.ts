import {describe, expect, it} from 'vitest';
import type {ServedClassifier} from '../../src/serve/classifier.ts';
import type {Decided} from '../../src/serve/decision.ts';
import {
  type AskedQuestion,
  answerQuestions,
  choiceConfidence,
  expectedLevel,
  PREDICATE,
  scoreConfidence,
} from '../../src/serve/typed-answers.ts';
import type {Answer, Detail, TensorInput} from '../../src/teacher.ts';

const logs = (...shares: readonly number[]): Answer => ({
  kind: 'log-probabilities',
  logProbabilities: Float32Array.from(shares.map(Math.log)),
});

interface Counted extends ServedClassifier {
  /** What it was asked about. */
  readonly seen: unknown[];
}

function model(
  name: string,
  classes: readonly string[],
  answer: Answer | Error,
  {
    detail = {kind: 'log-probabilities'},
    answeredBy = 'student' as 'student' | 'teacher',
  }: {
    readonly detail?: Detail;
    readonly answeredBy?: 'student' | 'teacher';
  } = {},
): Counted {
  const seen: unknown[] = [];
  const decide: ServedClassifier['decide'] = async queries =>
    queries.map(({input}): Decided => {
      seen.push(input.kind === 'text' ? input.text : (input as TensorInput).data);
      return answer instanceof Error ? {error: answer} : {answer, answeredBy};
    });
  return {name, student: name, version: '1', classes, detail, input: {kind: 'text'}, decide, asked: {}, seen};
}

const named = (...options: readonly string[]): AskedQuestion['options'] => options.map(option => [option]);

async function answers(
  models: readonly ServedClassifier[],
  asked: readonly (Omit<AskedQuestion, 'type'> & Partial<AskedQuestion>)[],
  {state = 'a mail' as unknown, wanted = 'any', counts = [] as number[]} = {},
) {
  const questions = asked.map(one => ({type: one.options === PREDICATE ? 'predicate' : 'choice', ...one}) as const);
  const takeInputs = (count: number) => void counts.push(count);
  const signal = new AbortController().signal;
  return answerQuestions(models, {state, questions, model: wanted}, {signal, takeInputs});
}

const team = model('team', ['billing', 'bugs', 'sales'], logs(0.2, 0.7, 0.1));
const spam = model('spam', ['no', 'yes'], logs(0.75, 0.25));

describe('answerQuestions', () => {
  it('answers a choice by the model that has its options, in the order of the request', async () => {
    const [answer] = await answers([spam, team], [{name: 'x', options: named('sales', 'billing', 'bugs')}]);
    expect(answer).toMatchObject({best: 2, about: {model: 'team', answeredBy: 'student'}});
    const {probabilities} = answer as {readonly probabilities: readonly number[]};
    [0.1, 0.2, 0.7].forEach((share, index) => {
      expect(probabilities[index]).toBeCloseTo(share, 6);
    });
  });

  it('answers a predicate by a model of no and yes, or of true and false, in any order and case', async () => {
    const same = [
      model('a', ['no', 'yes'], logs(0.75, 0.25)),
      model('b', ['yes', 'no'], logs(0.25, 0.75)),
      model('c', ['True', 'False'], logs(0.25, 0.75)),
    ];
    for (const one of same) {
      const [answer] = await answers([one, team], [{name: undefined, options: PREDICATE}]);
      expect(answer).toMatchObject({best: 0, probabilities: [expect.closeTo(0.75, 6), expect.closeTo(0.25, 6)]});
    }
  });

  it('knows a level by any of its names', async () => {
    const mood = model('mood', ['calm', 'angry'], logs(0.9, 0.1));
    const options = [
      ['0', 'calm'],
      ['1', 'angry'],
    ];
    expect((await answers([mood], [{name: 'x', options}]))[0]).toMatchObject({best: 0});
  });

  it('prefers the model with the name of the question, then the one that was asked for', async () => {
    const urgent = model('urgent', ['no', 'yes'], logs(0.1, 0.9));
    const ask = async (name: string | undefined, wanted?: string) =>
      (await answers([spam, urgent], [{name, options: PREDICATE}], wanted === undefined ? {} : {wanted}))[0];
    expect(await ask('urgent')).toMatchObject({about: {model: 'urgent'}});
    expect(await ask('urgent', 'spam')).toMatchObject({about: {model: 'urgent'}});
    expect(await ask(undefined, 'spam')).toMatchObject({about: {model: 'spam'}});
    expect(await ask('other')).toEqual({
      refusal: 'Several models have these options: `spam`, `urgent`. Give the question the name of one.',
    });
  });

  it.each([
    ['other options', named('billing', 'bugs', 'other')],
    ['some of the options', named('billing', 'bugs')],
    ['more options', named('billing', 'bugs', 'sales', 'other')],
    ['two options of one name', named('billing', 'bugs', 'bugs')],
    ['a level without a name', [['billing'], ['bugs'], []]],
  ])('refuses a question with %s alone, and answers the others', async (_, options) => {
    const [refused, answered] = await answers(
      [team, spam],
      [
        {name: 'team', options},
        {name: undefined, options: PREDICATE},
      ],
    );
    expect(refused).toEqual({refusal: 'No model of this service has these options as its classes.'});
    expect(answered).toMatchObject({best: 0});
  });

  it('asks each model once, and counts it as one input', async () => {
    const counts: number[] = [];
    const [one, two] = [model('team', team.classes, logs(0.2, 0.7, 0.1)), model('spam', ['no', 'yes'], logs(0.5, 0.5))];
    const choice = named(...team.classes);
    const questions = [choice, choice, PREDICATE].map(options => ({name: undefined, options}));
    expect(await answers([one, two], questions, {counts})).toHaveLength(3);
    expect([one.seen, two.seen, counts]).toEqual([['a mail'], ['a mail'], [2]]);
  });

  it('gives a model of texts any other state as JSON', async () => {
    const one = model('spam', ['no', 'yes'], logs(0.5, 0.5));
    await answers([one], [{name: undefined, options: PREDICATE}], {state: {subject: 'Hi', tags: ['a']}});
    expect(one.seen).toEqual(['{"subject":"Hi","tags":["a"]}']);
  });

  it('gives a model of numbers the nested lists', async () => {
    const numbers = {
      ...model('spam', ['no', 'yes'], logs(0.5, 0.5)),
      input: {kind: 'tensor', dtype: 'float32', shape: [2]},
    } as const;
    await answers([numbers], [{name: undefined, options: PREDICATE}], {state: [1, 2]});
    expect(numbers.seen).toEqual([Float32Array.of(1, 2)]);
    const asked = answers([numbers], [{name: undefined, options: PREDICATE}], {state: 'a mail'});
    await expect(asked).rejects.toThrow('Input 0 is a text; the model takes numbers.');
  });

  it("leaves the classes that a top-k answer doesn't name without a probability", async () => {
    const best = model('team', team.classes, logs(0.2, 0.7, 0.1), {detail: {kind: 'top-k', k: 2}});
    const [answer] = await answers([best], [{name: undefined, options: named(...team.classes)}]);
    expect(answer).toMatchObject({probabilities: [expect.closeTo(0.2, 6), expect.closeTo(0.7, 6), 0]});
  });

  it('marks the label of a teacher that shows no more', async () => {
    const label = model('team', team.classes, {kind: 'label', label: 2}, {answeredBy: 'teacher'});
    const [answer] = await answers([label], [{name: undefined, options: named(...team.classes)}]);
    expect(answer).toEqual({
      probabilities: [0, 0, 1],
      best: 2,
      about: {answeredBy: 'teacher', model: 'team', evidence: 'label'},
    });
  });

  it("refuses a question whose model can't answer, without its message", async () => {
    const broken = model('team', team.classes, new Error('a secret of the house'));
    const [answer] = await answers([broken], [{name: undefined, options: named(...team.classes)}]);
    expect(answer).toEqual({refusal: "The model can't answer this state."});
  });

  it('refuses everything where labels alone are shown', async () => {
    const black = model('team', team.classes, logs(0.2, 0.7, 0.1), {detail: {kind: 'label'}});
    await expect(answers([black], [{name: undefined, options: PREDICATE}])).rejects.toThrow(
      'This service shows labels alone, and these answers are probabilities.',
    );
    expect(black.seen).toEqual([]);
  });
});

describe('the confidence of a distribution', () => {
  // Made by an independent program.
  it.each([
    {shares: [0.16, 0.28, 0.33, 0.23], choice: 0.10666666666666669},
    {shares: [0.03, 0.22, 0.56, 0.19], choice: 0.4133333333333334, score: 0.53, expected: 1.91},
    {shares: [0.5, 0, 0, 0.5], choice: 0.3333333333333333, score: 0, expected: 1.5},
    {shares: [0.9, 0.1], choice: 0.8, score: 0.8, expected: 0.1},
    {shares: [1 / 3, 1 / 3, 1 / 3], choice: 0, score: 0, expected: 1},
  ])('of $shares is that of the golden values', ({shares, choice, score, expected}) => {
    expect(choiceConfidence(shares)).toBeCloseTo(choice, 12);
    if (score !== undefined) expect(scoreConfidence(shares)).toBeCloseTo(score, 12);
    if (expected !== undefined) expect(expectedLevel(shares)).toBeCloseTo(expected, 12);
  });

  it('stays within 0 and 1 if the numbers are rounded', () => {
    for (const shares of [
      [0.499999, 0.499999],
      [1.0000001, 0],
    ]) {
      for (const confidence of [choiceConfidence(shares), scoreConfidence(shares)]) {
        expect(confidence).toBeGreaterThanOrEqual(0);
        expect(confidence).toBeLessThanOrEqual(1);
      }
    }
  });
});

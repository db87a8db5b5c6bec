import {readFileSync} from 'node:fs';
import {describe, expect, expectTypeOf, it} from 'vitest';
import {type CalibrationFit, calibrated} from '../../../src/ask/compose/calibrated.ts';
import {repeat} from '../../../src/ask/compose/repeat.ts';
import {randomFraction, seededRandom} from '../../../src/data/random.ts';
import type {Examples} from '../../../src/data/split.ts';
import {BudgetError, TeacherError} from '../../../src/errors.ts';
import type {Outcome, Teacher} from '../../../src/teacher.ts';
import {reference} from '../../evaluate/reference.ts';
import {testTeacher} from '../../teacher-suite.ts';
import {about, fakeTeacher} from '../fake-teacher.ts';
import {answersIn, naming, probabilitiesIn, scoring, voting} from './members.ts';

/** Numbers as texts, each with its true class. */
function numbered(labels: readonly number[]): Examples {
  const texts = labels.map((_, index) => String(index));
  return {inputs: {kind: 'text', count: texts.length, texts}, labels: Int32Array.from(labels)};
}

/** A chat model that names class 0 with the same confidence whatever it is asked; it is right of as many as `right`. */
const boasting = (confidence: number) => naming('boasting', [[0, confidence]]);
const examples = (count: number, right: number) =>
  numbered(Array.from({length: count}, (_, index) => (index < right ? 0 : 1 + (index % 2))));

/** See `test/fixtures/metrics/make-calibration.py`. */
const fitted: readonly {scale: number; smooth: boolean; temperature: number}[] = JSON.parse(
  readFileSync('test/fixtures/metrics/calibration.json', 'utf8'),
);

describe('calibrated', () => {
  it('divides log-probabilities by the temperature that SciPy fits to them', async () => {
    const {classes, labels, student} = reference;
    // The same rows, again and again, until they are enough; so the smoothing of the fit hardly counts any more.
    const repeats = 40;
    const count = repeats * labels.length;
    const one: Teacher<'white-box'> = {
      name: 'one',
      identity: {service: 'one'},
      access: 'white-box',
      detail: {kind: 'logits'},
      classes: Array.from({length: classes}, (_, index) => `class ${index}`),
      maxBatch: 10_000,
      async ask(queries) {
        return queries.map(({input}): Outcome<'white-box'> => {
          const row = (input.kind === 'text' ? Number(input.text) : 0) % labels.length;
          const logits = Float32Array.from(student.slice(row * classes, (row + 1) * classes));
          return {answer: {kind: 'logits', logits, features: {}}};
        });
      },
    };
    const fits: CalibrationFit[] = [];
    const truths = Array.from({length: count}, (_, index) => labels[index % labels.length]!);
    const teacher = calibrated(one, {examples: numbered(truths), onFit: fit => fits.push(fit)});
    expectTypeOf(teacher).toEqualTypeOf<Teacher<'gray-box'>>();
    const [answer] = answersIn(await teacher.ask(about(0)));
    const {temperature} = fitted.find(({scale, smooth}) => scale === 1 && !smooth)!;
    expect(fits).toEqual([{temperature: expect.closeTo(temperature, 2), examples: count}]);
    const tempered = [...student.slice(0, classes)].map(logit => Math.exp(logit / fits[0]!.temperature));
    const sum = tempered.reduce((total, value) => total + value, 0);
    for (const [index, value] of tempered.entries()) {
      expect(probabilitiesIn(answer!)[index]).toBeCloseTo(value / sum, 5);
    }
  });

  it('makes a confidence as large as it is right', async () => {
    const teacher = calibrated(boasting(0.99), {examples: examples(200, 140)});
    expect(teacher).toMatchObject({
      name: 'boasting, calibrated',
      access: 'gray-box',
      detail: {kind: 'log-probabilities'},
    });
    const shares = probabilitiesIn(answersIn(await teacher.ask(about(1)))[0]!);
    // 0.7, less what the smoothing of the fit takes; the others share the rest.
    expect(shares[0]).toBeCloseTo(0.7, 2);
    expect(shares[1]).toBeCloseTo(shares[2]!, 6);
    const [loud, modest] = [0.99, 0.6].map(confidence =>
      calibrated(boasting(confidence), {examples: examples(200, 140)}),
    );
    const [one, other] = await Promise.all([loud!.ask(about(1)), modest!.ask(about(1))]);
    expect(probabilitiesIn(answersIn(one)[0]!)[0]).toBeCloseTo(probabilitiesIn(answersIn(other)[0]!)[0]!, 5);
  });

  it('finds the temperature that was planted', async () => {
    // A teacher that is right as often as it says at T = 1, and says the same at T = 0.4.
    const random = seededRandom(3);
    const truth = Array.from({length: 4000}, () => randomFraction(random));
    const confidences = Array.from({length: 4000}, () => 0.4 + 0.5 * randomFraction(random));
    const labels = truth.map((drawn, index) => (drawn < confidences[index]! ? 0 : 1));
    const sharp = fakeTeacher<'gray-box'>(
      {access: 'gray-box', detail: {kind: 'log-probabilities'}, maxBatch: 4000, classes: ['a', 'b']},
      numbers =>
        numbers.map(number => {
          const [p, q] = [confidences[number]!, 1 - confidences[number]!].map(value => value ** 2.5);
          return {
            answer: {
              kind: 'log-probabilities',
              logProbabilities: Float32Array.of(Math.log(p! / (p! + q!)), Math.log(q! / (p! + q!))),
            },
          };
        }),
    );
    const fits: CalibrationFit[] = [];
    await calibrated(sharp, {examples: numbered(labels), onFit: fit => fits.push(fit)}).ask(about(1));
    expect(fits[0]!.temperature).toBeGreaterThan(2.2);
    expect(fits[0]!.temperature).toBeLessThan(2.8);
  });

  it('smooths votes first, and stays a black box', async () => {
    const teacher = calibrated(repeat(voting('one'), {samples: 8}), {examples: examples(120, 60)});
    expectTypeOf(teacher).toEqualTypeOf<Teacher<'black-box'>>();
    expect(teacher.access).toBe('black-box');
    const [answer] = answersIn(await teacher.ask(about(3)));
    const shares = probabilitiesIn(answer as never);
    expect(shares[0]! + shares[1]! + shares[2]!).toBeCloseTo(1, 5);
    expect(shares[0]).toBeLessThan(0.89);
  });

  it('asks about the examples once, whoever asks it and how often', async () => {
    const one = boasting(0.9);
    const teacher = calibrated(one, {examples: examples(100, 80)});
    await Promise.all([teacher.ask(about(500)), teacher.ask(about(501))]);
    await teacher.ask(about(502));
    expect(one.calls.flat().length).toBe(103);
  });

  it('leaves out examples that the teacher can not answer, as long as enough are left', async () => {
    const failing = (refused: number, error: Error) =>
      fakeTeacher<'gray-box'>({access: 'gray-box', detail: {kind: 'top-k', k: 1}, name: 'one', maxBatch: 50}, numbers =>
        numbers.map((number): Outcome<'gray-box'> => {
          if (number < refused) return {error};
          const logProbabilities = Float32Array.of(Math.log(0.9));
          return {answer: {kind: 'top-k', classes: Int32Array.of(0), logProbabilities, rest: 0.1}};
        }),
      );
    const fits: CalibrationFit[] = [];
    const options = {examples: examples(110, 80), onFit: (fit: CalibrationFit) => fits.push(fit)};
    const refusal = new TeacherError('one', 'Too long.');
    await calibrated(failing(10, refusal), options).ask(about(200));
    expect(fits.map(({examples: count}) => count)).toEqual([100]);
    await expect(calibrated(failing(11, refusal), options).ask(about(200))).rejects.toThrow(
      'Teacher one answered 99 of 110 examples, and its temperature takes 100.',
    );
    const spent = await calibrated(failing(1, new BudgetError('Spent.')), options).ask(about(200, 201));
    expect(spent).toMatchObject([{error: {name: 'BudgetError'}}, {error: {name: 'BudgetError'}}]);
  });

  it('refuses examples that are too few or do not fit, and a teacher that shows labels alone', () => {
    expect(() => calibrated(boasting(0.9), {examples: examples(99, 60)})).toThrow(
      'The temperature of teacher boasting takes 100 examples with their true classes, got 99.',
    );
    const {inputs} = examples(100, 60);
    expect(() => calibrated(boasting(0.9), {examples: {inputs, labels: new Int32Array(99)}})).toThrow(
      'There are 100 examples and 99 labels.',
    );
    expect(() => calibrated(boasting(0.9), {examples: {inputs, labels: new Int32Array(100).fill(3)}})).toThrow(
      'Label 3 of the examples is none of the 3 classes of teacher boasting.',
    );
    expect(() => calibrated(voting('one'), {examples: examples(100, 60)})).toThrow('Teacher one shows labels alone');
  });

  it('is another teacher with other examples or other true classes', () => {
    const identities = [examples(100, 60), examples(101, 60), examples(100, 61)].map(
      some => calibrated(boasting(0.9), {examples: some}).identity,
    );
    expect(new Set(identities.map(identity => JSON.stringify(identity))).size).toBe(3);
    expect(calibrated(boasting(0.9), {examples: examples(100, 60)}).identity).toEqual(identities[0]);
  });
});

describe('calibrated, as every teacher', () => {
  testTeacher({
    it,
    teacher: () => calibrated(scoring('one', [0.7, 0.2, 0.1]), {examples: examples(100, 60)}),
    queries: about(1, 2, 3),
  });
});

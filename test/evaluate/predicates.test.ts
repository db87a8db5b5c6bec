import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {multiLabelMetrics, predicateMetrics, yesEce, yesReliability} from '../../src/evaluate/predicates.ts';
import {ece} from '../../src/evaluate/reliability.ts';
import {near, typedCases} from './typed.ts';

/** Up to 30 inputs of three predicates, with gaps: what the teacher says, and P(yes) with one decimal. */
const table = fc.array(
  fc.tuple(
    ...Array.from({length: 3}, () =>
      fc.tuple(
        fc.constantFrom(-1, 0, 1),
        fc.nat(10).map(tenths => tenths / 10),
      ),
    ),
  ),
  {minLength: 1, maxLength: 30},
);
const answersOf = (rows: readonly (readonly (readonly [number, number])[])[]): number[] =>
  rows.flatMap(row => row.map(([answer]) => answer));
const probabilitiesOf = (rows: readonly (readonly (readonly [number, number])[])[]): number[] =>
  rows.flatMap(row => row.map(([, probability]) => probability));

describe('the metrics of several predicates', () => {
  it.each(typedCases('multilabel'))("are scikit-learn's (%d)", (_, {in: {Y, H}, out}) => {
    const questions = Y[0]!.length;
    const found = multiLabelMetrics(Y.flat(), H.flat(), new Array(questions).fill(0.5));
    for (const [question, metrics] of found.questions.entries()) {
      expect(metrics).toEqual({
        answered: Y.length,
        yes: out.yes[question],
        saidYes: H.filter(row => row[question] === 1).length,
        agreement: near(out.agreement[question]!),
        precision: near(out.precision[question]!),
        recall: near(out.recall[question]!),
        f1: near(out.f1[question]!),
      });
    }
    expect(found).toMatchObject({
      micro: {precision: near(out.microPrecision), recall: near(out.microRecall), f1: near(out.microF1)},
      macroF1: near(out.macroF1),
      completeInputs: Y.length,
      subsetAccuracy: near(out.subsetAccuracy),
      hammingLoss: near(out.hammingLoss),
    });
  });

  it('take each predicate at its own threshold, as if it were alone', () => {
    fc.assert(
      fc.property(table, fc.array(fc.nat(10), {minLength: 3, maxLength: 3}), (rows, tenths) => {
        const thresholds = tenths.map(value => value / 10);
        const {questions} = multiLabelMetrics(answersOf(rows), probabilitiesOf(rows), thresholds);
        for (const [question, metrics] of questions.entries()) {
          const column = rows.map(row => row[question]!);
          const [answers, probabilities] = [column.map(([answer]) => answer), column.map(([, p]) => p)];
          expect(metrics).toEqual(predicateMetrics(answers, probabilities, thresholds[question]));
        }
      }),
    );
  });

  it('are the same without the inputs that no predicate has an answer to, and whatever their order', () => {
    fc.assert(
      fc.property(table, rows => {
        const all = [0.5, 0.5, 0.5];
        const nothing = [-1, -1, -1];
        const found = multiLabelMetrics(answersOf(rows), probabilitiesOf(rows), all);
        const more = multiLabelMetrics(
          [...nothing, ...answersOf(rows.toReversed()), ...nothing],
          [0.9, 0.1, 0.5, ...probabilitiesOf(rows.toReversed()), 1, 1, 1],
          all,
        );
        const {macroF1, subsetAccuracy, hammingLoss} = found;
        const means = {macroF1: near(macroF1), subsetAccuracy: near(subsetAccuracy), hammingLoss: near(hammingLoss)};
        expect(more).toEqual({...found, ...means});
      }),
    );
  });

  it('hold subset accuracy to the complete inputs: it is at most 1 − Hamming loss', () => {
    fc.assert(
      fc.property(table, rows => {
        const found = multiLabelMetrics(answersOf(rows), probabilitiesOf(rows), [0.5, 0.5, 0.5]);
        const complete = rows.filter(row => row.every(([answer]) => answer >= 0));
        expect(found.completeInputs).toBe(complete.length);
        fc.pre(complete.length > 0);
        expect(found.subsetAccuracy).toBeLessThanOrEqual(1 - found.hammingLoss + 1e-12);
      }),
    );
    expect(multiLabelMetrics([-1, 1], [1, 1], [0.5, 0.5])).toMatchObject({
      completeInputs: 0,
      subsetAccuracy: Number.NaN,
      hammingLoss: Number.NaN,
      micro: {answered: 1, f1: 1},
    });
  });
});

describe('the metrics of one predicate', () => {
  it('give F1 as the harmonic mean of precision and recall', () => {
    fc.assert(
      fc.property(table, fc.nat(10), (rows, tenths) => {
        const {precision, recall, f1} = predicateMetrics(answersOf(rows), probabilitiesOf(rows), tenths / 10);
        const harmonic = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
        expect(f1).toBeCloseTo(harmonic, 12);
      }),
    );
  });

  it('say yes at the threshold itself, which is ½ unless told otherwise', () => {
    expect(predicateMetrics([1, 0], [0.5, 0.49])).toMatchObject({saidYes: 1, f1: 1});
    expect(predicateMetrics([1, 0], [0.5, 0.49], 0.49)).toMatchObject({saidYes: 2, recall: 1, precision: 0.5});
  });

  it('have no agreement if there is no answer', () => {
    expect(predicateMetrics([-1, -1], [0.5, 1])).toMatchObject({answered: 0, agreement: Number.NaN, f1: 0});
  });
});

describe('the calibration of P(yes)', () => {
  it.each(typedCases('ece'))('is the error from elsewhere (%d)', (_, {in: {conf, ok, bins}, out}) => {
    expect(yesEce(ok, conf, {bins})).toBeCloseTo(out, 10);
    expect(yesEce([...ok, -1], [...conf, 0.77], {bins})).toBeCloseTo(out, 10);
  });

  it('is that of the class for a student that says yes each time', () => {
    const [answers, probabilities] = [
      [1, 0, 1, 1, 0],
      [0.6, 0.9, 0.72, 0.99, 0.51],
    ];
    const logits = probabilities.flatMap(p => [Math.log(1 - p), Math.log(p)]);
    expect(yesEce(answers, probabilities)).toBeCloseTo(ece(logits, answers, 2), 12);
  });

  it('counts each answer in one bin, with the share of yes in it', () => {
    const bins = yesReliability([1, 0, 1, -1], [0.1, 0.15, 0.95, 0.95], {bins: 10});
    expect(bins.map(({count}) => count)).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
    expect(bins.map(({accuracy}) => accuracy)).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  });
});

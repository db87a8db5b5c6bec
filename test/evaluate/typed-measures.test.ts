import {describe, expect, it} from 'vitest';
import {predicateMetrics} from '../../src/evaluate/predicates.ts';
import {auroc, averagePrecision} from '../../src/evaluate/ranking.ts';
import {medianLevels, scoreMetrics} from '../../src/evaluate/scores.ts';
import {typedMeasures} from '../../src/evaluate/typed-measures.ts';
import {choice, predicate, score} from '../../src/questions.ts';

describe('the measures of a question', () => {
  it('are agreement and macro-F1 for a choice, over the inputs with an answer', () => {
    const logits = [2, 1, 0, 0, 1, 2, 5, 0, 0];
    const kind = choice('kind', 'Which?', ['a', 'b', 'c']);
    expect(typedMeasures(kind, logits, [0, 1, -1])).toEqual({type: 'choice', agreement: 0.5, macroF1: 1 / 3});
  });

  it('are F1 and ranking for a predicate, by the probability of yes', () => {
    const logits = [0, 2, 0, -1, 0, 0.5, 3, 0];
    const taught = [1, 0, 0, -1];
    const yes = [2, -1, 0.5, -3].map(logit => 1 / (1 + Math.exp(-logit)));
    const found = typedMeasures(predicate('new', 'Is it new?'), logits, taught);
    expect(found).toEqual({
      type: 'predicate',
      ...predicateMetrics(taught, yes),
      auroc: auroc(taught, yes),
      averagePrecision: averagePrecision(taught, yes),
    });
    expect(found).toMatchObject({answered: 3, yes: 1, saidYes: 2, auroc: 1});
  });

  it('are distances for a score, of the median level', () => {
    const logits = [2, 1.9, 1.9, 0, 0, 3];
    const levels = score('size', 'How large?', ['small', 'medium', 'large']);
    const named = medianLevels(logits, 3);
    expect([...named]).toEqual([1, 2]);
    expect(typedMeasures(levels, logits, [0, 2])).toEqual({type: 'score', ...scoreMetrics([0, 2], named, 3)});
  });

  it('also hold the expected levels of a score against those that the teacher shows', () => {
    const stars = score('stars', 'How many?', ['one', 'two', 'three']);
    // The students' expected levels are 1, 1.5 and 0.2; the median of a half and a half is the lower level.
    const shares = [0.25, 0.5, 0.25, 0, 0.5, 0.5, 0.8, 0.2, 0];
    const found = typedMeasures(stars, shares.map(Math.log), [1, 2, 0], [1.25, 2, 0]);
    expect(found).toMatchObject({exact: 2 / 3, mae: 1 / 3, expectedSpearman: expect.closeTo(1, 9)});
    expect('expectedMae' in found && found.expectedMae).toBeCloseTo((0.25 + 0.5 + 0.2) / 3, 9);
  });
});

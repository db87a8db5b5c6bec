import {describe, expect, it} from 'vitest';
import {intervalOfShares} from '../../../src/evaluate/compare-shares.ts';
import {mean} from '../../../src/evaluate/statistics.ts';
import {type Condition, conditionProblems, conditionsAbout, parseCondition} from '../../../src/recipe/conditions.ts';
import {checkResults, checkText} from '../../../src/study/check.ts';
import {checkQuestions} from '../../../src/study/joint/check.ts';
import {sampleQuestions} from '../sample-questions.ts';
import {sampleResults} from '../sample-results.ts';

const results = sampleQuestions('out', {methods: 3});
const wanted = (measure: Condition['measure'], text: string, scope: Partial<Condition> = {}): Condition => ({
  ...parseCondition(measure, text),
  ...scope,
});
const check = (measure: Condition['measure'], text: string, scope: Partial<Condition> = {}) =>
  checkQuestions(results, [wanted(measure, text, scope)]);

describe('conditions on several questions', () => {
  it('must hold for each question, or for the one that they name', () => {
    const all = check('agreement', '>= 94%', {method: 'labels'});
    const figures = results.questions.map(one =>
      mean(one.results.rows.filter(({method}) => method === 'labels').map(({agreement}) => agreement)),
    );
    expect(all.conditions.map(({question, figure, holds}) => [question, figure, holds])).toEqual([
      ['topic', figures[0], true],
      ['urgent', figures[1], false],
      ['mood', figures[2], false],
    ]);
    expect(all.holds).toBe(false);
    expect(check('agreement', '>= 94%', {method: 'labels', question: 'topic'})).toMatchObject({holds: true});
    expect(checkText(all)).toMatch(/✓ agreement of “labels” \(black-box\) on topic: .*\n✗ .* on urgent: /);
  });

  it('are about the questions that have the class, and about the requests of all', () => {
    expect(check('f1', '> 0', {class: 'yes'}).conditions.map(({question}) => question)).toEqual(['urgent']);
    expect(check('calls', '>= 0').conditions.map(({question}) => question)).toEqual(['topic']);
    expect(() => check('cost', '< 5usd', {question: 'mood'})).toThrow('A request carries all questions');
    expect(() => check('agreement', '> 0', {question: 'moods'})).toThrow('no question `moods`. Did you mean `mood`?');
  });

  it('can be about agreement on all questions', () => {
    const [, , best] = results.joint;
    const {conditions} = check('jointAgreement', '>= 50%');
    expect(conditions).toMatchObject([
      {method: best!.method, figure: best!.agreement, basis: 'mean of 3 seeds', holds: true},
    ]);
    const shares = best!.seeds.map(({agreement}) => agreement);
    const [low, high] = intervalOfShares({shares, inputs: best!.inputs});
    const [lower] = check('jointAgreement', '>= 50%', {confident: true}).conditions;
    const [upper] = check('jointAgreement', '<= 50%', {confident: true}).conditions;
    expect([lower!.figure, upper!.figure]).toEqual([low, high]);
    expect(() => check('jointAgreement', '> 0', {question: 'mood'})).toThrow('leave the question and the class out');
    expect(() => check('jointAgreement', '> 0', {budget: 500})).toThrow('at one budget');
  });

  it('count what was not answered against them', () => {
    const missing = {none: 10, some: 20, total: 410};
    const [found] = checkQuestions({...results, missing}, [
      wanted('jointAgreement', '> 0', {method: 'labels', confident: true}),
    ]).conditions;
    const {seeds, inputs} = results.joint[1]!;
    const [low] = intervalOfShares({shares: seeds.map(({agreement}) => agreement), inputs});
    expect(found!.figure).toBeCloseTo((low * inputs - 20) / 410, 12);
  });

  it('can be about one of several budgets', () => {
    const several = sampleQuestions('out', {methods: 2, sizes: [500, 2000]});
    const [found] = checkQuestions(several, [
      wanted('jointAgreement', '> 0', {method: 'labels', budget: 500}),
    ]).conditions;
    const own = several.budgets!.rows.filter(({method, budget}) => method === 'labels' && budget === 500);
    expect(found!.figure).toBe(mean(own.map(({agreement}) => agreement)));
  });

  it('are not those of results of one question', () => {
    const whole = sampleResults();
    expect(() => checkResults(whole, [wanted('jointAgreement', '> 0')])).toThrow('the results of one question');
    expect(() => checkResults(whole, [wanted('agreement', '> 0', {question: 'mood'})])).toThrow('of one question');
  });
});

describe('the conditions of a recipe', () => {
  it('are divided between its questions', () => {
    const both = {agreement: '> 90%', jointAgreement: '> 80%'};
    expect(conditionsAbout(both, 'mood')).toEqual({agreement: '> 90%'});
    expect(conditionsAbout({...both, question: 'mood'}, 'topic')).toBeUndefined();
    expect(conditionsAbout({jointAgreement: '> 80%'}, 'mood')).toBeUndefined();
  });

  it('name questions that there are', () => {
    const questions = [{name: 'mood'}];
    expect(conditionProblems({question: 'mood', agreement: '> 90%'}, questions)).toEqual([]);
    expect(conditionProblems({question: 'mode', agreement: '> 90%'}, questions)).toEqual([
      ['question', 'no question has this name'],
    ]);
    expect(conditionProblems({question: 'mood', jointAgreement: '> 90%'}, questions)[0]![1]).toContain('all questions');
    expect(conditionProblems({jointAgreement: '> 90%'}, undefined)[0]![1]).toContain('use `agreement`');
  });
});

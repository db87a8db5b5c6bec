import {describe, expect, it} from 'vitest';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {type Condition, parseCondition} from '../../src/recipe/conditions.ts';
import type {BudgetFindings} from '../../src/study/budget-results.ts';
import {checkResults, checkText} from '../../src/study/check.ts';
import type {ResultRow, Results} from '../../src/study/results.ts';
import {sampleResults} from './sample-results.ts';

const best = 'logits + feature hint';

const whole = sampleResults();

/** Results whose only method has these agreements, a seed each, on so many test inputs. */
function withAgreements(agreements: readonly number[], inputs: number): Results {
  const method = whole.methods.at(-1)!;
  const [row] = whole.rows.filter(({method: name}) => name === method.method);
  const rows = agreements.map((agreement, index): ResultRow => ({...row!, seed: index + 1, agreement}));
  return {...whole, methods: [method], rows, sizes: {...whole.sizes, test: inputs}};
}

const wanted = (measure: Condition['measure'], text: string, scope: Partial<Condition> = {}): Condition => ({
  ...parseCondition(measure, text),
  ...scope,
});

const figureOf = (results: Results, measure: Condition['measure'], scope: Partial<Condition> = {}) =>
  checkResults(results, [wanted(measure, '> 0', scope)]).conditions[0]!;

describe('a condition without a method', () => {
  it('is about the method that agrees most on the mean over seeds', () => {
    const results = sampleResults();
    const agreements = results.rows.filter(({method}) => method === best).map(({agreement}) => agreement);
    const found = figureOf(results, 'agreement');
    expect(found).toMatchObject({method: best, level: 'white-box', basis: 'mean of 3 seeds'});
    expect(found.figure).toBeCloseTo(agreements.reduce((sum, value) => sum + value) / 3, 12);
  });

  it('is about every method of the level that it names', () => {
    const {conditions} = checkResults(sampleResults(), [wanted('agreement', '> 93%', {level: 'gray-box'})]);
    expect(conditions.map(({method, holds}) => [method, holds])).toEqual([
      ['top-3 with rest', false],
      ['log-probabilities, T=4', true],
    ]);
  });
});

describe('conditions', () => {
  it('hold exactly if the figure is on their side', () => {
    const results = withAgreements([0.97, 0.97], 100);
    const holds = (text: string) => checkResults(results, [wanted('agreement', text)]).holds;
    expect(['>= 97%', '<= 97%', '> 97%', '< 97%'].map(holds)).toEqual([true, true, false, false]);
    expect(['>= 97.1%', '<= 96.9%', '> 96.9%', '< 97.1%'].map(holds)).toEqual([false, false, true, true]);
  });

  it('are shown one by one, with the figure, and how many are broken', () => {
    const checked = checkResults(withAgreements([0.96, 0.98], 100), [
      wanted('agreement', '>= 97%'),
      wanted('calls', '< 3'),
    ]);
    expect(checked.holds).toBe(false);
    expect(checkText(checked).replaceAll('\u00a0', ' ').split('\n')).toEqual([
      `✓ agreement of “${best}” (white-box): 97.00 %, wanted >= 97.00 % (mean of 2 seeds)`,
      `✗ calls of “${best}” (white-box): 33, wanted < 3 (in this study)`,
      'Broken: 1 of 2 conditions.',
    ]);
  });

  it.each<[what: string, condition: Condition, message: RegExp]>([
    [
      'an unknown method',
      wanted('nll', '< 1', {method: 'label'}),
      /no result of a method `label`\. Did you mean `labels`\?/,
    ],
    [
      'a method of another level',
      wanted('nll', '< 1', {method: 'labels', level: 'gray-box'}),
      /no result of a method `labels` of level gray-box/,
    ],
    ['a budget', wanted('nll', '< 1', {budget: 500}), /compared its methods at one budget/],
    ['a class that is not there', wanted('recall', '> 0', {class: '11'}), /no class `11`/],
    ['an interval of a measure without one', wanted('nll', '< 1', {confident: true}), /do not tell an interval of nll/],
    ['recall of no class', wanted('recall', '> 0'), /recall is about a class\. Give its name, with `--class`/],
    [
      'money without a price',
      wanted('cost', '< 1', {method: 'labels'}),
      /do not tell the cost .* Give the teacher's adapter/,
    ],
  ])('about %s are refused', (_, condition, message) => {
    const {ledger, ...rest} = sampleResults();
    const byLevel = {...ledger.byLevel, 'black-box': {...ledger.byLevel['black-box']!, calls: 33}};
    expect(() => checkResults({...rest, ledger: {...ledger, byLevel}}, [condition])).toThrow(message);
  });

  it('are refused on a measure that is NaN, or that the results lack', () => {
    const results = sampleResults();
    const rows = results.rows.map(({brier: _, ...row}) => ({...row, accuracy: Number.NaN}) as unknown as ResultRow);
    expect(() => figureOf({...results, rows}, 'accuracy')).toThrow(/accuracy of “logits \+ feature hint” is not known/);
    expect(() => figureOf({...results, rows}, 'brier')).toThrow(/have no brier of “logits \+ feature hint”/);
  });

  it('about a class take its figure', () => {
    const results = sampleResults();
    const methods = results.methods.map(method => ({
      ...method,
      classes: method.classes!.map((found, index) => ({...found, recall: index / 10})),
    }));
    const found = figureOf({...results, methods}, 'recall', {class: '7'});
    expect(found).toMatchObject({figure: 0.7, basis: 'class 7, mean over seeds'});
    const earlier = results.methods.map(({classes: _, ...method}) => method);
    expect(() => figureOf({...results, methods: earlier}, 'recall', {class: '7'})).toThrow(/no recall of class `7`/);
  });
});

describe('what answers cost', () => {
  it('is what this run paid for those of the method, or of its level', () => {
    const {ledger, ...rest} = sampleResults();
    const paid = {...ledger.byLevel['gray-box']!, calls: 7, inputTokens: 300, outputTokens: 20, usd: 1.25, cached: 0};
    const byMethod = {'top-3 with rest': {...paid, usd: 9}};
    const results = {...rest, ledger: {...ledger, byLevel: {...ledger.byLevel, 'gray-box': paid}, byMethod}};
    const costs = (method: string) =>
      (['cost', 'calls', 'tokens'] as const).map(measure => figureOf(results, measure, {method}).figure);
    expect(costs('log-probabilities, T=4')).toEqual([1.25, 7, 320]);
    expect(costs('top-3 with rest')).toEqual([9, 7, 320]);
    expect(costs('true labels')).toEqual([0, 0, 0]);
    expect(figureOf(sampleResults(), 'cost', {method: 'labels'})).toMatchObject({
      figure: 0,
      basis: 'in this study; 2,000 of 2,000 answers were kept and cost nothing',
    });
  });

  it('is what they cost by themselves, if budgets were compared: expected, or in the worst case', () => {
    const rows = whole.rows.flatMap(row =>
      [500, 2_000].map(budget => ({...row, budget, answers: budget, agreement: row.agreement - 5 / budget})),
    );
    const costs = whole.methods.flatMap(({level, method}) =>
      [500, 2_000].map(budget => ({
        level,
        method,
        budget,
        calls: {low: budget / 50, expected: budget / 40, worst: budget},
      })),
    );
    const budgets: BudgetFindings = {sizes: [500, 2_000], steps: 1_000, rows, costs, exchangeRates: [], cheapest: []};
    const results = {...whole, budgets};
    expect(figureOf(results, 'calls')).toMatchObject({
      figure: 50,
      basis: 'answers to 2,000 inputs by themselves, expected',
    });
    expect(figureOf(results, 'calls', {budget: 500}).figure).toBe(12.5);
    expect(figureOf(results, 'calls', {budget: 500, confident: true}).figure).toBe(500);
    expect(figureOf(results, 'agreement', {budget: 500}).figure).toBeCloseTo(
      figureOf(results, 'agreement').figure - 0.01,
      12,
    );
    expect(() => figureOf(results, 'cost')).toThrow(/do not tell the cost/);
    expect(() => figureOf(results, 'agreement', {budget: 400})).toThrow(/no budget of 400\. It has 500, 2,000/);
  });
});

describe('a confident condition', () => {
  const confident = {confident: true};

  it('takes the exact interval of one student, the end that could break it', () => {
    // scipy.stats.binomtest(97, 100).proportion_ci(): Clopper and Pearson.
    const results = withAgreements([0.97], 100);
    const [low, high] = (['>', '<'] as const).map(
      operator => checkResults(results, [wanted('agreement', `${operator} 0.5`, confident)]).conditions[0]!,
    );
    expect(low!.figure).toBeCloseTo(0.914824, 5);
    expect(low!.basis).toBe('lower end of the 95 % interval of this one student and test inputs');
    expect(high!.figure).toBeCloseTo(0.993772, 5);
  });

  it('counts test inputs without an answer against itself', () => {
    const results = withAgreements([0.97], 200);
    const missing = {count: 100, total: 200, share: 0.5};
    const found = figureOf({...results, missing: {transfer: missing, test: missing}}, 'agreement', confident);
    expect(found.figure).toBeCloseTo(0.914824 / 2, 5);
  });

  it('promises a lower bound that 19 of 20 studies keep, whatever seeds and inputs share', () => {
    const random = seededRandom(5, 'studies');
    const normal = () => Array.from({length: 12}, () => randomFraction(random)).reduce((sum, value) => sum + value) - 6;
    const [inputs, studies] = [200, 300];
    for (const [ofInputs, ofSeeds] of [
      [0, 0.02],
      [1, 0.02],
      [1, 0],
    ] as const) {
      let kept = 0;
      for (let study = 0; study < studies; study++) {
        // Inputs are easy or hard for all students, with `ofInputs`, or for each by chance.
        const shared = Array.from({length: inputs}, () => randomFraction(random));
        const agreements = Array.from({length: 3}, () => {
          const own = 0.9 + ofSeeds * normal();
          return shared.filter(value => (ofInputs === 1 ? value : randomFraction(random)) < own).length / inputs;
        });
        if (figureOf(withAgreements(agreements, inputs), 'agreement', confident).figure <= 0.9) kept++;
      }
      expect(kept / studies).toBeGreaterThan(0.95);
    }
  });
});

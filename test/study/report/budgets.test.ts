import {parseHTML} from 'linkedom';
import Papa from 'papaparse';
import {describe, expect, it} from 'vitest';
import type {ExchangeRate} from '../../../src/study/budget-results.ts';
import {exchangeSentence} from '../../../src/study/report/budgets.ts';
import {renderReport} from '../../../src/study/report/page.ts';
import type {Results} from '../../../src/study/results.ts';
import {type SampleBudgetOptions, withBudgets} from '../sample-budgets.ts';
import {type SampleOptions, sampleResults, usualMethods} from '../sample-results.ts';

/** As much of the DOM as these tests look at. */
interface Node {
  readonly textContent: string;
  getAttribute(name: string): string | null;
  querySelector(selector: string): Node | null;
  querySelectorAll(selector: string): readonly Node[];
}

describe('the first screen of a study with several budgets', () => {
  it('says in two sentences who agrees most, and what the fullest level is worth in answers of the baseline', () => {
    const {page} = reportOf();
    const headline = plain(page.querySelector('.headline')!.textContent);
    expect(headline).toMatch(
      /^“logits \+ feature hint” agrees with the teacher \d\.\d\d points more often than “labels” over all budgets \(9\d\.\d % interval \+\d\.\d\d to \+\d\.\d\d\)\. /,
    );
    expect(headline).toMatch(
      /[\d,]+ answers of “logits \+ feature hint” teach as much as [\d,]+ of “labels” \(95 % interval [\d,]+ to [\d,]+\)\.$/,
    );
  });

  it('claims nothing if nothing is shown, and still says what the fullest level is worth', () => {
    const same = usualMethods.slice(1, 3).map(method => ({...method, agreement: 0.92}));
    const headline = plain(reportOf({methods: same}).page.querySelector('.headline')!.textContent);
    expect(headline).toMatch(
      /^No method is shown to agree with the teacher more often than “labels” over all budgets\. /,
    );
    expect(headline).toMatch(/ of “top-3 with rest” teach as much as /);
  });

  it('draws a line with a dot for each budget, and a name, for every method', () => {
    const {page, results} = reportOf();
    const figure = page.querySelector('#answer #figure-budgets')!;
    const titles = [...figure.querySelectorAll('circle title')].map(({textContent}) => textContent);
    expect(titles).toHaveLength(5 * 4);
    expect(titles[4]).toMatch(/^labels, 250 inputs: \d\d\.\d\d\u00a0%, \d\d\.\d\d to \d\d\.\d\d over 3 seeds$/);
    const names = [...figure.querySelectorAll('text')].map(({textContent}) => textContent);
    for (const {method} of results.methods) expect(names.some(name => method.startsWith(name.slice(0, 19)))).toBe(true);
    expect(page.querySelector('#answer #figure-differences')).toBeNull();
    expect(page.querySelector('#accuracy #figure-differences')).not.toBeNull();
    expect(page.querySelector('.setting')!.textContent).toContain('with 3 seeds and 250 to 2,000 answers each');
  });

  it('leaves a method out of the plot if all of its runs failed, and stands one seed', () => {
    const {results} = reportOf({seeds: [1]});
    const rows = results.budgets!.rows.filter(({method}) => method !== 'labels');
    const page = parsed({...results, budgets: {...results.budgets!, rows}});
    const titles = [...page.querySelectorAll('#figure-budgets circle title')].map(({textContent}) => textContent);
    expect(titles).toHaveLength(4 * 4);
    expect(titles.every(title => !/over|NaN/.test(title))).toBe(true);
  });
});

describe('budgets and costs', () => {
  it('gives what each budget is worth in inputs of the baseline, with open ends in words', () => {
    const {page, results} = reportOf();
    const [exchange] = tablesOf(page);
    expect(exchange!.caption).toContain('how many inputs of “labels” teach as much');
    expect(exchange!.rows.map(([name]) => name)).toEqual([
      'true labelsno teacher',
      'top-3 with restgray-box',
      'log-probabilities, T=4gray-box',
      'logits + feature hintwhite-box',
    ]);
    const rates = results.budgets!.exchangeRates.filter(({inAnswersOf}) => inAnswersOf === 'labels');
    const closed = rates.find(({low, high, worth}) => low !== null && high !== null && worth !== null)!;
    const comma = (value: number | null) => Math.round(value!).toLocaleString('en-GB');
    const column = 1 + results.budgets!.sizes.indexOf(closed.budget);
    const row = exchange!.rows.find(([name]) => name!.startsWith(closed.method))!;
    expect(row[column]).toBe(`${comma(closed.worth)}${comma(closed.low)} to ${comma(closed.high)}`);
    expect(exchange!.rows[3]![4]).toMatch(/^more than 2,000[\d,]+ to more than 2,000$/);
  });

  it('names the cheapest method for a wanted agreement, with calls and cost only if a service is asked', () => {
    const free = tablesOf(reportOf().page)[1]!;
    expect(free.caption).toMatch(/^The method with the fewest inputs \(no service is asked\) for a wanted agreement/);
    expect(free.rows.every(({length}) => length === 3)).toBe(true);
    const page = reportOf({}, {service: {callsAnInput: 2, usdACall: 0.001}}).page;
    const priced = tablesOf(page).find(({caption}) => caption.startsWith('The cheapest method'))!;
    expect(priced.rows.at(-1)).toEqual(['96.0 %', 'logits + feature hintwhite-box', '1,753', '3,506', '$3.51']);
  });

  it('sets the pairs with a claim first, the method that agrees more often before the other', () => {
    const {page, results} = reportOf();
    const [curve, all] = tablesOf(page).filter(({caption}) => caption.includes('claims first'));
    expect(curve!.rows).toHaveLength(10);
    expect(all!.rows).toHaveLength(results.verdicts!.length);
    for (const {rows} of [curve!, all!]) {
      const claims = rows.map(([, verdict]) => verdict === 'better' || verdict === 'worse');
      expect(claims).toEqual(claims.toSorted((a, b) => Number(b) - Number(a)));
      expect(rows.every(([, , , , difference]) => !difference!.startsWith('−'))).toBe(true);
    }
    expect(curve!.rows[0]!.slice(0, 4)).toEqual(['logits + feature hint', 'better', 'labels', 'all']);
    expect(parsed(sampleResults()).querySelector('#budgets')).toBeNull();
  });

  it('draws agreement by dollars, or by calls if a price is not known, with the frontier, and nothing if all is free', () => {
    const priced = reportOf({}, {service: {callsAnInput: 1, usdACall: 0.0004}}).page.querySelector('#figure-costs')!;
    expect(priced.querySelector('svg')!.getAttribute('aria-label')).toContain('by cost');
    const titles = [...priced.querySelectorAll('circle title')].map(({textContent}) => textContent);
    expect(titles).toHaveLength(4 * 4);
    expect(titles[0]).toMatch(/^labels, 250 inputs: .* over 3 seeds, \$0\.10$/);
    const frontier = priced.querySelector('desc')!.textContent;
    expect(frontier.match(/logits \+ feature hint/g)).toHaveLength(4);
    expect(frontier).not.toContain('labels,');
    const calls = reportOf({}, {service: {callsAnInput: 1}}).page.querySelector('#figure-costs svg')!;
    expect(calls.getAttribute('aria-label')).toContain('by calls');
    expect(reportOf().page.querySelector('#figure-costs')).toBeNull();
  });
});

describe('the data of a figure', () => {
  it('stands below each figure, and as a file that spreadsheets read as text', () => {
    const methods = usualMethods.map((method, index) =>
      index === 1 ? {...method, method: '=cmd|"x#é",1\n2'} : method,
    );
    const {page, results} = reportOf({methods}, {service: {callsAnInput: 1}});
    const figures = [...page.querySelectorAll('figure')];
    expect(figures.length).toBeGreaterThan(7);
    expect(figures.every(figure => figure.querySelectorAll('details.data table').length === 1)).toBe(true);
    const link = page.querySelector('#figure-budgets a')!;
    expect(link.getAttribute('download')).toBe('budgets.csv');
    const [, csv] = /^data:text\/csv;charset=utf-8,(.*)$/s.exec(link.getAttribute('href')!)!;
    const {data} = Papa.parse<string[]>(decodeURIComponent(csv!));
    expect(data).toHaveLength(1 + results.budgets!.rows.length);
    expect(data[0]).toEqual(['method', 'inputs', 'seed', 'answers', 'agreement, %', 'accuracy, %']);
    const own = results.budgets!.rows.find(({method}) => method.startsWith('='))!;
    const row = data.find(([name]) => name!.includes('cmd'))!;
    expect(row[0]).toBe(`'${own.method}`);
    expect(row.slice(1, 4)).toEqual(['250', '1', '250']);
    expect(Number(row[4])).toBeCloseTo(100 * own.agreement, 3);
  });

  it('shows the first rows of a long table, and has all in the file', () => {
    const {page} = reportOf();
    const learning = page.querySelector('#figure-learning')!;
    expect(learning.querySelectorAll('tbody tr')).toHaveLength(100);
    expect(learning.querySelector('caption')!.textContent).toBe('Data of learning, 100 of 960 rows');
    expect(decodeURIComponent(learning.querySelector('a')!.getAttribute('href')!).split('\n')).toHaveLength(961);
  });
});

describe('the sentence about an exchange rate', () => {
  it.each<[part: Partial<ExchangeRate>, text: string]>([
    [{}, '1,300 of “labels” (95 % interval 900 to 1,900).'],
    [{high: null}, '1,300 of “labels” (95 % interval 900 to more than 2,000).'],
    [{low: null, high: null}, '1,300 of “labels” (95 % interval fewer than 250 to more than 2,000).'],
    [{low: null}, '1,300 of “labels” (95 % interval fewer than 250 to 1,900).'],
    [{worth: null, agreement: 0.99, high: null}, 'more than 2,000 of “labels”.'],
    [{worth: null, agreement: 0.99, low: null, high: null}, 'more than 2,000 of “labels”.'],
    [{worth: null, agreement: 0.5, low: null}, 'fewer than 250 of “labels”.'],
    [{confidence: Number.NaN}, '1,300 of “labels”. One seed is too few for an interval.'],
  ])('says what was measured, and which end was not: %j', (part, text) => {
    const rate: ExchangeRate = {
      ...{method: 'log-probabilities', budget: 1000, agreement: 0.9, inAnswersOf: 'labels'},
      ...{worth: 1300, low: 900, high: 1900, confidence: 0.95},
    };
    const sentence = plain(exchangeSentence(reportOf().results, {...rate, ...part}));
    expect(sentence).toBe(`1,000 answers of “log-probabilities” teach as much as ${text}`);
  });
});

interface ReadTable {
  readonly caption: string;
  readonly rows: readonly (readonly string[])[];
}

/** The tables of budgets and costs, without the data of figures. */
function tablesOf(page: Node): readonly ReadTable[] {
  const data = new Set([...page.querySelectorAll('#budgets .data table')]);
  return [...page.querySelectorAll('#budgets table')]
    .filter(table => !data.has(table))
    .map(table => ({
      caption: plain(table.querySelector('caption')!.textContent),
      rows: [...table.querySelectorAll('tbody tr')].map(row =>
        [...row.querySelectorAll('th, td')].map(({textContent}) => plain(textContent)),
      ),
    }));
}

function reportOf(
  sample: SampleOptions = {},
  budgets: SampleBudgetOptions = {},
): {readonly page: Node; readonly results: Results} {
  const results = withBudgets(sampleResults(sample), budgets);
  return {page: parsed(results), results};
}

function parsed(results: Results): Node {
  return parseHTML(renderReport(results)).document as unknown as Node;
}

/** With common spaces instead of those that keep a number and its unit together. */
function plain(text: string): string {
  return text.replaceAll('\u00a0', ' ');
}

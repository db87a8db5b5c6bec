import {parseHTML} from 'linkedom';
import {describe, expect, it} from 'vitest';
import {renderReport} from '../../src/study/report/page.ts';
import type {Results} from '../../src/study/results.ts';
import {type SampleBudgetOptions, withBudgets} from './sample-budgets.ts';
import {type SampleOptions, sampleResults, usualMethods} from './sample-results.ts';

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

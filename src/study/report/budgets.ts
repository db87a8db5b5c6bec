import {dollars} from '../../ask/budget/price.ts';
import {turned} from '../../evaluate/judge-pairs.ts';
import type {ExchangeRate, PairVerdict} from '../budget-results.ts';
import type {Results} from '../results.ts';
import {between, confidenceText, count, counted, MISSING, percent, percentage, points, pText} from './format.ts';
import {type Html, html} from './html.ts';
import {agreementAt} from './spread.ts';
import {baselineName, bestOfLevel, doubt, isClaim, LEVELS} from './summary.ts';
import {cell, heading, methodHeading, table, verdictCell, wordsHeading} from './table.ts';

/** The exchange rates that a reader looks for first, a sentence a method: in answers of the baseline. */
export function exchangeSentences(results: Results): readonly string[] {
  return results.methods.flatMap(({method}) => {
    const told = firstRate(results, method);
    return told === undefined ? [] : [exchangeSentence(results, told)];
  });
}

/** The exchange rate of a method, in answers of the baseline, that a reader looks for first: one whose interval is closed. */
function firstRate(results: Results, method: string): ExchangeRate | undefined {
  const baseline = baselineName(results);
  const own = results.budgets?.exchangeRates.filter(rate => rate.method === method && rate.inAnswersOf === baseline);
  return own?.findLast(({worth, low, high}) => worth !== null && low !== null && high !== null) ?? own?.at(0);
}

/**
 * The answer of a study of several budgets in two sentences: which method agrees most over all of them, and how many answers
 * of the baseline those of the fullest level are worth. Undefined without budgets.
 */
export function budgetHeadline(results: Results): string | undefined {
  const baseline = baselineName(results);
  if (results.budgets === undefined || baseline === undefined) return undefined;
  const [best] = curveVerdicts(results)
    .flatMap(verdict => facing(verdict, baseline) ?? [])
    .filter(({verdict}) => verdict === 'better')
    .toSorted((one, other) => other.difference - one.difference);
  const found = best
    ? `“${best.a}” agrees with the teacher ${percent(best.difference)} points more often than “${baseline}” over all budgets (${intervalText(best)}).`
    : `No method is shown to agree with the teacher more often than “${baseline}” over all budgets.${doubt(results)}`;
  const fullest = LEVELS.flatMap(level => bestOfLevel(results, level) ?? []).at(-1);
  const rate = fullest && firstRate(results, fullest.method);
  return rate === undefined ? found : `${found} ${exchangeSentence(results, rate)}`;
}

/** The comparison as one of some method with the baseline; undefined if it is of two others. */
export function facing(pair: PairVerdict, baseline: string): PairVerdict | undefined {
  if (pair.b === baseline) return pair;
  return pair.a === baseline ? turned(pair) : undefined;
}

/** The comparison with the method first that agrees more often. */
export function greaterFirst(pair: PairVerdict): PairVerdict {
  return pair.difference < 0 ? turned(pair) : pair;
}

export function intervalText({low, high, confidence}: PairVerdict): string {
  return `${confidenceText(confidence)} interval ${between([low, high])}`;
}

/** `1,000 answers of “log-probabilities” teach as much as 2,300 of “labels” (95 % interval 1,900 to 2,900).` */
export function exchangeSentence(results: Results, rate: ExchangeRate): string {
  const {method, budget, inAnswersOf, worth, confidence} = rate;
  const found = `${counted(budget, 'answer')} of “${method}” teach as much as ${worthText(results, rate)} of “${inAnswersOf}”`;
  if (worth === null) return `${found}.`;
  if (!Number.isFinite(confidence)) return `${found}. One seed is too few for an interval.`;
  return `${found} (${confidenceText(confidence)} interval ${endsText(results, rate)}).`;
}

/** The verdicts over all budgets, the claims first. */
export function curveVerdicts({verdicts = []}: Results): readonly PairVerdict[] {
  return verdicts.filter(({budget}) => budget === 'curve').toSorted((one, other) => one.adjustedP - other.adjustedP);
}

/** `“a” agrees with the teacher more often than “b” over all budgets (99 % interval +0.60 to +1.80 points).` */
export function verdictSentence(pair: PairVerdict): string {
  const ordered = greaterFirst(pair);
  const {a, b, verdict} = ordered;
  const interval = `${intervalText(ordered)} points`;
  if (isClaim(verdict)) return `“${a}” agrees with the teacher more often than “${b}” over all budgets (${interval}).`;
  if (verdict === 'too few seeds to say')
    return `There are too few seeds to say whether “${a}” and “${b}” differ over all budgets (${interval}).`;
  return `No difference between “${a}” and “${b}” is shown over all budgets (${interval}).`;
}

/** How many answers of the baseline teach as much: a row a method, a column a budget; undefined without budgets. */
export function exchangeTable(results: Results): Html | undefined {
  const {budgets, methods} = results;
  const baseline = baselineName(results);
  if (budgets === undefined || baseline === undefined) return undefined;
  const rows = methods.flatMap((method, index) => {
    const own = budgets.exchangeRates.filter(rate => rate.method === method.method && rate.inAnswersOf === baseline);
    if (own.length === 0) return [];
    const cells = budgets.sizes.map(size => {
      const rate = own.find(({budget}) => budget === size);
      return rate === undefined ? cell(MISSING) : cell(worthText(results, rate), endsText(results, rate));
    });
    return [html`<tr>${methodHeading(method, index)}${cells}</tr>`];
  });
  if (rows.length === 0) return undefined;
  const head = [wordsHeading('method'), ...budgets.sizes.map(size => heading(counted(size, 'input')))];
  return table(
    `Exchange rates: how many inputs of “${baseline}” teach as much, with 95\u00a0% intervals, each for itself`,
    head,
    rows,
  );
}

/** If the other method has no such number between the measured budgets, its agreement at the smallest tells on which side. */
function worthText(results: Results, {worth, agreement, inAnswersOf}: ExchangeRate): string {
  if (worth !== null) return count(worth);
  const [least, most] = endsOf(results);
  const lowest = agreementAt(results, {method: inAnswersOf}, least).mean;
  return lowest > agreement ? `fewer than ${count(least)}` : `more than ${count(most)}`;
}

function endsText(results: Results, {low, high, confidence}: ExchangeRate): string {
  if (!Number.isFinite(confidence)) return 'one seed: no interval';
  const [least, most] = endsOf(results);
  const ends = [
    low === null ? `fewer than ${count(least)}` : count(low),
    high === null ? `more than ${count(most)}` : count(high),
  ];
  return ends.join(' to ');
}

function endsOf({budgets}: Results): readonly [number, number] {
  return [budgets!.sizes[0]!, budgets!.sizes.at(-1)!];
}

/** The method that reaches a wanted agreement at the least cost; undefined without budgets. */
export function cheapestTable({budgets, methods}: Results): Html | undefined {
  if (budgets === undefined || budgets.cheapest.length === 0) return undefined;
  const isPriced = budgets.cheapest.some(({usd = 0}) => usd > 0);
  const isAsked = budgets.cheapest.some(({calls}) => calls > 0);
  const rows = budgets.cheapest.map(({agreement, level, method, budget, calls, usd}) => {
    const index = methods.findIndex(one => one.level === level && one.method === method);
    const price = isPriced ? cell(usd === undefined ? MISSING : dollars(usd)) : undefined;
    return html`<tr>${cell(percentage(agreement, 1))}${methodHeading(methods[index]!, index)}${cell(count(budget))}${isAsked ? cell(count(calls)) : undefined}${price}</tr>`;
  });
  const head = [
    heading('agreement', 'at least'),
    wordsHeading('method'),
    heading('inputs'),
    ...(isAsked ? [heading('calls', 'expected')] : []),
    ...(isPriced ? [heading('cost', 'expected')] : []),
  ];
  const by = isAsked ? 'The cheapest method' : 'The method with the fewest inputs (no service is asked)';
  return table(
    `${by} for a wanted agreement: point estimates, with budgets between the measured ones interpolated`,
    head,
    rows,
  );
}

/**
 * The verdict on each pair of methods; of several budgets, over all of them, and those at single budgets folded away.
 * Undefined if there are none.
 */
export function verdictsTable({verdicts = []}: Pick<Results, 'verdicts'>): Html | undefined {
  if (verdicts.length === 0) return undefined;
  const over = verdicts.filter(({budget}) => budget === 'curve');
  if (over.length === 0) return pairsTable('Each pair of methods, claims first', verdicts);
  return html`${pairsTable('Each pair of methods over all budgets, claims first', over)}
<details><summary>Every comparison, at each budget too (${count(verdicts.length)})</summary>${pairsTable('Every comparison, claims first', verdicts)}</details>`;
}

function pairsTable(name: string, verdicts: readonly PairVerdict[]): Html {
  const claimsFirst = (one: PairVerdict, other: PairVerdict) =>
    Number(isClaim(other.verdict)) - Number(isClaim(one.verdict)) || one.adjustedP - other.adjustedP;
  return table(name, VERDICT_HEAD, verdicts.toSorted(claimsFirst).map(verdictRow));
}

const VERDICT_HEAD = [
  wordsHeading('method'),
  wordsHeading('verdict'),
  wordsHeading('against'),
  heading('inputs'),
  heading('difference', 'points'),
  heading('interval', 'points'),
  heading('confidence', 'of this interval'),
  heading('p', 'corrected'),
  heading('detectable', 'points, in 4 of 5 studies'),
];

function verdictRow(pair: PairVerdict): Html {
  const {a, b, budget, difference, low, high, confidence, adjustedP, detectable, verdict} = greaterFirst(pair);
  return html`<tr><th scope="row" class="words">${a}</th>${verdictCell(verdict)}<td class="words">${b}</td>${[
    cell(budget === 'curve' ? 'all' : count(budget)),
    cell(points(difference)),
    cell(between([low, high])),
    cell(confidenceText(confidence)),
    cell(pText(adjustedP)),
    cell(percent(detectable)),
  ]}</tr>`;
}

import {dollars} from '../../ask/budget/price.ts';
import {mean, standardDeviation} from '../../evaluate/statistics.ts';
import type {CheapestMethod, ExchangeRate, PairVerdict} from '../budget-results.ts';
import type {MethodResult, Results} from '../results.ts';
import {between, confidenceText, count, counted, percentage} from './format.ts';
import {baselineName} from './summary.ts';

/** Mean and sample standard deviation of a method's agreement at one budget; NaN if no run succeeded. */
export function agreementAt(
  {budgets}: Results,
  {method}: Pick<MethodResult, 'method'>,
  budget: number,
): {readonly mean: number; readonly deviation: number | undefined} {
  const rows = budgets?.rows.filter(row => row.method === method && row.budget === budget) ?? [];
  const values = rows.map(({agreement}) => agreement);
  return {mean: mean(values), deviation: values.length > 1 ? standardDeviation(values) : undefined};
}

/** The exchange rates that a reader looks for first, a sentence a method: in answers of the baseline. */
export function exchangeSentences(results: Results): readonly string[] {
  const baseline = baselineName(results);
  return results.methods.flatMap(({method}) => {
    const own = results.budgets?.exchangeRates.filter(rate => rate.method === method && rate.inAnswersOf === baseline);
    const told = own?.findLast(({worth, low, high}) => worth !== null && low !== null && high !== null) ?? own?.at(0);
    return told === undefined ? [] : [exchangeSentence(told, results.budgets!.sizes)];
  });
}

/** `1,000 answers of “log-probabilities” teach as much as 2,300 of “labels” (95 % interval 1,900 to 2,900).` */
export function exchangeSentence(rate: ExchangeRate, sizes: readonly number[]): string {
  const {method, budget, inAnswersOf, worth, low, high, confidence} = rate;
  const start = `${counted(budget, 'answer')} of “${method}” teach as much as`;
  const [least, most] = [count(sizes[0]!), count(sizes.at(-1)!)];
  if (worth === null) {
    const side = low === null && high !== null ? `fewer than ${least}` : `more than ${most}`;
    return `${start} ${side} of “${inAnswersOf}”.`;
  }
  const found = `${start} ${count(worth)} of “${inAnswersOf}”`;
  if (!Number.isFinite(confidence)) return `${found}. One seed is too few for an interval.`;
  const ends = `${low === null ? `less than ${least}` : count(low)} to ${high === null ? `more than ${most}` : count(high)}`;
  return `${found} (${confidenceText(confidence)} interval ${ends}).`;
}

/** The cheapest method for each wanted agreement, a line each: point estimates. */
export function cheapestSentences({budgets}: Results): readonly string[] {
  return budgets?.cheapest.map(cheapestSentence) ?? [];
}

function cheapestSentence({agreement, method, budget, calls, usd}: CheapestMethod): string {
  const cost = [counted(calls, 'call'), ...(usd === undefined ? [] : [dollars(usd)])].join(', ');
  return `${percentage(agreement, 1)} agreement: “${method}”, ${counted(budget, 'input')}, ${cost}.`;
}

/** The verdicts over all budgets, the claims first. */
export function curveVerdicts({verdicts = []}: Results): readonly PairVerdict[] {
  return verdicts.filter(({budget}) => budget === 'curve').toSorted((one, other) => one.adjustedP - other.adjustedP);
}

/** `“a” agrees with the teacher more often than “b” over all budgets: +1.20 points (99 % interval +0.60 to +1.80).` */
export function verdictSentence({a, b, difference, low, high, confidence, verdict}: PairVerdict): string {
  const [first, second, sign] = difference < 0 ? [b, a, -1] : [a, b, 1];
  const ends = sign < 0 ? ([-high, -low] as const) : ([low, high] as const);
  const interval = `${confidenceText(confidence)} interval ${between(ends)} points`;
  if (verdict === 'better' || verdict === 'worse')
    return `“${first}” agrees with the teacher more often than “${second}” over all budgets (${interval}).`;
  if (verdict === 'too few seeds to say')
    return `There are too few seeds to say whether “${first}” and “${second}” differ over all budgets (${interval}).`;
  return `No difference between “${first}” and “${second}” is shown over all budgets (${interval}).`;
}

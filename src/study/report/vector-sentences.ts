import type {MethodResult, Results} from '../results.ts';
import {measureName} from '../vectors/measure-name.ts';
import type {MeasuredMean} from '../vectors/results.ts';
import {greaterFirst, intervalText} from './budgets.ts';
import {count, decimal, percent, percentage} from './format.ts';
import {ranked} from './spread.ts';
import {isClaim} from './summary.ts';

/** The students that find most of the teacher's neighbours, with what is certain of them, and every claim on methods. */
export function vectorSentences(results: Results): readonly string[] {
  return [headline(results), ...claimSentences(results)];
}

function headline({methods, vectors}: Results): string {
  const [best] = ranked(methods, recallOf);
  const {method, vectors: found} = best!;
  const {meanCosine, recall} = found!;
  const near = `“${method}” finds ${percentage(recall.mean, 1)} of the teacher’s ${count(vectors!.neighbours)} nearest neighbours of an input${within(recall, end => percent(end, 1))}`;
  if (meanCosine === undefined) return `${near}.`;
  return `${near}, and its vectors have a mean cosine of ${decimal(meanCosine.mean, 3)} with the teacher’s${within(meanCosine, end => decimal(end, 3))}.`;
}

function recallOf({vectors}: MethodResult): number {
  return vectors!.recall.mean;
}

function within({interval}: MeasuredMean, shown: (end: number) => string): string {
  return interval ? ` (95\u00a0% interval ${shown(interval[0])} to ${shown(interval[1])})` : '';
}

/** What is shown about methods; over all budgets, if there are several. */
function claimSentences({verdicts = [], budgets}: Results): readonly string[] {
  return verdicts
    .filter(({budget, verdict}) => isClaim(verdict) && (budgets === undefined || budget === 'curve'))
    .map(pair => {
      const first = greaterFirst(pair);
      const over = budgets ? ' over all budgets' : '';
      return `The ${measureName(pair.measure)} of “${first.a}” is ${percent(first.difference)} points higher than that of “${first.b}”${over} (${intervalText(first)}).`;
    });
}

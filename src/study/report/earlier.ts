import type {EarlierStudy, MethodResult, StudyChange} from '../results.ts';
import {colourOf, figure} from './figure.ts';
import {type PlotRow, rowPlot} from './figures/rows.ts';
import {between, confidenceText, count, counted, percent, percentage, points, pText} from './format.ts';
import {type Html, html} from './html.ts';
import {earlierName} from './sentences.ts';
import {isClaim} from './summary.ts';
import {cell, dataTable, heading, methodHeading, table, verdictCell, wordsHeading} from './table.ts';

interface StudyMethods {
  readonly methods: readonly Pick<MethodResult, 'level' | 'method'>[];
}

/** An earlier study beside this one: what differs between them, and every number that both have. */
export function earlierContent(results: StudyMethods, earlier: EarlierStudy): Html {
  const {changes, differences, limbeck} = earlier;
  const [agreement, accuracy] = (['agreement', 'accuracy'] as const).map(measure => {
    const own = changes.filter(change => change.measure === measure);
    return own.length > 0 ? changesTable(results, own, measure) : undefined;
  });
  return html`<p>Beside ${earlierName(earlier)}, made by limbeck ${limbeck}. ${foundText(changes)}</p>
${differences.length > 0 ? html`<ul>${differences.map(sentence => html`<li>${sentence}</li>`)}</ul>` : undefined}
${changesFigure(results, changes)}
${agreement}
${accuracy && html`<details><summary>Accuracy in both studies</summary>${accuracy}</details>`}`;
}

function foundText(changes: readonly StudyChange[]): string {
  if (changes.length === 0) return 'The two have no number in common.';
  const [better, worse] = (['better', 'worse'] as const).map(
    verdict => changes.filter(change => change.verdict === verdict).length,
  );
  return `Of ${counted(changes.length, 'number')} that both have, shown to be better now: ${count(better!)}; worse: ${count(worse!)}.`;
}

/** The change in agreement of each method, at the largest number of inputs that both studies have for it. */
function changesFigure(results: StudyMethods, changes: readonly StudyChange[]): Html | undefined {
  const largest = results.methods.flatMap(({level, method}, index) => {
    const own = changes.filter(
      change => change.measure === 'agreement' && change.level === level && change.method === method,
    );
    const [change] = own.toSorted((one, other) => other.budget - one.budget);
    return change === undefined ? [] : [{change, index}];
  });
  if (largest.length === 0) return undefined;
  const rows = largest.map(({change, index}): PlotRow => {
    const {method, budget, difference, interval, before, after, verdict} = change;
    const text = `${points(difference)} (${between(interval)})`;
    const title = `${method}, ${counted(budget, 'input')}: ${percentage(before.mean)} then, ${percentage(after.mean)} now, ${text} points, ${verdict}`;
    return {
      ...{name: method, colour: colourOf(index), text, hollow: !isClaim(verdict)},
      dots: [{x: 100 * difference, title}],
      mean: 100 * difference,
      interval: [100 * interval[0], 100 * interval[1]],
    };
  });
  const plot = rowPlot(rows, {
    label: 'Change in agreement since the earlier study, by method',
    description: rows.map(({name, text}) => `${name}: ${text} points.`).join(' '),
    axis: 'change in agreement with the teacher, percentage points',
    reference: {x: 0, label: 'as then'},
  });
  return figure('figure-earlier', html`<div class="single">${plot}</div>`, CAPTION, data(changes));
}

function data(changes: readonly StudyChange[]): Html {
  const columns = [
    ...['measure', 'method', 'inputs', 'then, %', 'then, low', 'then, high', 'now, %', 'now, low', 'now, high'],
    ...['difference, points', 'low', 'high', 'confidence, %', 'p, corrected', 'verdict'],
  ];
  const rows = changes.map(change => {
    const {measure, method, budget, before, after, difference, interval, confidence, p, verdict} = change;
    const shares = [
      before.mean,
      ...before.interval,
      after.mean,
      ...after.interval,
      difference,
      ...interval,
      confidence,
    ];
    return [measure, method, budget, ...shares.map(share => 100 * share), p, verdict];
  });
  return dataTable({name: 'earlier', columns, rows});
}

function changesTable(
  results: StudyMethods,
  changes: readonly StudyChange[],
  measure: StudyChange['measure'],
): Html | undefined {
  const head = [
    wordsHeading('method'),
    heading('inputs'),
    heading('then', '%'),
    heading('now', '%'),
    heading('difference', 'points'),
    heading('interval', 'points'),
    heading('p', 'corrected'),
    heading('detectable', 'points, in 4 of 5 studies'),
    wordsHeading('verdict'),
  ];
  const rows = results.methods.flatMap((method, index) => {
    const own = changes.filter(change => change.level === method.level && change.method === method.method);
    return own.map((change, at) => {
      const first = at === 0 ? methodHeading(method, index, own.length) : undefined;
      return html`<tr>${first}${changeCells(change)}</tr>`;
    });
  });
  const name = measure === 'agreement' ? 'Agreement with the teacher' : 'Accuracy';
  return table(`${name} in both studies; in small, intervals of the means at 95 %`, head, rows);
}

function changeCells({budget, before, after, difference, interval, confidence, p, detectable, verdict}: StudyChange) {
  const sides = [before, after].map(({mean, interval: [low, high]}) =>
    cell(percent(mean), `${percent(low)} to ${percent(high)}`),
  );
  return [
    cell(count(budget)),
    ...sides,
    cell(points(difference)),
    cell(between(interval), `at ${confidenceText(confidence)}`),
    cell(pText(p)),
    cell(percent(detectable)),
    verdictCell(verdict),
  ];
}

const CAPTION =
  'How much more often each method agrees with the teacher than in the earlier study, at the largest number of inputs that both have, over seeds and test inputs. Results hold no answers to single inputs, so both studies count as measured on inputs of their own: on the same test split the intervals are wider than they need be. All verdicts on agreement together hold at 95\u00a0% (Holm), and so do those on accuracy. Hollow: without a verdict.';

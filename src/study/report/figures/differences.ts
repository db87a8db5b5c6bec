import type {Comparison, Results} from '../../results.ts';
import {colourOf, figure} from '../figure.ts';
import {between, confidenceText, list, MISSING, points} from '../format.ts';
import {type Html, html} from '../html.ts';
import {baselineName, comparedMethods, isClaim} from '../summary.ts';
import {dataTable} from '../table.ts';
import {type PlotRow, rowPlot} from './rows.ts';

/** How much more often than the baseline each method agrees with the teacher; undefined if nothing was compared. */
export function differencesFigure(results: Results): Html | undefined {
  const compared = comparedMethods(results);
  const baseline = baselineName(results);
  if (compared.length === 0 || baseline === undefined) return undefined;
  const rows = compared.map(({method, versusLabels}): PlotRow => {
    const {difference, interval, confidence, verdict} = versusLabels;
    const index = results.methods.findIndex(entry => entry.method === method && entry.versusLabels === versusLabels);
    const text = Number.isFinite(difference) ? `${points(difference)} (${between(interval)})` : MISSING;
    return {
      name: method,
      colour: colourOf(index),
      dots: [{x: difference * 100, title: `${method}: ${text} points at ${confidenceText(confidence)}, ${verdict}`}],
      mean: difference * 100,
      interval: [interval[0] * 100, interval[1] * 100],
      text,
      hollow: !isClaim(verdict),
    };
  });
  const plot = rowPlot(rows, {
    label: `Difference in agreement from ${baseline}, by method`,
    description: rows.map(({name, text}) => `${name}: ${text} points.`).join(' '),
    axis: 'difference in agreement with the teacher, percentage points',
    reference: {x: 0, label: `as “${baseline}”`},
  });
  return figure(
    'figure-differences',
    html`<div class="single">${plot}</div>`,
    caption(compared, baseline),
    data(compared),
  );
}

function data(compared: ReturnType<typeof comparedMethods>): Html {
  const columns = [
    'method',
    'baseline',
    'difference, points',
    'low',
    'high',
    'confidence, %',
    'p, corrected',
    'verdict',
  ];
  const rows = compared.map(({method, versusLabels: {baseline, difference, interval, confidence, p, verdict}}) => [
    ...[method, baseline],
    ...[difference, ...interval, confidence].map(share => share * 100),
    ...[p, verdict],
  ]);
  return dataTable({name: 'differences', columns, rows});
}

function caption(
  compared: readonly {readonly method: string; readonly versusLabels: Comparison}[],
  baseline: string,
): string {
  const open = compared.filter(({versusLabels}) => !isClaim(versusLabels.verdict)).map(({method}) => method);
  const hollow = open.length === 0 ? '' : ` Hollow, without a verdict: ${list(open)}.`;
  const levels = [...new Set(compared.map(({versusLabels}) => confidenceText(versusLabels.confidence)))];
  return `How much more often than “${baseline}” each method names the teacher’s class, with the interval at which it was judged (${list(levels)}; 95\u00a0% for all verdicts together), over seeds and test inputs. An interval that crosses the dashed line is compatible with no difference.${hollow}`;
}

import {type ConfusedPair, type Confusion, confusedPairs} from '../../../evaluate/by-class.ts';
import type {MethodResult, Results} from '../../results.ts';
import type {Samples} from '../../samples.ts';
import {colourOf, figure, type Panel, panels} from '../figure.ts';
import {count, counted, MISSING, percent, percentage, shortened} from '../format.ts';
import {type Html, html} from '../html.ts';
import {svg} from '../plot.ts';
import {sampleLink} from '../samples.ts';
import {cell, dataTable, heading, table, wordsHeading} from '../table.ts';
import {heatMap, offDiagonal, SIDE} from './relation.ts';

/** How many confusions are named if there are too many classes for a map. */
const NAMED = 8;
const LONGEST_NAME = 28;

/** Which classes each method mistakes for which, and how each class fares; undefined if it was not measured. */
export function byClass(results: Results, samples?: Samples): Html | undefined {
  const measured = results.methods.filter(({confusion}) => confusion !== undefined);
  if (measured.length === 0) return undefined;
  const list = results.methods.flatMap((method, index) => panelOf(results, method, index) ?? []);
  return html`${figure('figure-confusion', panels(SIDE, list), caption(results), data(results))}
${measured.map(method => classesOf(results, method, measured.length, samples))}`;
}

/** Against the true labels, if anybody knows them. */
function confusionOf({truth}: Results, {confusion}: MethodResult): Confusion | undefined {
  return truth === 'labels' ? confusion?.truth : confusion?.teacher;
}

/** A row for each two classes that were confused. */
function data(results: Results): Html {
  const {classes, methods, truth} = results;
  const rows = methods.flatMap(method => {
    const {counts, largest = []} = confusionOf(results, method) ?? {};
    const pairs = counts === undefined ? largest : confusedPairs(counts);
    return pairs.map(({label, named, count: inputs}) => [method.method, classes[label]!, classes[named]!, inputs]);
  });
  const label = truth === 'labels' ? 'true class' : 'class of the teacher';
  return dataTable({name: 'confusion', columns: ['method', label, 'class of the student', 'test inputs'], rows});
}

function panelOf(results: Results, method: MethodResult, index: number): Panel | undefined {
  const confusion = confusionOf(results, method);
  if (confusion === undefined) return undefined;
  const {counts, largest = []} = confusion;
  const shared = {colour: colourOf(index), title: method.method};
  if (counts === undefined) return {...shared, content: pairsList(results, largest)};
  const {classes} = results;
  const [first] = confusedPairs(counts);
  if (first === undefined) return {...shared, content: html`<p class="empty">nothing is mistaken</p>`};
  const totals = counts.map(row => row.reduce((sum, value) => sum + value, 0));
  const shares = counts.map((row, label) => row.map(value => (totals[label] === 0 ? 0 : value / totals[label]!)));
  const high = Math.max(...offDiagonal(shares));
  const text = (label: number, named: number): string =>
    `${classes[label]} named ${classes[named]}: ${count(counts[label]![named]!)} of ${count(totals[label]!)}`;
  const most = `most often ${text(first.label, first.named)}`;
  const drawing = svg(
    {width: SIDE, height: SIDE},
    {label: `Confusion: ${method.method}`, description: `${most}.`},
    heatMap(shares, classes, {low: 0, high, title: text}),
  );
  return {...shared, content: drawing, note: html`0<span class="ramp"></span>${percentage(high, 1)}<br>${most}`};
}

function pairsList({classes}: Results, pairs: readonly ConfusedPair[]): Html {
  if (pairs.length === 0) return html`<p class="empty">nothing is mistaken</p>`;
  const name = (index: number): string => shortened(classes[index] ?? '', LONGEST_NAME);
  return html`<ol class="pairs">${pairs
    .slice(0, NAMED)
    .map(({label, named, count: times}) => html`<li>${name(label)} named ${name(named)}: ${count(times)}</li>`)}</ol>`;
}

/** The table of a method, folded away if there are several. */
function classesOf(results: Results, method: MethodResult, methods: number, samples: Samples | undefined): Html {
  const at = results.methods.indexOf(method);
  const {classes: rows = [], method: name} = method;
  const isKnown = results.truth === 'labels';
  const head = [
    wordsHeading('class'),
    ...(isKnown
      ? [heading('test inputs', 'of this class'), heading('recall', '%'), heading('precision', '%'), heading('F1', '%')]
      : []),
    heading('test inputs', 'the teacher gives it'),
    heading('agreement', '% of these'),
  ];
  const body = rows.map(
    ({inputs, teacherInputs, recall, precision, f1, agreement}, index) =>
      html`<tr><th scope="row" class="words">${results.classes[index]}${sampleLink(samples, {method: at, label: index})}</th>${
        isKnown
          ? [
              cell(inputs === undefined ? MISSING : count(inputs)),
              ...[recall, precision, f1].map(share => cell(percent(share))),
            ]
          : undefined
      }${cell(count(teacherInputs))}${cell(percent(agreement))}</tr>`,
  );
  const shown = table(`The classes with “${name}”`, head, body);
  if (methods === 1) return shown;
  return html`<details><summary>The classes with “${name}” (${count(rows.length)})</summary>${shown}</details>`;
}

function caption(results: Results): string {
  const {truth, seeds, classes, methods} = results;
  const row = truth === 'labels' ? 'the true class' : 'the class that the teacher names';
  const summed = seeds.length > 1 ? `, summed over ${counted(seeds.length, 'seed')}` : '';
  if (confusionOf(results, methods[0]!)?.counts === undefined) {
    return `The most frequent confusions: ${row} first, then the one that the student names, with the number of test inputs${summed}. A map of ${count(classes.length)} classes would show nothing.`;
  }
  return `What each method mistakes for what: a row is ${row}, a column the one that the student names, the shade the share of the row${summed}. The diagonal is left out, since it would drown the rest; each map has its own scale, from 0 to its most frequent confusion.`;
}

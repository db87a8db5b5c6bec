import type {Results} from '../results.ts';
import type {Said, SampledInput, Samples, ShownInput} from '../samples.ts';
import {colourOf, swatch, TEACHER_COLOUR} from './figure.ts';
import {count, counted, decimal, percentage, shortened} from './format.ts';
import {type Html, html, trusted} from './html.ts';

/** What a view of the samples is narrowed to, by index. */
export interface SampleFilter {
  /** Inputs on which this method's student differs from the teacher. */
  readonly method?: number | undefined;
  /** Inputs of this class. */
  readonly label?: number | undefined;
}

const LONGEST_NAME = 26;

/** The samples, which links narrow to a method and a class without a script: the address names the view. */
export function samplesContent(results: Results, samples: Samples): Html {
  const {methods, classes, seeds} = results;
  const {inputs, total} = samples;
  const kind = results.truth === 'labels' ? 'true class' : 'class by the teacher';
  const everyMethod = [undefined, ...methods.keys()];
  const everyClass = [undefined, ...classes.keys()];
  const anchors = everyMethod.flatMap(method =>
    everyClass.map(label => html`<span id="${addressOf({method, label})}"></span>`),
  );
  const methodLinks = methods.flatMap(({method: name}, method) => chip(samples, {method}, name) ?? []);
  const classLinks = classes.flatMap((name, label) => chip(samples, {label}, name) ?? []);
  return html`<style>${trusted(rules(methods.length, classes.length))}</style>
<p>${count(inputs.length)} of ${counted(total, 'test input')}: those on which students differ from the teacher or from each other come first, and each class and method has some. Each method answers by its student of ${seeds.length > 1 ? 'the first seed' : 'the one seed'}; what differs from the teacher is marked with ≠. A percentage is the probability that the class was given.</p>
<div class="anchors">${anchors}</div>
<nav aria-label="Samples">
<p class="chips"><a href="#${addressOf({})}" class="view-all-all">All (${count(inputs.length)})</a></p>
<p class="chips">Differs from the teacher: ${methodLinks.length === 0 ? 'none' : methodLinks}</p>
<p class="chips">By ${kind}: ${classLinks}</p>
</nav>
<div class="samples" role="region" tabindex="0" aria-label="Sampled inputs"><ol>${inputs.map(input => sample(results, input))}</ol></div>`;
}

/** A link to the samples of a method or a class; undefined if there are none. */
export function sampleLink(samples: Samples | undefined, filter: SampleFilter): Html | undefined {
  const number = samples?.inputs.filter(input => matches(input, filter)).length;
  if (!number) return undefined;
  return html`<small><a href="#${addressOf(filter)}">${counted(number, 'sample')}</a></small>`;
}

function chip(samples: Samples, filter: SampleFilter, name: string): Html | undefined {
  const number = samples.inputs.filter(input => matches(input, filter)).length;
  if (number === 0) return undefined;
  const mark = filter.method === undefined ? undefined : swatch(colourOf(filter.method));
  const view = filter.method === undefined ? `view-class-${filter.label}` : `view-method-${filter.method}`;
  return html`<a href="#${addressOf(filter)}" class="${view}">${mark}${shortened(name, LONGEST_NAME)} (${count(number)})</a> `;
}

function matches(input: SampledInput, {method, label}: SampleFilter): boolean {
  const isOfClass = label === undefined || classOf(input) === label;
  return isOfClass && (method === undefined || input.students[method]!.label !== input.teacher.label);
}

function classOf({truth, teacher}: SampledInput): number {
  return truth ?? teacher.label;
}

function addressOf({method, label}: SampleFilter): string {
  return `samples-${method ?? 'all'}-${label ?? 'all'}`;
}

/** Hide what the address does not name, and mark the links of what it does. */
function rules(methods: number, classes: number): string {
  const all = (number: number) => Array.from({length: number}, (_, index) => index);
  const view = (part: string) => `#samples:has([id${part}]:target)`;
  const marked = 'font-weight: 700; text-decoration: none;';
  return [
    ...all(methods).flatMap(index => {
      const on = view(`^="samples-${index}-"`);
      return [`${on} .sample:not(.differs-${index}) { display: none; }`, `${on} .view-method-${index} { ${marked} }`];
    }),
    ...all(classes).flatMap(index => {
      const on = view(`$="-${index}"`);
      return [`${on} .sample:not(.class-${index}) { display: none; }`, `${on} .view-class-${index} { ${marked} }`];
    }),
  ].join('\n');
}

function sample(results: Results, sampled: SampledInput): Html {
  const {index, input, truth, teacher, students} = sampled;
  const {classes, methods} = results;
  const differing = students.flatMap(({label}, method) => (label === teacher.label ? [] : [`differs-${method}`]));
  const known = truth === undefined ? '' : `, true class ${classes[truth]}`;
  const lines = methods.map(({method}, at) => {
    const said = students[at]!;
    const differs = said.label !== teacher.label;
    const colour = colourOf(at);
    return html`<tr><th scope="row" class="words">${swatch(colour)}${shortened(method, LONGEST_NAME)}</th>${saidCells(classes, said, differs)}</tr>`;
  });
  return html`<li class="sample class-${classOf(sampled)} ${differing.join(' ')}">
<p class="panel-title">Input ${count(index)}${known}</p>
${shownInput(input, `Input ${index}${known}`)}
<table><tbody><tr><th scope="row" class="words">${swatch(TEACHER_COLOUR)}teacher</th>${saidCells(classes, teacher, false)}</tr>${lines}</tbody></table></li>`;
}

function saidCells(classes: readonly string[], {label, confidence}: Said, differs: boolean): Html {
  const mark = differs ? '≠ ' : '';
  const sure = confidence === undefined ? '' : percentage(confidence, 1);
  return html`<td class="words${differs ? ' worse' : ''}">${mark}${shortened(classes[label] ?? '', LONGEST_NAME)}</td><td>${sure}</td>`;
}

function shownInput(input: ShownInput, name: string): Html {
  if (input.kind === 'text') return html`<p class="sample-text">${input.text}</p>`;
  if (input.kind === 'image') {
    return html`<img src="${input.url}" alt="${name}" width="${input.width}" height="${input.height}">`;
  }
  const left = input.total - input.values.length;
  const values = input.values.map(value => (Number.isInteger(value) ? String(value) : decimal(value, 3)));
  return html`<p class="sample-text">${values.join(' ')}${left > 0 ? ` … and ${count(left)} more` : ''}</p>`;
}

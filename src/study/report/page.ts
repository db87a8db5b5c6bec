import type {Results, StudentShape} from '../results.ts';
import type {Samples} from '../samples.ts';
import {budgetHeadline, cheapestTable, exchangeTable, verdictsTable} from './budgets.ts';
import {cascadesTable} from './cascades.ts';
import {factsList, reportDocument, type Section, section} from './document.ts';
import {earlierContent} from './earlier.ts';
import {effects} from './effects.ts';
import {accuracyFigure} from './figures/accuracy.ts';
import {budgetsFigure} from './figures/budgets.ts';
import {byClass} from './figures/classes.ts';
import {costsFigure} from './figures/costs.ts';
import {coverageFigure} from './figures/coverage.ts';
import {differencesFigure} from './figures/differences.ts';
import {entropyFigure} from './figures/entropy.ts';
import {learningFigure} from './figures/learning.ts';
import {relationFigure} from './figures/relation.ts';
import {reliabilityFigure} from './figures/reliability.ts';
import {selectionFigure} from './figures/selection.ts';
import {tuningFigure} from './figures/tuning.ts';
import {count, counted, duration, levelName, list, moment} from './format.ts';
import {type Content, type Html, html} from './html.ts';
import {ledgerNote, ledgerTable} from './ledger.ts';
import {comparisonsTable, efficiencyTable, numbersTable, seedsTable} from './numbers.ts';
import {samplesContent} from './samples.ts';
import {
  assistantSentences,
  choiceSentences,
  nextSentences,
  repeatabilitySentences,
  tuningSentences,
} from './sentences.ts';
import {efficiencyContent, methodsTable} from './shared.ts';
import {setting, summarise} from './summary.ts';
import {vectorSections, vectorsText} from './vectors-page.ts';

/**
 * The report of a study as one HTML document that stands alone: no script runs, nothing is fetched. It carries its
 * numbers as JSON in the element `results`.
 *
 * @param samples - inputs behind the numbers
 */
export function renderReport(results: Results, samples?: Samples): string {
  const {name, finishedAt, versions} = results;
  return reportDocument({
    ...{name, finishedAt, version: versions.limbeck, results},
    subject: results.vectors
      ? 'how like its teacher’s the student’s vectors are'
      : 'what each level of access is worth',
    setting: setting(results),
    sections: results.vectors
      ? vectorSections(results, results.vectors, making(results))
      : sectionsOf(results, samples),
  });
}

function sectionsOf(results: Results, samples: Samples | undefined): readonly Section[] {
  const learning = learningFigure(results);
  const cascades = cascadesTable(results);
  const classes = byClass(results, samples);
  const [coverage, efficiency] = [coverageFigure(results), efficiencyTable(results)];
  return [
    {id: 'answer', title: 'What was found', content: answer(results)},
    ...(results.budgets ? [{id: 'budgets', title: 'Budgets and costs', content: budgets(results)}] : []),
    {
      id: 'accuracy',
      title: results.truth === 'labels' ? 'Accuracy and agreement' : 'Agreement',
      content: html`${results.budgets && differencesFigure(results)}${accuracyFigure(results)}`,
    },
    ...section('learning', 'Learning', learning),
    ...section('tuning', 'Tuning', tuningFigure(results)),
    ...section('selection', 'Selection', selectionFigure(results)),
    ...section('classes', 'By class', classes),
    ...section('samples', 'Samples', samples && samplesContent(results, samples)),
    {id: 'calibration', title: 'Calibration', content: reliabilityFigure(results)},
    ...section('coverage', 'Coverage and agreement', coverage),
    ...section('cascades', 'In a cascade', cascades && cascadeContent(cascades)),
    ...section('efficiency', 'Speed and size', efficiency && efficiencyContent(efficiency)),
    {id: 'targets', title: 'What soft labels carry', content: html`${effects(results)}${entropyFigure(results)}`},
    {id: 'relation', title: 'Class relation', content: relationFigure(results)},
    ...section('earlier', 'Beside the earlier study', results.earlier && earlierContent(results, results.earlier)),
    {id: 'numbers', title: 'All numbers', content: numbers(results, samples)},
    {id: 'making', title: 'How it was made', content: making(results)},
  ];
}

function answer(results: Results): Html {
  const {headline, levels, cautions} = summarise(results);
  return html`<p class="headline">${budgetHeadline(results) ?? headline}</p>
<div class="answer">
<div>
<dl>${levels.map(({level, sentence}) => html`<dt>${levelName(level)}</dt><dd>${sentence}</dd>`)}</dl>
<div class="cautions"><ul>${cautions.map(caution => html`<li>${caution}</li>`)}</ul></div>
</div>
${budgetsFigure(results) ?? differencesFigure(results)}
</div>
${methodsTable(results)}`;
}

function budgets(results: Results): Html {
  return html`${exchangeTable(results)}
${costsFigure(results)}
${cheapestTable(results)}
${verdictsTable(results)}`;
}

function cascadeContent(table: Html): Html {
  return html`<p>The student answers what it is sure of, its teacher all else. The threshold was set by answers that neither trained the student nor chose anything else, so that over all requests the cascade agrees with the teacher as often as the target says, with the probability below it. That is no promise about a single class or a slice, nor about a world that has changed. The test split is a sample: its interval says how far it can tell.</p>
${table}`;
}

function numbers(results: Results, samples: Samples | undefined): Html {
  return html`${numbersTable(results, samples)}
${comparisonsTable(results)}
<details><summary>Every student by seed (${count(results.rows.length)})</summary>${seedsTable(results)}</details>`;
}

function making(results: Results): Html {
  const {engine, versions, sizes, students, seeds, classes, truth} = results;
  const facts: readonly (readonly [string, Content])[] = [
    ['Teacher', results.teacher.name],
    ...students.map(
      student => [students.length === 1 ? 'Student' : `Student ${student.name}`, studentText(student)] as const,
    ),
    results.vectors ? ['Vectors', vectorsText(results.vectors)] : ['Classes', count(classes.length)],
    ['Training split', counted(sizes.train, 'example')],
    ['Transfer set', counted(sizes.transfer, 'input')],
    ...(truth === 'labels' ? [['Validation split', counted(sizes.validation, 'example')] as const] : []),
    ['Test split', counted(sizes.test, 'example')],
    ['Seeds', list(seeds.map(String))],
    ['Engine', `${engine.name} ${engine.version}, ${counted(engine.threads, 'thread')} a student`],
    ['Versions', `limbeck ${versions.limbeck}, Node ${versions.node}`],
    ['Finished', html`<time datetime="${results.finishedAt}">${moment(results.finishedAt)}</time>`],
    ['Took', duration(results.seconds)],
  ];
  return html`${factsList(facts)}
${ledgerTable(results)}
${[...repeatabilitySentences(results), ...tuningSentences(results), ...choiceSentences(results), ...assistantSentences(results), ...nextSentences(results)].map(sentence => html`<p>${sentence}</p>`)}
${ledgerNote(results)}`;
}

/** Many layers are folded away: a residual network has dozens. */
function studentText({parameters, layers}: StudentShape): Content {
  const size = counted(parameters, 'parameter');
  if (layers.length < 8) return `${size}: ${layers.join('; ')}`;
  return html`${size}<details><summary>${counted(layers.length, 'layer')}</summary>${layers.join('; ')}</details>`;
}

import {relative, sep} from 'node:path';
import type {JointBudgets, QuestionResults, QuestionsResults} from '../joint/results.ts';
import {verdictsTable} from './budgets.ts';
import {factsList, reportDocument, type Section, section} from './document.ts';
import {earlierContent} from './earlier.ts';
import {colourOf, figure} from './figure.ts';
import {curvePlot, dotOf, type MethodCurve} from './figures/budgets.ts';
import {questionsFigure} from './figures/questions.ts';
import {count, counted, duration, list, moment, percent, percentage} from './format.ts';
import {type Content, type Html, html} from './html.ts';
import {bestJointly, jointCautions, jointHeadline, jointSetting} from './joint-summary.ts';
import {ledgerNote, ledgerTable} from './ledger.ts';
import {type Spread, spread, spreadOf} from './spread.ts';
import {cell, dataTable, heading, methodHeading, table, wordsHeading} from './table.ts';
import {typedCells, typedColumns} from './typed-numbers.ts';

interface JointReport {
  /** The folder of the page, from which it links to the report of each question. */
  readonly folder: string;
  /** The numbers that the page carries: `joint.json`. */
  readonly document: unknown;
}

/** The report of a study of several questions as one HTML document that stands alone, as that of each question does. */
export function renderJointReport(results: QuestionsResults, {folder, document}: JointReport): string {
  const {name, finishedAt, versions} = results;
  return reportDocument({
    ...{name, finishedAt, version: versions.limbeck, results: document},
    subject: 'all questions together',
    setting: jointSetting(results),
    sections: sectionsOf(results, folder),
  });
}

function sectionsOf(results: QuestionsResults, folder: string): readonly Section[] {
  const {budgets, earlier, joint} = results;
  const verdicts = verdictsTable(results);
  return [
    {id: 'answer', title: 'What was found', content: answer(results, folder)},
    ...section('budgets', 'Budgets', budgets && budgetsFigure(results, budgets)),
    ...section('verdicts', 'Verdicts on all questions', verdicts && html`<p>${ABOUT_VERDICTS}</p>${verdicts}`),
    {
      id: 'questions',
      title: 'Each question',
      content: results.questions.map(one => questionContent(one, results, folder)),
    },
    ...section(
      'earlier',
      'Beside the earlier study',
      earlier &&
        html`<p>Agreement on all questions of an input in both studies.</p>${earlierContent({methods: joint}, earlier)}`,
    ),
    {id: 'making', title: 'How it was made', content: making(results)},
  ];
}

const ABOUT_VERDICTS =
  'A student is right about an input if it names the teacher’s class for every question that the teacher answered. By this the methods are compared as they are on one question: over seeds and test inputs, paired by both.';

function answer(results: QuestionsResults, folder: string): Html {
  const best = bestJointly(results);
  const each = results.questions.map(one => {
    const {mean} = spreadOf(one.results, best, 'agreement');
    return html`<dt>${one.question.name} (${one.question.type})</dt><dd>“${best.method}” agrees with the teacher on ${percentage(mean)}. ${reportLink(one, folder)}</dd>`;
  });
  return html`<p class="headline">${jointHeadline(results)}</p>
<div class="answer">
<div>
<dl>${each}</dl>
<div class="cautions"><ul>${jointCautions(results).map(caution => html`<li>${caution}</li>`)}</ul></div>
</div>
${questionsFigure(results)}
</div>
${agreementTable(results)}`;
}

/** The folder of a question has a name that is safe in a path and an address. */
function reportLink({question, directory}: QuestionResults, folder: string): Html {
  const path = relative(folder, directory).split(sep).map(encodeURIComponent).join('/');
  return html`<a href="${path}/report.html">Report of ${question.name}</a>`;
}

/** Agreement of every method on all questions, and on each. */
function agreementTable({joint, questions, seeds}: QuestionsResults): Html {
  const rows = joint.map((method, index) => {
    const [low, high] = method.interval;
    const cells = [
      spreadCell(spread(method.seeds.map(({agreement}) => agreement))),
      cell(`${percent(low)} to ${percent(high)}`),
      ...questions.map(({results}) => spreadCell(spreadOf(results, method, 'agreement'))),
    ];
    return html`<tr>${methodHeading(method, index)}${cells}</tr>`;
  });
  const head = [
    wordsHeading('method'),
    heading('all questions', '%'),
    heading('interval', '95\u00a0%'),
    ...questions.map(({question}) => heading(question.name, '%')),
  ];
  const of =
    seeds.length > 1
      ? `: mean, and in small the sample standard deviation over ${counted(seeds.length, 'seed')}`
      : ', one seed';
  return table(`Agreement with the teacher on the test set${of}`, head, rows);
}

function spreadCell({mean, deviation}: Spread): Html {
  return cell(percent(mean), deviation === undefined ? undefined : `±\u00a0${percent(deviation)}`);
}

/** Joint agreement by the number of inputs. */
function budgetsFigure({joint, seeds}: QuestionsResults, {sizes, rows}: JointBudgets): Html {
  const curves = joint.map(({method}, index): MethodCurve => {
    const dots = sizes.flatMap(size => {
      const own = rows.filter(row => row.method === method && row.budget === size);
      const shares = own.map(({agreement}) => agreement);
      return dotOf(method, size, shares, size) ?? [];
    });
    return {name: method, colour: colourOf(index), dots};
  });
  const plot = curvePlot(curves, {
    axis: 'inputs that a student learned from, logarithmic',
    ...{ticks: sizes, tickText: count},
    label: 'Agreement on all questions by number of inputs, for each method',
    description: curves.flatMap(({dots}) => dots.map(({title}) => `${title}.`)).join(' '),
  });
  const band =
    seeds.length > 1 ? ' A line is the mean over the seeds, its band goes from the lowest to the highest.' : '';
  const numbers = dataTable({
    name: 'joint-budgets',
    columns: ['method', 'inputs', 'seed', 'agreement on all questions, %'],
    rows: rows.map(({method, budget, seed, agreement}) => [method, budget, seed, 100 * agreement]),
  });
  return figure(
    'figure-budgets',
    html`<div class="single">${plot}</div>`,
    `How often students give the teacher’s answers to all questions of a test input, by the number of inputs that they learned from.${band}`,
    numbers,
  );
}

const typeText = {choice: 'A choice', predicate: 'A predicate', score: 'A score'} as const;

/** What is asked, and every method by the measures of the question's type. */
function questionContent(one: QuestionResults, {joint, seeds}: QuestionsResults, folder: string): Html {
  const {question, results} = one;
  const columns = typedColumns(one);
  const rows = joint.map((method, index) => {
    const cells = columns.map(column => cell(...typedCells(one, method, column)));
    return html`<tr>${methodHeading(method, index)}${cells}</tr>`;
  });
  const head = [wordsHeading('method'), ...columns.map(({name, unit}) => heading(name, unit))];
  const of = seeds.length > 1 ? ': mean, and in small the sample standard deviation over the seeds' : ', one seed';
  return html`<h3>${question.name}</h3>
<p>${question.instructions && `${question.instructions} `}${typeText[question.type]}: ${list(results.classes.slice(0, 12))}${results.classes.length > 12 ? ' and others' : ''}. ${reportLink(one, folder)}</p>
${table(`${question.name} against the teacher${of}`, head, rows)}`;
}

function making({questions, sizes, seeds, versions, finishedAt, seconds}: QuestionsResults): Html {
  const {results} = questions[0]!;
  const facts: readonly (readonly [string, Content])[] = [
    ['Questions', list(questions.map(({question}) => question.name))],
    ['Training split', counted(sizes.train, 'example')],
    ['Transfer set', counted(sizes.transfer, 'input')],
    ['Test split', counted(sizes.test, 'example')],
    ['Seeds', list(seeds.map(String))],
    [
      'Engine',
      `${results.engine.name} ${results.engine.version}, ${counted(results.engine.threads, 'thread')} a student`,
    ],
    ['Versions', `limbeck ${versions.limbeck}, Node ${versions.node}`],
    ['Finished', html`<time datetime="${finishedAt}">${moment(finishedAt)}</time>`],
    ['Took', duration(seconds)],
  ];
  return html`${factsList(facts)}
<p>All questions are asked in the same requests. The ledger of the first question, “${questions[0]!.question.name}”, holds what was bought for all; the others found their answers there.</p>
${ledgerTable(results)}
${ledgerNote(results)}`;
}

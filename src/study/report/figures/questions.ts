import * as Plot from '@observablehq/plot';
import {intervalOfShares} from '../../../evaluate/compare-shares.ts';
import {mean} from '../../../evaluate/statistics.ts';
import type {JointMethodResult, QuestionResults, QuestionsResults} from '../../joint/results.ts';
import {colourOf, figure, swatch} from '../figure.ts';
import {counted, percent, percentage, shortened} from '../format.ts';
import {type Html, html} from '../html.ts';
import {drawn} from '../plot.ts';
import {rowsOf} from '../spread.ts';
import {dataTable} from '../table.ts';

/** The agreement of one method on one question, or on all together. */
interface Mark {
  readonly method: string;
  readonly colour: string;
  readonly seeds: JointMethodResult['seeds'];
  readonly mean: number;
  readonly interval: readonly [low: number, high: number];
}

interface Group {
  readonly name: string;
  readonly marks: readonly Mark[];
}

const WIDTH = 400;
const TOP = 8;
const BOTTOM = 44;
/** Height of a question's name, of a method's line, and of the space below them. */
const NAME = 24;
const LINE = 15;
const SPACE = 8;

/** Agreement on all questions together, then on each: a line a method, with every seed and an interval. */
export function questionsFigure(results: QuestionsResults): Html {
  const groups = groupsOf(results);
  const methods = results.joint.map(({method}, index) => html`<span>${swatch(colourOf(index))}${method}</span>`);
  return figure(
    'figure-questions',
    html`<div class="single">${plotOf(groups)}<p class="chips">${methods}</p></div>`,
    caption(results),
    data(groups),
  );
}

function groupsOf({joint, questions}: QuestionsResults): readonly Group[] {
  const together = joint.map(({method, agreement, interval, seeds}, index) => ({
    ...{method, colour: colourOf(index), seeds, mean: agreement, interval},
  }));
  return [
    {name: 'all questions', marks: together},
    ...questions.map(one => ({
      name: one.question.name,
      marks: joint.map((method, index) => markOf(one, method, index)),
    })),
  ];
}

function markOf({results}: QuestionResults, method: JointMethodResult, index: number): Mark {
  const {sizes, missing} = results;
  const seeds = rowsOf(results, method);
  const shares = seeds.map(({agreement}) => agreement);
  const interval = intervalOfShares({shares, inputs: sizes.test - (missing?.test.count ?? 0)});
  return {method: method.method, colour: colourOf(index), seeds, mean: mean(shares), interval};
}

function plotOf(groups: readonly Group[]): Html {
  const each = NAME + SPACE + LINE * groups[0]!.marks.length;
  const height = groups.length * each;
  const lines = groups.flatMap(({name, marks}, group) =>
    marks.map((mark, index) => ({...mark, name, y: group * each + NAME + (index + 0.5) * LINE})),
  );
  const names = groups.map(({name}, group) => ({name, y: group * each + NAME / 2, isFirst: group === 0}));
  const ends = lines.flatMap(({interval, seeds}) => [...interval, ...seeds.map(({agreement}) => agreement)]);
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const room = (high - low) * 0.05 || 0.01;
  const text = {
    y: 'y',
    text: ({name}: Group) => shortened(name, 44),
    frameAnchor: 'left',
    textAnchor: 'start',
  } as const;
  const paper = {fontSize: 13, stroke: 'var(--paper)', strokeWidth: 6, fill: 'currentColor'} as const;
  return drawn(
    {
      ...{width: WIDTH, height: TOP + height + BOTTOM, marginTop: TOP, marginBottom: BOTTOM},
      ...{marginLeft: 10, marginRight: 10},
      x: {domain: [100 * (low - room), 100 * (high + room)], label: null},
      y: {domain: [height, 0], axis: null},
      marks: [
        Plot.gridX({stroke: 'var(--rule)', strokeOpacity: 1, ticks: 6}),
        Plot.axisX({
          ...{label: 'test inputs given the teacher’s answer, %', labelAnchor: 'center', labelArrow: 'none'},
          ...{labelOffset: 38, ticks: 6, tickSize: 0, fontSize: 12},
        }),
        Plot.text(
          names.filter(({isFirst}) => isFirst),
          {...text, ...paper, fontWeight: 600},
        ),
        Plot.text(
          names.filter(({isFirst}) => !isFirst),
          {...text, ...paper},
        ),
        Plot.ruleY(lines, {
          y: 'y',
          x1: ({interval}) => 100 * interval[0],
          x2: ({interval}) => 100 * interval[1],
          stroke: 'colour',
          strokeWidth: 2,
        }),
        Plot.dot(
          lines.flatMap(({seeds, ...line}) => seeds.map(one => ({...line, ...one}))),
          {
            ...{x: ({agreement}) => 100 * agreement, y: 'y', r: 3, fill: 'colour', fillOpacity: 0.5},
            title: ({name, method, seed, agreement}) => `${name}, ${method}, seed ${seed}: ${percentage(agreement)}`,
          },
        ),
        Plot.ruleX(lines, {
          x: line => 100 * line.mean,
          y1: ({y}) => y - 5,
          y2: ({y}) => y + 5,
          stroke: 'colour',
          strokeWidth: 3,
        }),
      ],
    },
    {
      label: 'Agreement on all questions and on each, by method',
      description: lines.map(({name, method, mean: middle}) => `${name}, ${method}: ${percent(middle)} %.`).join(' '),
    },
  );
}

function data(groups: readonly Group[]): Html {
  return dataTable({
    name: 'questions',
    columns: ['question', 'method', 'seed', 'agreement, %', 'mean, %', 'low', 'high'],
    rows: groups.flatMap(({name, marks}) =>
      marks.flatMap(({method, seeds, mean: middle, interval}) =>
        seeds.map(({seed, agreement}) => [
          ...[name, method, seed],
          ...[agreement, middle, ...interval].map(share => 100 * share),
        ]),
      ),
    ),
  });
}

function caption({seeds, questions}: QuestionsResults): string {
  const dots =
    seeds.length > 1
      ? 'A dot is one seed, the upright bar the mean, the line its 95\u00a0% interval over seeds and test inputs'
      : 'The upright bar is the one student that was trained, the line its 95\u00a0% interval over test inputs alone';
  return `How often students agree with the teacher: on all ${counted(questions.length, 'question')} of an input at once, and on each. ${dots}. These intervals take each method alone; the verdicts on pairs of methods are sharper, because both answer the same inputs.`;
}

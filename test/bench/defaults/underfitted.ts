/** How often students are called underfitted that are not, and how often those that are: `npm run bench:underfitted`. */
import {appendFileSync, readFileSync} from 'node:fs';
import {parseArgs} from 'node:util';
import Table from 'cli-table3';
import {
  adam,
  hardLabels,
  type Knowledge,
  type Optimizer,
  predictLogits,
  sgd,
  softLabels,
  startEngine,
  train,
} from 'limbeck';
import {accuracy, argmaxRows} from 'limbeck/metrics';
import {selectInputs, type TensorInputs} from '../../../src/data/inputs.ts';
import {type RandomGenerator, randomFraction, randomInteger, seededRandom} from '../../../src/data/random.ts';
import {asSplit, type Split} from '../../../src/data/split.ts';
import {exactInterval} from '../../../src/statistics/bounds.ts';
import {defaultOptimizer, defaultSchedule} from '../../../src/train/defaults.ts';
import {courseOf, type Judged, judgeFit, mostFrequentShare} from '../../../src/train/fit.ts';
import type {Epoch} from '../../../src/train/options.ts';
import {ratesOf} from '../../../src/train/schedule.ts';
import {PARTS, partOf} from '../../../src/train/trend.ts';
import {CHOSEN_ON, type DrawnTask, JUDGED_ON} from './tasks.ts';

const {values: flags} = parseArgs({
  options: {
    chosen: {type: 'boolean', default: false},
    tasks: {type: 'string', default: '60'},
    from: {type: 'string', multiple: true, default: []},
    jsonl: {type: 'string'},
  },
});
const families = flags.chosen ? CHOSEN_ON : JUDGED_ON;

/** A student, and what longer training makes of it. */
interface Row {
  readonly family: string;
  readonly task: number;
  /** The optimizer. */
  readonly setting: string;
  /** The kind of the answers. */
  readonly answers: string;
  readonly count: number;
  readonly judged: Judged;
  /**
   * Agreement with the teacher on inputs apart: after the run, one of twice and one of four times its length, and one by
   * the defaults, up to the first that is better by `BETTER`.
   */
  readonly agreements: readonly number[];
}

const OPTIMIZERS: Readonly<Record<string, () => Optimizer | undefined>> = {
  default: () => undefined,
  'Adam 0.001': () => adam(),
  'Adam 0.003': () => adam({learningRate: 0.003}),
  'Adam 0.01': () => adam({learningRate: 0.01}),
  'SGD 0.01': () => sgd({learningRate: 0.01}),
};

const ANSWERS = [60, 100, 200, 300, 600];
const STEPS = [50, 100, 200, 400, 800];
const KINDS = ['log-probabilities', 'labels', 'drawn labels'] as const;
const VALIDATION = 100;
const TEST = 4000;

/** Agreement that longer training must add for a student to have been underfitted. */
const BETTER = 0.02;

/** What adds less has nothing left to add. */
const AS_GOOD = 0.005;

function oneOf<T>(random: RandomGenerator, values: readonly T[]): T {
  return values[randomInteger(random, 0, values.length - 1)]!;
}

async function drawn(family: string, task: number): Promise<Row> {
  const random = seededRandom(task, family);
  const [answers, steps, kind] = [oneOf(random, ANSWERS), oneOf(random, STEPS), oneOf(random, KINDS)];
  const setting = oneOf(random, Object.keys(OPTIMIZERS));
  const validated = randomFraction(random) < 1 / 3;
  const made = await families[family]!(random, answers + VALIDATION + TEST);
  const shares = {
    knowledge: knowledgeOf(made, answers, kind, random),
    validation: validated ? asSplit('validation', partOfTask(made, answers, answers + VALIDATION)) : undefined,
    test: partOfTask(made, answers + VALIDATION, made.inputs.count),
  };
  const {judged, agreement} = await ran(made, shares, {steps, setting, seed: task});
  const agreements = [agreement];
  for (const better of [
    {steps: 2 * steps, setting},
    {steps: 4 * steps, setting},
    {steps: 1000, setting: 'default'},
  ]) {
    if (Math.max(...agreements) < agreement + BETTER)
      agreements.push((await ran(made, shares, {...better, seed: task})).agreement);
  }
  return {family, task, setting, answers: kind, count: answers, judged, agreements};
}

function knowledgeOf(made: DrawnTask, count: number, kind: (typeof KINDS)[number], random: RandomGenerator): Knowledge {
  const {inputs, labels, logProbabilities} = partOfTask(made, 0, count);
  const shared = {inputs, classes: Array.from({length: made.classes}, (_, k) => `${k}`)};
  if (kind === 'log-probabilities') {
    const source = {access: 'gray-box', identity: {bench: 'underfitted'}} as const;
    return {...shared, source, detail: {kind}, answers: {kind, count, logProbabilities}};
  }
  const said =
    kind === 'labels' ? labels : labels.map((_, row) => drawnClass(logProbabilities, made.classes, row, random));
  const source = {access: 'black-box', identity: {bench: 'underfitted'}} as const;
  return {...shared, source, detail: {kind: 'label'}, answers: {kind: 'label', count, labels: said}};
}

function drawnClass(logProbabilities: Float32Array, classes: number, row: number, random: RandomGenerator): number {
  let left = randomFraction(random);
  for (let k = 0; k < classes - 1; k++) {
    left -= Math.exp(logProbabilities[row * classes + k]!);
    if (left < 0) return k;
  }
  return classes - 1;
}

function partOfTask({inputs, logProbabilities, classes}: DrawnTask, from: number, to: number) {
  const rows = Int32Array.from({length: to - from}, (_, index) => from + index);
  const part = logProbabilities.slice(from * classes, to * classes);
  return {
    inputs: selectInputs(inputs, rows) as TensorInputs,
    labels: Int32Array.from(argmaxRows(part, classes)),
    logProbabilities: part,
  };
}

interface Shares {
  readonly knowledge: Knowledge;
  readonly validation: Split<'validation'> | undefined;
  readonly test: {readonly inputs: TensorInputs; readonly labels: Int32Array};
}

interface Setting {
  readonly steps: number;
  readonly setting: string;
  readonly seed: number;
}

async function ran(made: DrawnTask, {knowledge, validation, test}: Shares, {steps, setting, seed}: Setting) {
  const {classes, answers} = knowledge;
  const student = made.student({classes, inputShape: made.inputs.shape, preprocessing: {}}, seed);
  const losses = [answers.kind === 'label' ? hardLabels() : softLabels()];
  const chosen = OPTIMIZERS[setting]!();
  const [course, epochs]: [Float64Array, Epoch[]] = [new Float64Array(PARTS), []];
  let all = steps;
  let trainingAgreement = 0;
  const run = train(student, knowledge, {
    ...{steps, losses, seed, validation, optimizer: chosen},
    onStep: ({step, steps: planned, loss}) => {
      all = planned;
      course[partOf(step - 1, planned)]! += loss;
    },
    onFit: fit => {
      trainingAgreement = fit.trainingAgreement;
    },
  });
  for await (const epoch of run) epochs.push(epoch);
  const optimizer = chosen ?? defaultOptimizer(student, all);
  const schedule = defaultSchedule(student, chosen);
  const judged = {
    ...{trainingAgreement, steps: all, stopped: false},
    mostFrequent: mostFrequentShare(labelsOf(knowledge)),
    ...courseOf({steps: all, rates: ratesOf(schedule, all, optimizer)}, {course, epochs}),
  };
  const agreement = accuracy(await predictLogits(student, test.inputs), test.labels, classes.length);
  student.model.dispose();
  return {judged, agreement};
}

function labelsOf({answers, classes}: Knowledge): Int32Array {
  if (answers.kind === 'label') return answers.labels;
  if (answers.kind === 'log-probabilities')
    return Int32Array.from(argmaxRows(answers.logProbabilities, classes.length));
  throw new Error(`No labels in ${answers.kind}.`);
}

await startEngine();
const start = performance.now();
const rows: Row[] = flags.from.flatMap(read);
for (let task = 1; flags.from.length === 0 && task <= Number(flags.tasks); task++) {
  for (const family of Object.keys(families)) {
    const row = await drawn(family, task);
    rows.push(row);
    if (flags.jsonl) appendFileSync(flags.jsonl, `${JSON.stringify(row)}\n`);
  }
}

function read(path: string): Row[] {
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  return lines.map(line => JSON.parse(line) as Row);
}

const gainOf = ({agreements: [first, ...others]}: Row): number => Math.max(...others) - first!;

/** How many of some rows are called underfitted, with the exact interval that contains their share at 95 %. */
function called(some: readonly Row[]): string {
  const count = some.filter(({judged}) => judgeFit(judged).underfitted).length;
  if (some.length === 0) return 'none';
  const [low, high] = exactInterval(count, some.length).map(share => (100 * share).toFixed(1));
  return `${count} of ${some.length} (${low} to ${high} %)`;
}

function cells(name: string, some: readonly Row[]): string[] {
  const better = some.filter(row => gainOf(row) >= BETTER);
  const asGood = some.filter(row => gainOf(row) < AS_GOOD);
  return [
    name,
    called(better),
    called(some.filter(row => !better.includes(row) && !asGood.includes(row))),
    called(asGood),
  ];
}

const table = new Table({
  head: ['tasks', 'better by 2 points', 'between', 'by less than 0.5'],
  style: {head: [], border: []},
});
for (const family of Object.keys(families)) {
  table.push(
    cells(
      family,
      rows.filter(row => row.family === family),
    ),
  );
}
table.push(cells('all', rows));
const minutes = ((performance.now() - start) / 60_000).toFixed(0);
console.log(
  `${table.toString()}\nStudents called underfitted, by what longer training makes of them. Each has a task of its own. ${minutes} minutes.`,
);

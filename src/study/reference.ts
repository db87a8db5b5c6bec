import {collectAnswered, type Missing} from '../ask/collect.ts';
import {withProgress} from '../ask/progress/meter.ts';
import {type Distributions, distributionsOf} from '../data/arrays.ts';
import {selectRows} from '../data/inputs.ts';
import {type Evaluation, evaluate} from '../evaluate/metrics.ts';
import {type Answers, answerAt, type VectorAnswers} from '../knowledge/answers.ts';
import {namedBy} from '../knowledge/coarsen.ts';
import type {Detail, Teacher} from '../teacher.ts';
import {checkAllowed, checkAsked} from './missing.ts';
import type {LedgerTotals, MissingInputs} from './results.ts';
import type {Study} from './study.ts';

/** The answers that students are measured against: those of the teacher that shows most, about the test split. */
export interface Reference {
  readonly name: string;
  /** Inputs of the test split without an answer. Nothing below is about them. */
  readonly missing: MissingInputs;
  /** [answered], indices in the test split of the inputs that have an answer, in its order. */
  readonly rows: Int32Array;
  /** [test split], the classes that it names; -1 for an input without an answer. */
  readonly named: Int32Array;
  /** [answered], the classes that it names; of a teacher that shows expected levels, see `namedBy`. */
  readonly labels: Int32Array;
  /** [answered], from 0 to classes − 1; undefined of a teacher that shows more or less. */
  readonly expectedLevels: Float32Array | undefined;
  /** [answered, classes], or log-probabilities; undefined of a teacher that shows less. */
  readonly logits: Float32Array | undefined;
  /** [answered]; undefined of a teacher that names classes. Of one that gives vectors, `labels` and `truth` are empty. */
  readonly vectors: VectorAnswers | undefined;
  /** [answered], those of the logits. */
  readonly distributions: Distributions | undefined;
  /** [answered], the true classes; the same as `labels` if nobody knows them. */
  readonly truth: Int32Array;
  /** Against the true labels; of labels alone only the accuracy is known, and the rest is NaN, as all is without truth. */
  readonly metrics: Pick<Evaluation, 'accuracy' | 'nll' | 'ece'>;
  readonly ledger: LedgerTotals;
}

/**
 * Asks the teacher that shows most about the test split, for measurement: nothing of it is trained on.
 *
 * @throws KnowledgeError if more inputs are left without an answer than the study allows, or another run may answer some
 */
export async function askReference(study: Study): Promise<Reference> {
  const {reference: access, data} = study.recipe;
  const level = study.openLevel(access);
  const {teacher, ledger} = level;
  const {test} = data;
  const {inputs} = test;
  const detail = measurable(teacher.detail);
  const task = {task: `ask ${access} about the test split`, total: inputs.count};
  const {knowledge, missing: left} = await withProgress(study, level, task, progress =>
    collectAnswered(teacher, {role: 'transfer', inputs}, {detail, ...progress}),
  );
  const leftOut = {teacher: teacher.name, missing: left, total: inputs.count};
  checkAsked(leftOut);
  const missing = checkAllowed(study, leftOut, 'Nothing is measured on them.');
  const rows = rowsWithout(inputs.count, left);
  const {answers} = knowledge;
  const whose = {name: teacher.name, missing, rows, ledger: ledger.snapshot()};
  if (answers.kind === 'vector') return {...whose, ...NAMES_NONE, vectors: answers};
  const classes = data.classes.length;
  const logits = answers.kind === 'log-probabilities' ? answers.logProbabilities : undefined;
  const distributions = logits && distributionsOf(logits, classes);
  const expectedLevels = answers.kind === 'expected' ? answers.levels : undefined;
  if (expectedLevels) study.onNote(noteOnLevels(teacher));
  const labels = distributions?.named ?? labelsOf(answers);
  const named = new Int32Array(inputs.count).fill(-1);
  for (const [index, row] of rows.entries()) named[row] = labels[index]!;
  const found = {...whose, named, labels, expectedLevels, logits, distributions, vectors: undefined};
  if (!('labels' in test)) return {...found, truth: labels, metrics: UNKNOWN};
  const truth = selectRows(test.labels, 1, rows);
  if (distributions) return {...found, truth, metrics: evaluate(distributions, truth)};
  const right = labels.filter((label, index) => label === truth[index]).length;
  return {...found, truth, metrics: {...UNKNOWN, accuracy: right / labels.length}};
}

/** [answered], indices of the inputs that have an answer. */
function rowsWithout(count: number, missing: readonly Missing[]): Int32Array {
  const without = new Set(missing.map(({index}) => index));
  return Int32Array.from({length: count}, (_, row) => row).filter(row => !without.has(row));
}

function labelsOf(answers: Answers): Int32Array {
  if (answers.kind === 'label') return answers.labels;
  return Int32Array.from({length: answers.count}, (_, row) => namedBy(answerAt(answers, row, 0)));
}

function noteOnLevels({name}: Pick<Teacher, 'name'>): string {
  return (
    `${name} shows expected levels alone: students are measured against the level that is nearest to each. Half way ` +
    'between two it is the higher one.'
  );
}

const UNKNOWN = {accuracy: Number.NaN, nll: Number.NaN, ece: Number.NaN};

/** What is known of classes by vectors. */
const NAMES_NONE = {
  named: new Int32Array(),
  labels: new Int32Array(),
  truth: new Int32Array(),
  expectedLevels: undefined,
  logits: undefined,
  distributions: undefined,
  metrics: UNKNOWN,
};

/** Whole distributions if the teacher gives them, else its labels; expected levels or vectors if it gives those alone. */
export function measurable({kind}: Detail): Detail {
  if (kind === 'expected' || kind === 'vector') return {kind};
  return kind === 'logits' || kind === 'log-probabilities' ? {kind: 'log-probabilities'} : {kind: 'label'};
}

import {answeredRows, argmaxRows, distributionsOf} from '../data/arrays.ts';
import {selectRows} from '../data/inputs.ts';
import {readRows} from '../data/logs/rows.ts';
import {readsTexts} from '../data/reading.ts';
import {nameOf} from '../data/texts/blocks.ts';
import {formatOf} from '../data/texts/read.ts';
import {locationOf, recordOf, type TextRecord} from '../data/texts/record.ts';
import {InputError} from '../errors.ts';
import {type Evaluation, evaluate, type JointAgreement, jointAgreement} from '../evaluate/metrics.ts';
import {type TypedMeasures, typedMeasures} from '../evaluate/typed-measures.ts';
import {columnsOf, type HeadColumns, headsOf} from '../student/heads.ts';
import type {InferenceOptions} from '../student/inference.ts';
import {predictLogits} from '../student/predict.ts';
import type {Student} from '../student/student.ts';

/** True if a path is a table or JSON lines, which can hold texts with labels. Others are recipes. */
export function holdsLabels(path: string): boolean {
  const format = formatOf(path);
  return format !== undefined && format !== 'lines';
}

/** How well a student knows the labels of one question. */
export interface HeadMeasures extends Partial<Omit<Evaluation, 'accuracy'>> {
  /** The question, or the column with the labels if the student has none. */
  readonly name: string;
  /** Number of texts with a label. */
  readonly labelled: number;
  /** Share of them to which the student gives the same class, the most probable one. */
  readonly agreement: number;
  /** By the type of the question; absent if the student has none. */
  readonly typed?: TypedMeasures | undefined;
  /** Share of them of which the student is sure enough. Absent without a threshold. */
  readonly coverage?: number | undefined;
}

export interface FileMeasures {
  readonly questions: readonly HeadMeasures[];
  /** Agreement on all labelled questions of a text. */
  readonly joint: JointAgreement;
}

/**
 * Measures a student on a file of texts that has a column with labels for each of its questions, under the name of the
 * question. For a student without questions it is the column `label`.
 *
 * @throws InputError if the student reads no texts, a column is missing, or a label is none of the classes
 */
export async function measureOnFile(student: Student, path: string, options: InferenceOptions): Promise<FileMeasures> {
  if (!readsTexts(student.reading)) {
    throw new InputError(`${path} is read as texts with labels, and the student reads none. Name a recipe instead.`);
  }
  const heads = headsOf(student);
  const {texts, taught} = await readLabelled(path, heads);
  if (texts.length === 0) throw new InputError(`There are no texts in ${path}.`);
  const logits = await predictLogits(student, {kind: 'text', count: texts.length, texts}, options);
  const own = heads.map(head => columnsOf(logits, texts.length, head));
  const cells = (labels: readonly ArrayLike<number>[]) => texts.flatMap((_, row) => labels.map(one => one[row]!));
  const named = own.map((part, index) => argmaxRows(part, heads[index]!.classes.length));
  return {
    questions: heads.map((head, index) => measuresOf(head, own[index]!, taught[index]!)),
    joint: jointAgreement(cells(taught), cells(named), heads.length),
  };
}

interface LabelledTexts {
  readonly texts: readonly string[];
  /** By head and text, its class; -1 if it has no label. */
  readonly taught: readonly (readonly number[])[];
}

const columnOf = ({question}: HeadColumns): string => question?.name ?? 'label';

async function readLabelled(path: string, heads: readonly HeadColumns[]): Promise<LabelledTexts> {
  const texts: string[] = [];
  const taught = heads.map((): number[] => []);
  for await (const rows of readRows(path)) {
    for (const {line, fields} of rows) {
      const location = {file: nameOf(path), line};
      if (fields === undefined)
        throw new InputError(`${locationOf(location)}: no JSON object. Write one on each line.`);
      for (const [index, head] of heads.entries()) {
        const label = columnOf(head);
        const record = recordOf(fields, location, {text: 'text', label, id: undefined}, {label});
        if (index === 0) texts.push(record.text);
        taught[index]!.push(classIn(record, head));
      }
    }
  }
  return {texts, taught};
}

/** The class that a label names. Of a predicate it can also be true or false, or 1 or 0. */
function classIn(record: TextRecord, head: HeadColumns): number {
  const {label} = record;
  if (label === undefined) return -1;
  const {classes, question} = head;
  const truth = ['false', '0', 'true', '1'].indexOf(label.toLowerCase());
  const index = classes.indexOf(label);
  if (index !== -1) return index;
  if (question?.type === 'predicate' && truth !== -1) return truth < 2 ? 0 : 1;
  throw new InputError(
    `${locationOf(record)}: \`${label}\` in \`${columnOf(head)}\` is none of its classes: ${classes.join(', ')}.`,
  );
}

/**
 * @param logits - [count, classes]
 * @param taught - [count]
 */
function measuresOf(head: HeadColumns, logits: Float32Array, taught: readonly number[]): HeadMeasures {
  const {classes, question, calibration} = head;
  const {temperature = 1, threshold} = calibration ?? {};
  const rows = answeredRows(taught);
  const name = columnOf(head);
  if (rows.length === 0)
    throw new InputError(`No text has a label in \`${name}\`. Give some, or leave the question out.`);
  const labels = rows.map(row => taught[row]!);
  const student = distributionsOf(selectRows(logits, classes.length, rows), classes.length, temperature);
  const {accuracy: agreement, ...others} = evaluate(student, labels);
  const isSure = (confidence: number) => confidence >= (threshold ?? 0);
  return {
    ...{name, labelled: rows.length, agreement, ...others},
    typed: question && typedMeasures(question, student.logProbabilities, labels),
    coverage: threshold === undefined ? undefined : student.confidences.filter(isSure).length / rows.length,
  };
}

/** The measures of a file as lines for people: a block for each question, then the agreement on all of them. */
export function fileText({questions, joint}: FileMeasures): string {
  const blocks = questions.map(({name, typed, coverage, ...measures}) => {
    const {type, ...others} = typed ?? {};
    const lines = Object.entries({...measures, coverage, ...others}).flatMap(([measure, value]) => {
      const title = TITLES[measure];
      return title && value !== undefined && !Number.isNaN(value)
        ? [`  ${title.padEnd(26)}${shown(measure, value)}`]
        : [];
    });
    return [`${name}${type === undefined ? '' : ` (${type})`}`, ...lines].join('\n');
  });
  if (questions.length === 1) return blocks[0]!;
  return [...blocks, `All questions of a text: ${shown('agreement', joint.agreement)} of ${joint.inputs}`].join('\n\n');
}

/** The measures that are printed. JSON has all. */
const TITLES: Readonly<Record<string, string>> = {
  labelled: 'Labelled texts',
  agreement: 'Agreement',
  macroF1: 'Macro-F1',
  nll: 'NLL',
  ece: 'ECE',
  coverage: 'Sure enough',
  yes: 'Labelled yes',
  precision: 'Precision of yes',
  recall: 'Recall of yes',
  f1: 'F1 of yes',
  auroc: 'AUROC',
  averagePrecision: 'Average precision',
  withinOne: 'Within one level',
  mae: 'Mean absolute error',
  bias: 'Bias',
  quadraticKappa: 'Quadratic weighted kappa',
  spearman: 'Spearman correlation',
};

const COUNTS = ['labelled', 'yes'];
const SHARES = ['agreement', 'macroF1', 'ece', 'coverage', 'precision', 'recall', 'f1', 'withinOne'];

function shown(measure: string, value: number): string {
  if (COUNTS.includes(measure)) return String(value);
  return SHARES.includes(measure) ? `${(100 * value).toFixed(2)} %` : value.toFixed(4);
}

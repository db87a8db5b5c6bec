import type {Inputs} from '../data/inputs.ts';
import type {Split} from '../data/split.ts';
import {InputError} from '../errors.ts';
import {accuracy, nll} from '../evaluate/metrics.ts';
import {columnsOf} from '../student/heads.ts';
import {predictLogits} from '../student/predict.ts';
import type {Student} from '../student/student.ts';
import {ASSISTANT, checkNames, type Lesson} from './lessons.ts';

/** Inputs with the true labels of several questions, to validate a student that answers them. */
export interface JointSplit {
  readonly role: 'validation';
  readonly inputs: Inputs;
  /** The indices of the true classes, one for each input, by the name of the question. Those without labels are left out. */
  readonly labels: Readonly<Record<string, Int32Array>>;
}

/** A measurement on the validation split. */
export interface Measured {
  readonly accuracy: number;
  readonly nll: number;
}

/** A measurement of a student of several questions, by their names; undefined for a student of one. */
export interface JointlyMeasured {
  /** The means over the questions, by their weights. */
  readonly whole: Measured;
  readonly questions: Readonly<Record<string, Measured>> | undefined;
}

type Validation = Split<'validation'> | JointSplit;

/** @throws InputError if the labels are not those of the student's questions */
export function checkValidation({inputs, labels}: Validation, lessons: readonly Lesson[]): void {
  if (lessons.some(({knowledge}) => knowledge.detail.kind === 'vector')) {
    throw new InputError(
      'Vectors have no labels to validate. Leave `validation` out, and measure with `evaluateVectors`.',
    );
  }
  const names = lessons.flatMap(({name}) => (name === undefined || name === ASSISTANT ? [] : [name]));
  if (isOneList(labels)) {
    if (names.length === 0) return;
    throw new InputError(
      `The student answers ${names.length} questions. Give \`validation.labels\` as an object with a list for each: ${names.join(', ')}.`,
    );
  }
  if (names.length === 0) throw new InputError('The student answers one question: give `validation.labels` as a list.');
  const given = Object.entries(labels);
  if (given.length === 0)
    throw new InputError('`validation.labels` has labels of no question. Give those of one at least.');
  checkNames('`validation.labels`', Object.keys(labels), names);
  for (const [name, own] of given) {
    if (own.length === inputs.count) continue;
    throw new InputError(
      `\`validation\` has ${inputs.count} inputs but ${own.length} labels of \`${name}\`. Give each input one.`,
    );
  }
}

function isOneList(labels: Validation['labels']): labels is Int32Array {
  return ArrayBuffer.isView(labels) || Array.isArray(labels);
}

/** Measures a student on the validation split: every question that has labels, in one pass. */
export async function measureOn(
  {inputs, labels}: Validation,
  student: Student,
  lessons: readonly Lesson[],
  {compile = true, signal}: {readonly compile?: boolean | undefined; readonly signal?: AbortSignal | undefined},
): Promise<JointlyMeasured> {
  const logits = await predictLogits(student, inputs, {compile, signal});
  if (isOneList(labels)) return {whole: measured(logits, labels, student.classes.length), questions: undefined};
  const own = lessons.flatMap(({name, head, weight}) => {
    const truth = labels[name!];
    if (truth === undefined) return [];
    return {name: name!, weight, ...measured(columnsOf(logits, inputs.count, head), truth, head.classes.length)};
  });
  const all = own.reduce((sum, {weight}) => sum + weight, 0);
  const meanOf = (key: keyof Measured) => own.reduce((sum, one) => sum + one.weight * one[key], 0) / all;
  return {
    whole: {accuracy: meanOf('accuracy'), nll: meanOf('nll')},
    questions: Object.fromEntries(own.map(({name, accuracy, nll}) => [name, {accuracy, nll}])),
  };
}

function measured(logits: Float32Array, labels: Int32Array, classes: number): Measured {
  return {accuracy: accuracy(logits, labels, classes), nll: nll(logits, labels, classes)};
}

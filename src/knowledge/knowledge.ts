import {type Inputs, selectInputs} from '../data/inputs.ts';
import type {Examples, Unlabelled} from '../data/split.ts';
import {InputError} from '../errors.ts';
import type {Question} from '../question.ts';
import type {Access, Detail, Teacher} from '../teacher.ts';
import {type Answers, coarsenAnswers, selectAnswers} from './answers.ts';

/** A transfer set with its answers. Students train from nothing else. */
export interface Knowledge {
  /** The teacher that answered; `truth` for a baseline that learns from true labels. */
  readonly source: {readonly access: Access | 'truth'; readonly identity: Teacher['identity']};
  readonly classes: readonly string[];
  /** The question that was asked, if the teacher has several. */
  readonly question?: Question;
  /** The detail of every answer. */
  readonly detail: Detail;
  readonly inputs: Inputs;
  /** Row i answers input i. */
  readonly answers: Answers;
  /**
   * The number of versions of each input. They follow one another, the clean one first if it is among them. Each has
   * its own answer, and an epoch of training takes one of them.
   *
   * @default 1
   */
  readonly versions?: number;
  /**
   * Indices of inputs (versions count as one) that were drawn at random and set apart: their answers calibrate students
   * and do nothing else.
   *
   * @default the calibration draws some itself, because all inputs were drawn at random
   */
  readonly calibrationInputs?: readonly number[];
  /**
   * The number of inputs that were drawn and asked about like these, and have no answer.
   *
   * @default 0
   */
  readonly unanswered?: number;
}

/**
 * Knowledge whose rows are read when they are needed, so that it takes no more memory than a batch. See
 * `openKnowledge`.
 */
export interface StoredKnowledge extends Omit<Knowledge, 'inputs' | 'answers'> {
  /** The number of inputs and of their answers. */
  readonly count: number;
  /** The named inputs, in that order. */
  readInputs(rows: ArrayLike<number>): Promise<Inputs>;
  /** The answers to the named inputs, in that order. */
  readAnswers(rows: ArrayLike<number>): Promise<Answers>;
  close(): Promise<void>;
}

/** The number of rows, each an input with its answer. Versions of one input count separately. */
export function countOf(knowledge: Pick<Knowledge, 'inputs'> | Pick<StoredKnowledge, 'count'>): number {
  return 'inputs' in knowledge ? knowledge.inputs.count : knowledge.count;
}

/** Number of rows read at a time. Knowledge on disk needs memory for only these. */
const BLOCK = 4096;

/** All rows of so many, in blocks that are read one after the other. */
export function* rowBlocks(count: number): Generator<Int32Array, void, void> {
  for (let start = 0; start < count; start += BLOCK) {
    yield Int32Array.from({length: Math.min(BLOCK, count - start)}, (_, row) => start + row);
  }
}

/** The named inputs, in that order, from memory or from the file. */
export async function inputsAt(
  knowledge: Pick<Knowledge, 'inputs'> | Pick<StoredKnowledge, 'readInputs'>,
  rows: ArrayLike<number>,
): Promise<Inputs> {
  return 'inputs' in knowledge ? selectInputs(knowledge.inputs, rows) : knowledge.readInputs(rows);
}

/** The answers to the named inputs, in that order, from memory or from the file. */
export async function answersAt(knowledge: Knowledge | StoredKnowledge, rows: ArrayLike<number>): Promise<Answers> {
  if (!('answers' in knowledge)) return knowledge.readAnswers(rows);
  return selectAnswers(knowledge.answers, rows, knowledge.classes.length);
}

/**
 * The same knowledge with answers that hold less, for a student that may see no more.
 *
 * @throws KnowledgeError if they do not hold that much
 */
export function coarsenKnowledge(knowledge: Knowledge, detail: Detail): Knowledge {
  return {...knowledge, detail, answers: coarsenAnswers(knowledge.answers, detail, knowledge.classes.length)};
}

/**
 * True labels in the form of a teacher's answers, for the baseline that learns without a teacher.
 *
 * @throws InputError if there are none
 */
export function trueLabels(examples: Examples | Unlabelled, classes: readonly string[]): Knowledge {
  if (!('labels' in examples)) throw new InputError('The training inputs have no true labels to learn from.');
  const {inputs, labels} = examples;
  return {
    source: {access: 'truth', identity: {}},
    classes,
    detail: {kind: 'label'},
    inputs,
    answers: {kind: 'label', count: labels.length, labels},
  };
}

/**
 * The named inputs of knowledge in all their versions, with their answers. If the knowledge is in memory, the part is
 * in memory; otherwise its rows are read when they are needed.
 */
export function partOf(knowledge: Knowledge | StoredKnowledge, inputs: ArrayLike<number>): Knowledge | StoredKnowledge {
  const rows = rowsOf(knowledge, inputs);
  const {calibrationInputs: _, unanswered: __, ...head} = knowledge;
  if ('inputs' in head) {
    const answers = selectAnswers(head.answers, rows, head.classes.length);
    return {...head, inputs: selectInputs(head.inputs, rows), answers};
  }
  const at = (indices: ArrayLike<number>) => Array.from(indices, index => rows[index]!);
  return {
    ...head,
    count: rows.length,
    readInputs: indices => head.readInputs(at(indices)),
    readAnswers: indices => head.readAnswers(at(indices)),
    // The whole is closed by its opener.
    close: async () => {},
  };
}

/**
 * The first inputs of knowledge, in all their versions. Inputs without an answer stay counted in full, since nobody knows how
 * many of them were asked about among the first: what is proven by the others errs on the safe side.
 */
export function firstInputs<K extends Knowledge | StoredKnowledge>(knowledge: K, count: number): K {
  const {versions = 1, calibrationInputs, unanswered} = knowledge;
  const inputs = Math.min(count, countOf(knowledge) / versions);
  const part = partOf(
    knowledge,
    Array.from({length: inputs}, (_, input) => input),
  );
  return {
    ...(part as K),
    ...(calibrationInputs && {calibrationInputs: calibrationInputs.filter(input => input < inputs)}),
    ...(unanswered && {unanswered}),
  };
}

/** The same part, read into memory. */
export async function readPart(knowledge: Knowledge | StoredKnowledge, inputs: ArrayLike<number>): Promise<Knowledge> {
  const {source, classes, detail, versions = 1} = knowledge;
  const rows = rowsOf(knowledge, inputs);
  const [read, answers] = await Promise.all([inputsAt(knowledge, rows), answersAt(knowledge, rows)]);
  return {source, classes, detail, inputs: read, answers, ...(versions > 1 && {versions})};
}

/** The first version of each input, which is the clean one if it is there, with their answers. */
export async function readFirstVersions(
  knowledge: Knowledge | StoredKnowledge,
  inputs: ArrayLike<number>,
): Promise<Pick<Knowledge, 'inputs' | 'answers'>> {
  const {versions = 1} = knowledge;
  const rows = Array.from(inputs, input => input * versions);
  const [read, answers] = await Promise.all([inputsAt(knowledge, rows), answersAt(knowledge, rows)]);
  return {inputs: read, answers};
}

/** The rows of the named inputs, each with all its versions. */
export function rowsOf({versions = 1}: Pick<Knowledge, 'versions'>, inputs: ArrayLike<number>): Int32Array {
  return Int32Array.from({length: inputs.length * versions}, (_, row) => {
    return inputs[Math.floor(row / versions)]! * versions + (row % versions);
  });
}

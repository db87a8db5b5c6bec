import {type Inputs, selectInputs} from '../data/inputs.ts';
import type {Access, Detail, Teacher} from '../teacher.ts';
import type {Answers} from './answers.ts';
import {coarsenAnswers, selectAnswers} from './table.ts';

/** A transfer set with its answers. Students train from nothing else. */
export interface Knowledge {
  /** The teacher that answered; `truth` for a baseline that learns from true labels. */
  readonly source: {readonly access: Access | 'truth'; readonly identity: Teacher['identity']};
  readonly classes: readonly string[];
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
export function countOf(knowledge: Knowledge | StoredKnowledge): number {
  return 'inputs' in knowledge ? knowledge.inputs.count : knowledge.count;
}

/** The named inputs, in that order, from memory or from the file. */
export async function inputsAt(knowledge: Knowledge | StoredKnowledge, rows: ArrayLike<number>): Promise<Inputs> {
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

import {type Inputs, selectInputs} from '../data/inputs.ts';
import type {Access, Detail, Teacher} from '../teacher.ts';
import type {Answers} from './answers.ts';
import {coarsenAnswers, selectAnswers} from './table.ts';

/** A transfer set with its answers: the only thing that a student trains from. */
export interface Knowledge {
  /** Who answered; `truth` for a baseline that learns from true labels. */
  readonly source: {readonly access: Access | 'truth'; readonly identity: Teacher['identity']};
  readonly classes: readonly string[];
  /** What every answer holds. */
  readonly detail: Detail;
  readonly inputs: Inputs;
  /** Row i answers input i. */
  readonly answers: Answers;
  /**
   * How many versions of each input follow one another, the clean one first if it is among them. Each is answered for
   * itself, and an epoch of training takes one of them.
   *
   * @default 1
   */
  readonly versions?: number;
  /**
   * Inputs, by their index (versions count as one), that were drawn at random and set apart: their answers calibrate
   * students and do nothing else.
   *
   * @default whoever calibrates draws some, since all inputs were drawn at random
   */
  readonly calibrationInputs?: readonly number[];
  /**
   * How many inputs were drawn and asked about as these were, and left without an answer.
   *
   * @default 0
   */
  readonly unanswered?: number;
}

/**
 * Knowledge whose rows are read when they are needed, so that it takes up no more memory than a batch does. See
 * `openKnowledge`.
 */
export interface StoredKnowledge extends Omit<Knowledge, 'inputs' | 'answers'> {
  /** Inputs, and answers to them. */
  readonly count: number;
  /** The named inputs, in that order. */
  readInputs(rows: ArrayLike<number>): Promise<Inputs>;
  /** The answers to the named inputs, in that order. */
  readAnswers(rows: ArrayLike<number>): Promise<Answers>;
  close(): Promise<void>;
}

/** How many rows there are, an input with its answer each; versions of one input count for themselves. */
export function countOf(knowledge: Knowledge | StoredKnowledge): number {
  return 'inputs' in knowledge ? knowledge.inputs.count : knowledge.count;
}

/** The named inputs, in that order, wherever they are. */
export async function inputsAt(knowledge: Knowledge | StoredKnowledge, rows: ArrayLike<number>): Promise<Inputs> {
  return 'inputs' in knowledge ? selectInputs(knowledge.inputs, rows) : knowledge.readInputs(rows);
}

/** The answers to the named inputs, in that order, wherever they are. */
export async function answersAt(knowledge: Knowledge | StoredKnowledge, rows: ArrayLike<number>): Promise<Answers> {
  if (!('answers' in knowledge)) return knowledge.readAnswers(rows);
  return selectAnswers(knowledge.answers, rows, knowledge.classes.length);
}

/**
 * The same knowledge with answers that hold less, for a student that is to see no more.
 *
 * @throws KnowledgeError if they do not hold that much
 */
export function coarsenKnowledge(knowledge: Knowledge, detail: Detail): Knowledge {
  return {...knowledge, detail, answers: coarsenAnswers(knowledge.answers, detail, knowledge.classes.length)};
}

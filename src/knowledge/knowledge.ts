import type {Inputs} from '../data/inputs.ts';
import type {Access, Detail, Teacher} from '../teacher.ts';
import type {Answers} from './answers.ts';

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
}

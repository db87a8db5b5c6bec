/** What is asked about an input: part of the contract. */

/** A predicate is a choice of two, and a score is a choice whose order counts. */
export type Question = ChoiceQuestion | PredicateQuestion | ScoreQuestion;

interface NamedQuestion {
  /** Its name among the questions of a teacher. Most services do not show it to their model. */
  readonly name: string;
  /** What is asked, in words. A service that takes options alone needs none. */
  readonly instructions?: string | undefined;
}

/** Which of these? */
export interface ChoiceQuestion extends NamedQuestion {
  readonly type: 'choice';
  /** In the order in which they are asked about: it can change an answer. */
  readonly options: readonly Option[];
}

/** Yes or no? */
export interface PredicateQuestion extends NamedQuestion {
  readonly type: 'predicate';
  /** When the answer is no. */
  readonly no?: string | undefined;
  /** When the answer is yes. */
  readonly yes?: string | undefined;
}

/** How much? */
export interface ScoreQuestion extends NamedQuestion {
  readonly type: 'score';
  /** From the lowest to the highest. */
  readonly levels: readonly Option[];
}

/** An option of a choice, or a level of a score. */
export interface Option {
  readonly name: string;
  readonly description?: string | undefined;
}

/** The questions of a teacher. The key of an answer holds its question, so the identity need not. */
export interface Questions {
  readonly list: readonly Question[];
  /** The most questions about one input that one request may carry. */
  readonly perRequest: number;
  /** True if the name of a question can change its answer. Then the name is part of the key. */
  readonly areNamesShown: boolean;
  /**
   * True if the other questions of a request can change an answer. Then every query names all of them (`together`).
   *
   * @default false
   */
  readonly areDependent?: boolean | undefined;
  /**
   * By the name of a question, the part of the teacher that answers it, such as an output of its model. It is part of
   * the key of that question's answers alone.
   *
   * @default the whole teacher answers each
   */
  readonly sources?: {readonly [question: string]: Source} | undefined;
}

/** The part of a teacher that answers a question, as JSON. */
export type Source = {readonly [part: string]: string | number};

/** The classes of a predicate, in this order. */
export const NO_YES: readonly string[] = ['no', 'yes'];

/** The names of a question's classes, in the order of every answer's indices. */
export function classesOf(question: Question): readonly string[] {
  switch (question.type) {
    case 'choice':
      return question.options.map(({name}) => name);
    case 'predicate':
      return NO_YES;
    case 'score':
      return question.levels.map(({name}) => name);
  }
}

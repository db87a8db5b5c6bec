import {withoutSecrets} from './secrets.ts';

/** The base of every error that limbeck throws on purpose. A message says who, what, and what to do next. */
export class LimbeckError extends Error {
  override readonly name: string = 'LimbeckError';

  constructor(message: string, options?: ErrorOptions) {
    super(withoutSecrets(message), options);
  }
}

/** An argument, option or file that can't be used as it is. */
export class InputError extends LimbeckError {
  override readonly name = 'InputError';
}

/** What a teacher said in the place of a class. */
export interface Said {
  /** In one line, cut to 60 characters. */
  readonly text: string;
  /** The class whose name is nearest by edit distance. Nothing is matched by it. */
  readonly nearest: string;
}

export interface TeacherErrorDetails extends ErrorOptions {
  /** The HTTP status, where a service answered. */
  readonly status?: number;
  /** Whether the same query may succeed later. */
  readonly retryable?: boolean;
  /** Whether an answer came that could not be read: the query is asked once more, and then quarantined. */
  readonly unreadable?: boolean;
  /** What it said, if that is a label that means no class. */
  readonly said?: Said | undefined;
  /** Whether the service may have heard the request, and charge for it, though no whole reply came. */
  readonly inDoubt?: boolean;
  /** Milliseconds that the service asked to wait. */
  readonly retryAfter?: number;
  /**
   * Of a request that the service does not take as it is: whether that is known to be for its input, or may be for what
   * all requests share as well, such as a parameter. Asking about others shows which.
   */
  readonly refusal?: 'of-input' | 'unclear';
}

/** A teacher could not be asked, or what it answered can't be used. Holds no header, no key, and no more of a body than a label. */
export class TeacherError extends LimbeckError {
  override readonly name = 'TeacherError';
  readonly status: number | undefined;
  readonly retryable: boolean;
  readonly unreadable: boolean;
  readonly said: Said | undefined;
  readonly inDoubt: boolean;
  readonly retryAfter: number | undefined;
  readonly refusal: TeacherErrorDetails['refusal'];

  /**
   * @param teacher - the teacher's `name`
   * @param problem - what happened and what to do next, as sentences
   */
  constructor(
    teacher: string,
    problem: string,
    {
      status,
      retryable = false,
      unreadable = false,
      said,
      inDoubt = false,
      retryAfter,
      refusal,
      ...rest
    }: TeacherErrorDetails = {},
  ) {
    super(`Teacher ${teacher}: ${problem}`, rest);
    this.status = status;
    this.retryable = retryable;
    this.unreadable = unreadable;
    this.said = said;
    this.inDoubt = inDoubt;
    this.retryAfter = retryAfter;
    this.refusal = refusal;
  }
}

/** What a run may spend is spent. What was bought before is kept. */
export class BudgetError extends LimbeckError {
  override readonly name = 'BudgetError';
}

/** The query has no answer yet, and none is waited for: it is in a batch that has not ended, or in none any more. */
export class PendingError extends LimbeckError {
  override readonly name = 'PendingError';
}

/** The store of answers failed. Never taken for a miss: a hidden failure would buy every answer twice. */
export class AnswerStoreError extends LimbeckError {
  override readonly name = 'AnswerStoreError';
}

/** An answer is needed that was not kept, or what was kept is not what is needed. */
export class KnowledgeError extends LimbeckError {
  override readonly name = 'KnowledgeError';
}

/** An answer is needed that is not kept, and by the record mode of the run nothing is asked. */
export class UnrecordedError extends KnowledgeError {}

/** A model or a training run can't be what was asked for. */
export class TrainingError extends LimbeckError {
  override readonly name = 'TrainingError';
}

/** The numeric engine could not be started. */
export class EngineError extends LimbeckError {
  override readonly name = 'EngineError';
}

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

/** A teacher's output that is no class. */
export interface Said {
  /** On one line, cut to 60 characters. */
  readonly text: string;
  /** The class with the nearest name by edit distance. It is only shown, never used as the answer. */
  readonly nearest: string;
}

export interface TeacherErrorDetails extends ErrorOptions {
  /** The HTTP status, if a service answered. */
  readonly status?: number | undefined;
  /** True if the same query can succeed later. */
  readonly retryable?: boolean;
  /** True if a reply came that could not be read: the query is asked once more, and then quarantined. */
  readonly unreadable?: boolean;
  /** With `unreadable`: true if the query shared its request with others, and is to be asked again without them. */
  readonly alone?: boolean | undefined;
  /** True if the answer holds scores that are not of the kind that the adapter declares. */
  readonly misread?: boolean | undefined;
  /** The output, if it is a label that means no class. */
  readonly said?: Said | undefined;
  /** True if the service may have received the request and charge for it, although no whole reply came. */
  readonly inDoubt?: boolean;
  /** Milliseconds that the service asked to wait. */
  readonly retryAfter?: number | undefined;
  /**
   * Why the service refuses the request: for its input; or unclear, if the reason can also be something that all
   * requests share, such as a parameter. The replies to other inputs tell which.
   */
  readonly refusal?: 'of-input' | 'unclear';
}

/**
 * A teacher could not be asked, or its reply can't be used. Holds no header, no key, and of a body no more than a label, or
 * what the service says of its refusal, without the texts that were asked about.
 */
export class TeacherError extends LimbeckError {
  override readonly name = 'TeacherError';
  readonly status: number | undefined;
  readonly retryable: boolean;
  readonly unreadable: boolean;
  readonly alone: boolean;
  readonly misread: boolean;
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
      alone = false,
      misread = false,
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
    this.alone = alone;
    this.misread = misread;
    this.said = said;
    this.inDoubt = inDoubt;
    this.retryAfter = retryAfter;
    this.refusal = refusal;
  }
}

/** The budget of the run is spent. Answers bought before are kept. */
export class BudgetError extends LimbeckError {
  override readonly name = 'BudgetError';
}

/** The query has no answer yet, and none is awaited: it is in a batch that has not ended, or no longer in any batch. */
export class PendingError extends LimbeckError {
  override readonly name = 'PendingError';
}

/** The answer store failed. A failure is never taken for a miss, because it would then buy every answer twice. */
export class AnswerStoreError extends LimbeckError {
  override readonly name = 'AnswerStoreError';
  /** True if its server can't be reached now: the same operation may succeed later. */
  readonly isAway: boolean;

  constructor(message: string, {isAway = false, ...options}: ErrorOptions & {readonly isAway?: boolean} = {}) {
    super(message, options);
    this.isAway = isAway;
  }
}

/** A needed answer is not kept, or the kept answer does not suffice. */
export class KnowledgeError extends LimbeckError {
  override readonly name = 'KnowledgeError';
}

/** A needed answer is not kept, and the record mode of the run forbids to ask. */
export class UnrecordedError extends KnowledgeError {}

/** A model or a training run can't be set up as asked. */
export class TrainingError extends LimbeckError {
  override readonly name = 'TrainingError';
}

/** The numeric engine could not be started. */
export class EngineError extends LimbeckError {
  override readonly name = 'EngineError';
}

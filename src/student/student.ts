import type {ImageReading, Reading} from '../data/reading.ts';
import type {RecordReading} from '../data/record-reading.ts';
import type {layers} from '../engine/tf.ts';
import type {Question} from '../question.ts';
import type {TensorInput} from '../teacher.ts';
import type {Gate} from './gate.ts';
import type {Preprocessing} from './preprocessing.ts';

/** A local model with the information needed to use it on raw inputs. */
export interface Student {
  /** Takes preprocessed inputs [batch, ...inputShape]. Its last layer gives `output` [batch, classes or dimensions]. */
  readonly model: layers.LayersModel;
  /** None if it gives vectors. */
  readonly classes: readonly string[];
  readonly preprocessing: Preprocessing;
  /** The output of the last layer. A vector need not have length 1. */
  readonly output: 'logits' | 'probabilities' | 'vector';
  /**
   * Type of the raw inputs that `preprocessing` is for. Inputs of another type are refused.
   *
   * @default any
   */
  readonly dtype?: TensorInput['dtype'];
  /** How an input becomes raw inputs, if the student reads texts, images or records. */
  readonly reading?: Reading;
  /**
   * The question that `classes` answer.
   *
   * @default a choice among the classes
   */
  readonly question?: Question;
  /**
   * The questions of a student that answers several. The output of its model and its `classes` are those of all heads,
   * side by side, in this order. `headOf` makes a student of one of them.
   *
   * @default one head, for all classes
   */
  readonly heads?: readonly Head[];
  /** Turns logits into confidence. Without it, the plain softmax is used and the student answers everything. */
  readonly calibration?: Calibration;
  /** Recognises texts unlike those that the student was trained on. It abstains on these. */
  readonly gate?: Gate;
}

/** One of the questions that a student answers. */
export interface Head {
  readonly question: Question;
  readonly calibration?: Calibration;
}

/** Fitted on answers that the student was not trained on. */
export interface Calibration {
  /** T, above 0. It divides the logits, so that probabilities match how often the student is right. */
  readonly temperature: number;
  /**
   * The least value of the largest probability at which an answer stands. Below it the student abstains. If it is above
   * 1, the student always abstains.
   *
   * @default 0
   */
  readonly threshold?: number;
  /**
   * The guarantee of a cascade at `threshold`.
   *
   * @default none: the threshold is a point estimate
   */
  readonly guarantee?: Guarantee;
}

/**
 * A promise about a cascade of student and teacher. `src/evaluate/guarantee.ts` has the theorem and its assumptions.
 */
export interface Guarantee {
  /** The least share of all requests on which the cascade agrees with the teacher, from 0 to 1. */
  readonly agreement: number;
  /** The probability, over the random choice of calibration answers, that the promise holds, from 0 to 1. */
  readonly confidence: number;
  /**
   * Number of calibration answers: drawn at random, used in no training and no choice, and including inputs that have
   * no answer.
   */
  readonly answers: number;
  /** The number of them on which the student is sure enough and disagrees, or that have no answer. */
  readonly disagreements: number;
  /**
   * Share of the calibration answers on which the student is sure enough. It estimates the share that the student
   * answers itself.
   */
  readonly localShare: number;
  /** Exact upper bound on the share of all requests on which the cascade disagrees: at most 1 − `agreement`. */
  readonly bound: number;
  /** If there were too few answers for a promise: the number of further answers that would suffice. */
  readonly moreAnswers?: number;
}

/** The task that a student must fit. */
export interface Task {
  readonly classes: readonly string[];
  /**
   * Kind of an input. Images and records are tensors here, because `reading` makes them some.
   *
   * @default 'tensor'
   */
  readonly kind?: 'tensor' | 'text';
  /** How an image or a record becomes a tensor of `inputShape`. */
  readonly reading?: ImageReading | RecordReading | undefined;
  /** Shape of one input. For texts it is []. */
  readonly inputShape: readonly number[];
  readonly preprocessing: Preprocessing;
  /**
   * Type of the raw inputs. The student then refuses others.
   *
   * @default any
   */
  readonly dtype?: TensorInput['dtype'];
}

/** Makes a new student. The same seed gives the same initial weights. */
export interface StudentBuilder {
  (task: Task, seed: number): Student;
  /**
   * What has to be done before a student can be made.
   *
   * @default nothing
   */
  readonly preparation?: Preparation | undefined;
}

/** How a builder learns from texts that nobody answered about, before it makes students. */
export interface Preparation {
  /**
   * Checks what can be checked early.
   *
   * @throws InputError if students of that task can't be made
   */
  check(task: Task): void;
  /** Makes the builder that makes students. The same texts give the same one. */
  prepare(texts: readonly string[], options?: PrepareOptions): Promise<StudentBuilder>;
}

export interface PrepareOptions {
  /**
   * The folder of a cache, such as `.limbeck`, in which encodings are kept.
   *
   * @default not kept
   */
  readonly directory?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

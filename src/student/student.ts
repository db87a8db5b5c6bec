import type {TextReading} from '../data/text-reading.ts';
import type {layers} from '../engine/tf.ts';
import type {Input, TensorInput} from '../teacher.ts';
import type {Gate} from './gate.ts';
import type {Preprocessing} from './preprocessing.ts';

/** A local model with what is needed to use it on raw inputs. */
export interface Student {
  /** Takes preprocessed inputs [batch, ...inputShape]; its last layer gives `output` [batch, classes]. */
  readonly model: layers.LayersModel;
  readonly classes: readonly string[];
  readonly preprocessing: Preprocessing;
  /** What the last layer gives. */
  readonly output: 'logits' | 'probabilities';
  /**
   * Type of the raw inputs that `preprocessing` is for; inputs of another type are refused.
   *
   * @default any
   */
  readonly dtype?: TensorInput['dtype'];
  /** How a text becomes raw inputs, of a student of texts. */
  readonly reading?: TextReading;
  /** How sure it is of what it says; without, its softmax is taken as it is, and it answers everything. */
  readonly calibration?: Calibration;
  /** What tells texts that are unlike those it learned from: of these it is never sure. */
  readonly gate?: Gate;
}

/** Fitted on answers that the student did not learn from. */
export interface Calibration {
  /** T, above 0, that divides the logits, so that probabilities are as often right as they say. */
  readonly temperature: number;
  /**
   * The least that the largest probability must be for an answer to stand; below it the student abstains. Above 1 it
   * always does.
   *
   * @default 0
   */
  readonly threshold?: number;
  /**
   * What is promised of a cascade at `threshold`.
   *
   * @default nothing: the threshold is a point estimate
   */
  readonly guarantee?: Guarantee;
}

/** A promise about a cascade of student and teacher. `src/evaluate/guarantee.ts` has the theorem and what it assumes. */
export interface Guarantee {
  /** Over all requests the cascade agrees with the teacher on at least this share, from 0 to 1. */
  readonly agreement: number;
  /** The probability of that, over the draw of the answers, from 0 to 1. */
  readonly confidence: number;
  /** Calibration answers: drawn at random, and kept from all training and every choice; with inputs that have no answer. */
  readonly answers: number;
  /** Of these, those on which the student is sure enough and disagrees, and those without an answer. */
  readonly disagreements: number;
  /** Share of the calibration answers on which the student is sure enough: about what it will answer by itself. */
  readonly localShare: number;
  /** Exact upper bound on the share of all requests on which the cascade disagrees: at most 1 − `agreement`. */
  readonly bound: number;
  /** If there were too few answers to promise anything: how many more would do. */
  readonly moreAnswers?: number;
}

/** What a student must fit. */
export interface Task {
  readonly classes: readonly string[];
  /**
   * What an input is.
   *
   * @default 'tensor'
   */
  readonly kind?: Input['kind'];
  /** Shape of one input; of texts, []. */
  readonly inputShape: readonly number[];
  readonly preprocessing: Preprocessing;
  /**
   * Type of the raw inputs; the student then refuses others.
   *
   * @default any
   */
  readonly dtype?: TensorInput['dtype'];
}

/** Makes a fresh student; the same seed gives the same initial weights. */
export type StudentBuilder = (task: Task, seed: number) => Student;

import {argmaxRows, concatenated, logSoftmaxRows, oneHot} from '../data/arrays.ts';
import {selectRows} from '../data/inputs.ts';
import {shuffledIndices} from '../data/random.ts';
import {mean, standardDeviation} from '../evaluate/statistics.ts';
import {fitLinearHead, type HeadExamples, headLogits, type LinearHead} from './linear-head.ts';
import {type PlainRows, plainLabels, selectPlain} from './plain-classifier.ts';

/**
 * An assistant is a frozen local encoder with a linear head, fitted to the teacher's answers. It costs no calls. Whether it
 * learns from the names of the classes as well, and its penalty, are chosen by cross-fitting on the answers.
 */
export interface AssistantOptions extends UnlabelledOptions {
  /** A name that `limbeck encoder add` fetched, or the folder of an encoder: see `openEncoder`. */
  readonly encoder: string;
  /**
   * Descriptions of classes, by their names.
   *
   * @default the names alone, with spaces for `_` and `-`
   */
  readonly descriptions?: Readonly<Record<string, string>> | undefined;
}

export interface UnlabelledOptions {
  /**
   * The most inputs that it labels beside those that the teacher answered about; drawn at random if there are more. Inputs
   * of the test split, of validation, and those whose answers calibrate are never among them.
   *
   * @default 20000
   */
  readonly unlabelled?: number | undefined;
}

/** What an assistant is fitted to. */
export interface AssistantLesson {
  /** Length of an encoding. */
  readonly width: number;
  readonly classes: number;
  /** [answers, width], encodings of the inputs that the teacher answered about, each of length 1. */
  readonly encodings: Float32Array;
  /** [answers, classes], the teacher's answers as distributions. */
  readonly targets: Float32Array;
  /** [answers], the class that each answer names. */
  readonly labels: Int32Array;
  /**
   * [classes, width], encodings of the names and descriptions of the classes. Each may be an example of its class.
   *
   * @default none: the encoder reads no words
   */
  readonly names?: Float32Array | undefined;
  /** What is known of the inputs without the encoder. */
  readonly plain: PlainRows;
  /** Draws the parts of the cross-fitting. */
  readonly seed: number;
}

/** A linear head on a frozen encoder, fitted to a teacher's answers. It labels inputs that nobody was asked about. */
export interface Assistant extends AssistantChoice {
  /** Undefined if the plain classifier was better: the encoder knows less of this task than the answers teach without it. */
  readonly head: LinearHead | undefined;
}

/** What cross-fitting on the answers chose. */
export interface AssistantChoice {
  /** λ of its head, chosen in cross-fitting. */
  readonly penalty: number;
  /** Whether it learned from the names of the classes as well, chosen in cross-fitting. */
  readonly knowsNames: boolean;
  /** Share of the answers that it gave in cross-fitting without having learned from them. A point estimate. */
  readonly agreement: number;
  /** The share that a classifier without the encoder gave there, by counts of words or by the numbers. A point estimate. */
  readonly plainAgreement: number;
}

interface HeadSetting {
  readonly penalty: number;
  readonly knowsNames: boolean;
}

/** What is tried. Vectors of length 1 need weak penalties; answers that contradict each other, stronger ones. */
const TRIED: readonly HeadSetting[] = [
  {penalty: 0.1, knowsNames: true},
  {penalty: 0.01, knowsNames: true},
  {penalty: 0.1, knowsNames: false},
  {penalty: 0.01, knowsNames: false},
];
/** Parts of the cross-fitting. */
const FOLDS = 3;
/** The most answers that the choice is made by. The best penalty hardly changes with their number. */
const MOST_TRIED = 1000;
/** Standard errors by which the plain classifier must be better, so that the assistant is left out (McNemar's test). */
const BETTER = 2;
/** Standard errors by which the plain classifier must be better or worse, so that no further part is tried. */
const CLEAR = 3;
/** The fewest answers that an agreement is measured on, if there are so many. */
const ENOUGH = 100;
/** Standard errors by which losses must be higher, so that a setting is left out. */
const WORSE = 3;
/** Accuracy of a search, see `MinimiseOptions`. A closer one says the same of inputs that the head has not seen. */
const TOLERANCE = 1e-3;

/**
 * Fits an assistant to a teacher's answers. Mirzadeh et al. (2020), Improved knowledge distillation via teacher assistant,
 * section 3. Here the assistant comes from elsewhere, and learns no more than a head.
 */
export function fitAssistant(lesson: AssistantLesson): Assistant {
  const {width, classes} = lesson;
  const {start, isUseful, ...choice} = chosen(lesson);
  if (!isUseful) return {...choice, head: undefined};
  const {penalty, knowsNames} = choice;
  return {
    ...choice,
    head: fitLinearHead(examplesOf(lesson, knowsNames), {width, classes, penalty, start, tolerance: TOLERANCE}),
  };
}

interface Chosen extends AssistantChoice {
  readonly isUseful: boolean;
  /** The last head of the chosen setting: it learned from some of the answers. */
  readonly start: LinearHead | undefined;
}

/** The setting with the lowest loss on answers that its heads did not learn from. */
function chosen(lesson: AssistantLesson): Chosen {
  const {labels, names, seed} = lesson;
  const order = shuffledIndices(labels.length, seed, 'parts to fit an assistant').subarray(0, MOST_TRIED);
  const folds = Math.min(FOLDS, order.length);
  const settings = TRIED.filter(({knowsNames}) => names !== undefined || !knowsNames);
  let running: readonly Tried[] = settings.map(setting => ({...setting, losses: [], named: []}));
  const wanted: number[] = [];
  const plainly: number[] = [];
  let against: Against | undefined;
  for (let fold = 0; fold < folds; fold++) {
    const known = partOf(
      lesson,
      order.filter((_, index) => index % folds !== fold),
    );
    const held = partOf(
      lesson,
      order.filter((_, index) => index % folds === fold),
    );
    plainly.push(...Array.from(plainLabels(known, held.plain)));
    tryOn(known, held, running);
    wanted.push(...held.labels);
    running = stillRunning(running);
    against = compared(running[0]!.named, plainly, wanted);
    if (running.length === 1 && wanted.length >= ENOUGH && Math.abs(against.errors) > CLEAR) break;
  }
  const [best] = running;
  const {agreement, plainAgreement, errors} = against!;
  return {
    penalty: best!.penalty,
    knowsNames: best!.knowsNames,
    start: best!.last,
    agreement,
    plainAgreement,
    isUseful: errors <= BETTER,
  };
}

/** A head and the plain classifier on the same answers. */
interface Against extends Pick<AssistantChoice, 'agreement' | 'plainAgreement'> {
  /** Standard errors by which the plain classifier is better: McNemar (1947). */
  readonly errors: number;
}

function compared(named: readonly number[], plainly: readonly number[], wanted: readonly number[]): Against {
  const rightIn = (given: readonly number[]) => wanted.map((label, row) => (given[row] === label ? 1 : 0));
  const [own, plain] = [rightIn(named), rightIn(plainly)];
  const [lost, won] = [0, 1].map(right => own.filter((each, row) => each === right && plain[row] !== right).length);
  const errors = lost === won ? 0 : (lost! - won!) / Math.sqrt(lost! + won!);
  return {agreement: mean(own), plainAgreement: mean(plain), errors};
}

/** A setting, and what its heads said of answers that they did not learn from. */
interface Tried extends HeadSetting {
  readonly losses: number[];
  /** The classes that they named. */
  readonly named: number[];
  last?: LinearHead;
}

/** Fits a head by each setting to some answers, and asks it about others. */
function tryOn(known: AssistantLesson, held: AssistantLesson, all: readonly Tried[]): void {
  const {width, classes} = known;
  let start: LinearHead | undefined;
  for (const tried of all) {
    const {penalty, knowsNames, losses, named} = tried;
    start = fitLinearHead(examplesOf(known, knowsNames), {width, classes, penalty, start, tolerance: TOLERANCE});
    tried.last = start;
    const logs = logSoftmaxRows(headLogits(start, held.encodings), classes);
    for (const [row, label] of held.labels.entries()) losses.push(-logs[row * classes + label]!);
    for (const label of argmaxRows(logs, classes)) named.push(label);
  }
}

/**
 * The settings that may yet be the best, from the lowest loss on: Maron and Moore (1994), Hoeffding races. One is left out
 * if its losses are clearly higher on the same answers.
 */
function stillRunning(all: readonly Tried[]): readonly Tried[] {
  const sorted = all.toSorted((one, other) => mean(one.losses) - mean(other.losses));
  const lowest = sorted[0]!.losses;
  return sorted.filter(({losses}) => {
    const more = losses.map((loss, row) => loss - lowest[row]!);
    return mean(more) <= (WORSE * standardDeviation(more)) / Math.sqrt(more.length);
  });
}

function partOf(lesson: AssistantLesson, rows: ArrayLike<number>): AssistantLesson {
  const {width, classes, encodings, targets, labels, plain} = lesson;
  return {
    ...lesson,
    encodings: selectRows(encodings, width, rows),
    targets: selectRows(targets, classes, rows),
    labels: selectRows(labels, 1, rows),
    plain: selectPlain(plain, rows),
  };
}

function examplesOf({encodings, targets, names, classes}: AssistantLesson, knowsNames: boolean): HeadExamples {
  if (!knowsNames || names === undefined) return {features: encodings, targets};
  const own = oneHot(
    Array.from({length: classes}, (_, index) => index),
    classes,
  );
  return {features: concatenated(encodings, names), targets: concatenated(targets, own)};
}

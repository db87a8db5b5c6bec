import {logSumExpOfRow} from '../../data/arrays.ts';
import {InputError} from '../../errors.ts';
import {checkOptions, kinds, type Shape} from '../../options.ts';

// In this file K is the number of classes, and matrices are row-major.

export interface DawidSkeneOptions {
  /** K. */
  readonly classes: number;
  /**
   * How many pseudo-answers each row of a confusion matrix gets, spread evenly over the classes. The classes get as
   * many pseudo-items. Nothing that was never seen is then impossible. 0 is the method as published.
   *
   * @default 1
   */
  readonly smoothing?: number;
  /**
   * The most rounds of expectation and maximisation.
   *
   * @default 1000
   */
  readonly rounds?: number;
  /**
   * The fit ends if a round adds less than this to the objective per item, in nats.
   *
   * @default 1e-9
   */
  readonly tolerance?: number;
}

const KINDS = {
  classes: kinds.number,
  smoothing: kinds.number,
  rounds: kinds.number,
  tolerance: kinds.number,
} satisfies Shape<DawidSkeneOptions>;

/** The classes and the teachers, as estimated from the labels of several teachers. */
export interface LabelModel {
  /** [K], the frequency of each class. */
  readonly priors: Float64Array;
  /**
   * By teacher, [K, K]: the frequency with which it gives the class of the column to an item whose true class is the
   * row.
   */
  readonly confusions: readonly Float64Array[];
}

export interface DawidSkeneFit extends LabelModel {
  /** [items, K], the probability of each class given all labels of the item. */
  readonly posteriors: Float64Array;
  /** Log of the probability of all labels, in nats. */
  readonly logLikelihood: number;
  /**
   * The objective after each round: the log-likelihood, and with smoothing the model's log prior density, up to a
   * constant. Never falls.
   */
  readonly objectives: readonly number[];
}

/**
 * Estimates how often each of several teachers is right, and the true classes, from their labels alone. Each teacher
 * draws its label from the row of its confusion matrix for the item's true class, independently of the others. Dawid
 * and Skene (1979), Maximum likelihood estimation of observer error-rates using the EM algorithm, Applied Statistics 28
 * (1), 20–28; equations 2.3 to 2.5. It starts from the shares of the vote, so that a class keeps its name.
 *
 * @param labels - by teacher [items], its label; -1 if it gave none
 * @throws InputError if labels are missing or out of their range
 */
export function dawidSkene(labels: readonly ArrayLike<number>[], options: DawidSkeneOptions): DawidSkeneFit {
  checkOptions('dawidSkene', options, KINDS, ['classes']);
  const {classes, smoothing = 1, rounds = 1000, tolerance = 1e-9} = options;
  checkLabels(labels, options);
  const items = labels[0]!.length;
  let posteriors: Float64Array = voteShares(labels, classes);
  let model = maximised(labels, posteriors, {classes, smoothing});
  const objectives: number[] = [];
  for (;;) {
    const expected = expectation(labels, model);
    posteriors = expected.posteriors;
    const {logLikelihood} = expected;
    const before = objectives.at(-1) ?? Number.NEGATIVE_INFINITY;
    const objective = logLikelihood + logDensity(model, smoothing / classes);
    objectives.push(objective);
    if (objective - before < tolerance * items || objectives.length >= rounds) {
      return {...model, posteriors, logLikelihood, objectives};
    }
    model = maximised(labels, posteriors, {classes, smoothing});
  }
}

/**
 * The probability of each class given each teacher's label, or -1; equation 2.5. A teacher without a label has no
 * influence.
 *
 * @returns log-probabilities, [K]
 */
export function logPosterior(model: LabelModel, said: readonly number[]): Float64Array {
  const logs = logsOf(model);
  const joint = new Float64Array(model.priors.length);
  const logTotal = addJoint(logs, said, joint);
  return joint.map(value => value - logTotal);
}

/** The logarithms of a model. */
function logsOf({priors, confusions}: LabelModel): LabelModel {
  return {priors: priors.map(Math.log), confusions: confusions.map(rows => rows.map(Math.log))};
}

/**
 * Writes the joint log-probability of each class and the labels.
 *
 * @returns the log of their sum
 */
function addJoint({priors, confusions}: LabelModel, said: readonly number[], joint: Float64Array): number {
  const classes = priors.length;
  joint.set(priors);
  for (let teacher = 0; teacher < said.length; teacher++) {
    const label = said[teacher]!;
    if (label < 0) continue;
    const rows = confusions[teacher]!;
    for (let truth = 0; truth < classes; truth++) joint[truth]! += rows[truth * classes + label]!;
  }
  return logSumExpOfRow(joint, 0, classes);
}

type Labels = readonly ArrayLike<number>[];

/** Shares of the votes for each item; uniform if nobody voted. */
function voteShares(labels: Labels, classes: number): Float64Array {
  const items = labels[0]!.length;
  const shares = new Float64Array(items * classes);
  for (let item = 0; item < items; item++) {
    const votes = labels.map(said => said[item]!).filter(label => label >= 0);
    for (const label of votes) shares[item * classes + label]! += 1 / votes.length;
    if (votes.length === 0) shares.fill(1 / classes, item * classes, (item + 1) * classes);
  }
  return shares;
}

/** The model that maximises the likelihood, given the probabilities of the true classes; equations 2.3 and 2.4. */
function maximised(
  labels: Labels,
  posteriors: Float64Array,
  {classes, smoothing}: {readonly classes: number; readonly smoothing: number},
): LabelModel {
  const items = labels[0]!.length;
  const priors = new Float64Array(classes).fill(smoothing / classes);
  for (let item = 0; item < items; item++) {
    for (let truth = 0; truth < classes; truth++) priors[truth]! += posteriors[item * classes + truth]!;
  }
  const confusions = labels.map(said => {
    const counts = new Float64Array(classes * classes).fill(smoothing / classes);
    for (let item = 0; item < items; item++) {
      const label = said[item]!;
      if (label < 0) continue;
      for (let truth = 0; truth < classes; truth++) {
        counts[truth * classes + label]! += posteriors[item * classes + truth]!;
      }
    }
    return rowShares(counts, classes);
  });
  return {priors: rowShares(priors, classes), confusions};
}

/** Each row divided by its sum. An empty row becomes uniform. */
function rowShares(rows: Float64Array, classes: number): Float64Array {
  for (let start = 0; start < rows.length; start += classes) {
    const row = rows.subarray(start, start + classes);
    const sum = row.reduce((total, value) => total + value, 0);
    for (const index of row.keys()) row[index] = sum > 0 ? row[index]! / sum : 1 / classes;
  }
  return rows;
}

/** The probabilities of the true classes, and of the labels, under a model. */
function expectation(labels: Labels, model: LabelModel) {
  const [items, classes] = [labels[0]!.length, model.priors.length];
  const logs = logsOf(model);
  const posteriors = new Float64Array(items * classes);
  let logLikelihood = 0;
  for (let item = 0; item < items; item++) {
    const joint = posteriors.subarray(item * classes, (item + 1) * classes);
    const said = labels.map(all => all[item]!);
    const logTotal = addJoint(logs, said, joint);
    for (let truth = 0; truth < classes; truth++) joint[truth] = Math.exp(joint[truth]! - logTotal);
    logLikelihood += logTotal;
  }
  return {posteriors, logLikelihood};
}

/** Log-density of Dirichlet(1 + each) on every row, up to a constant. */
function logDensity({priors, confusions}: LabelModel, each: number): number {
  if (each === 0) return 0;
  const logSum = (row: Float64Array) => row.reduce((sum, value) => sum + Math.log(value), 0);
  return each * confusions.reduce((sum, rows) => sum + logSum(rows), logSum(priors));
}

function checkLabels(labels: Labels, {classes, smoothing = 1, rounds = 1000}: DawidSkeneOptions): void {
  const items = labels[0]?.length ?? 0;
  if (items === 0 || labels.some(({length}) => length !== items)) {
    throw new InputError('A label model needs each teacher’s label of the same items, at least of one.');
  }
  if (!(smoothing >= 0 && smoothing < Number.POSITIVE_INFINITY)) {
    throw new InputError(`Expected \`smoothing\` to be 0 or more, got ${smoothing}.`);
  }
  if (!(Number.isSafeInteger(rounds) && rounds >= 1)) {
    throw new InputError(`Expected \`rounds\` to be a whole number above 0, got ${rounds}.`);
  }
  for (const said of labels) {
    const odd = Array.from(said).find(label => !(Number.isInteger(label) && label >= -1 && label < classes));
    if (odd === undefined) continue;
    throw new InputError(`Expected labels from 0 to ${classes - 1}, or -1 if a teacher gave none, got ${odd}.`);
  }
  if (labels.some(said => Array.from(said).some(label => label >= 0))) return;
  throw new InputError('No teacher said anything. A label model needs labels.');
}

import {logSumExpOfRow} from '../../data/arrays.ts';
import type {Examples} from '../../data/split.ts';
import {InputError, KnowledgeError} from '../../errors.ts';
import {coarsen} from '../../knowledge/coarsen.ts';
import {fitTemperature} from '../../knowledge/fit-temperature.ts';
import {LEAST_PROBABILITY, shareOfUnnamed, smoothVotes} from '../../knowledge/smoothing.ts';
import {checkOptions, kinds, type Shape} from '../../options.ts';
import type {Answer, Outcome, Teacher, TopKAnswer} from '../../teacher.ts';
import {queriesAbout} from '../collect.ts';
import {type Combined, partShowing} from './combination.ts';
import {composed, digestInputs, errorOfPart, passUnanswerable} from './composed.ts';

/** The result of a calibration. */
export interface CalibrationFit {
  /** T that the teacher's log-probabilities are divided by: above 1 if the teacher is overconfident. */
  readonly temperature: number;
  /** How many examples it answered. */
  readonly examples: number;
}

export interface CalibratedOptions {
  /**
   * At least 100 inputs with their true classes. Use them for no other measurement and no training. The teacher is
   * asked about each of them once.
   */
  readonly examples: Examples;
  /** Called with the fit, before the first answer. */
  readonly onFit?: (fit: CalibrationFit) => void;
}

const KINDS = {examples: kinds.object, onFit: kinds.call} satisfies Shape<CalibratedOptions>;

/** With fewer examples the temperature depends more on the examples than on the teacher. */
const LEAST_EXAMPLES = 100;

/** Changes whenever the same answers of the teacher would give another result. */
const VERSION = 1;

/**
 * A calibrated teacher: all its log-probabilities are divided by one temperature, the one with the least negative
 * log-likelihood of the true classes of some examples. Guo et al. (2017), On calibration of modern neural networks,
 * section 4.2. Use it for a chat model that states its confidence (`output: 'confidence'`), for votes, which are
 * smoothed first, and for every teacher that shows distributions. The rest of a top-k answer is spread over the classes
 * that it doesn't name. It answers with log-probabilities.
 *
 * Examples that the teacher can't answer are left out.
 *
 * @throws InputError if the teacher shows labels alone, or the examples are too few or don't fit
 * @throws KnowledgeError, when it is asked, if the teacher answers too few examples
 */
export function calibrated(teacher: Teacher<'black-box'>, options: CalibratedOptions): Teacher<'black-box'>;
export function calibrated(teacher: Teacher<'gray-box' | 'white-box'>, options: CalibratedOptions): Teacher<'gray-box'>;
export function calibrated(teacher: Teacher, options: CalibratedOptions): Teacher<'black-box' | 'gray-box'>;
export function calibrated(teacher: Teacher, options: CalibratedOptions): Teacher<Combined> {
  checkOptions('calibrated', options, KINDS, ['examples']);
  const {examples, onFit} = options;
  checkExamples(teacher, examples);
  const {classes} = teacher;
  const {inputs, labels} = examples;
  const beforehand = [...queriesAbout({inputs})];
  return composed<Combined, number>({
    name: `${teacher.name}, calibrated`,
    identity: {calibrated: teacher.identity, examples: digestInputs(inputs, labels), version: VERSION},
    access: teacher.access === 'black-box' ? 'black-box' : 'gray-box',
    classes,
    detail: {kind: 'log-probabilities'},
    parts: [{...partShowing(teacher), beforehand}],
    async prepare([ask], options) {
      const fit = fitTo(await ask!(beforehand, options), examples, teacher);
      onFit?.(fit);
      return fit.temperature;
    },
    async answer(queries, [ask], options, temperature) {
      const outcomes = await ask!(queries, options);
      return outcomes.map((outcome): Outcome<Combined> => {
        if ('error' in outcome) return {error: errorOfPart(outcome.error, teacher)};
        const scores = wholeDistribution(outcome.answer, classes.length);
        const logTotal = logSumExpOfRow(scores, 0, classes.length, temperature);
        const logProbabilities = scores.map(score => score / temperature - logTotal);
        return {answer: {kind: 'log-probabilities', logProbabilities}};
      });
    },
  });
}

/**
 * @throws KnowledgeError if too few have an answer
 * @throws Unprepared if one can still get an answer
 */
function fitTo(outcomes: readonly Outcome[], {labels}: Examples, {name, classes}: Teacher): CalibrationFit {
  const [scores, truths]: [number[], number[]] = [[], []];
  for (const [index, outcome] of outcomes.entries()) {
    if ('error' in outcome) {
      passUnanswerable(outcome.error);
      continue;
    }
    scores.push(...wholeDistribution(outcome.answer, classes.length));
    truths.push(labels[index]!);
  }
  if (truths.length < LEAST_EXAMPLES) {
    throw new KnowledgeError(
      `Teacher ${name} answered ${truths.length} of ${labels.length} examples, and its temperature takes ` +
        `${LEAST_EXAMPLES}. Give it more.`,
    );
  }
  return {temperature: fitTemperature(scores, truths, classes.length), examples: truths.length};
}

function checkExamples({name, classes, detail}: Teacher, {inputs, labels}: Examples): void {
  if (detail.kind === 'label') {
    throw new InputError(
      `Teacher ${name} shows labels alone, which don't tell how sure it is. Ask a chat model for its confidence, ` +
        "with `output: 'confidence'`, or any teacher several times, with `repeat`.",
    );
  }
  if (inputs.count !== labels.length) {
    throw new InputError(`There are ${inputs.count} examples and ${labels.length} labels. Give each example one.`);
  }
  if (labels.length < LEAST_EXAMPLES) {
    throw new InputError(
      `The temperature of teacher ${name} takes ${LEAST_EXAMPLES} examples with their true classes, got ` +
        `${labels.length}. Give it more, or leave its answers as they are.`,
    );
  }
  const odd = labels.find(label => !(label >= 0 && label < classes.length));
  if (odd === undefined) return;
  throw new InputError(`Label ${odd} of the examples is none of the ${classes.length} classes of teacher ${name}.`);
}

/**
 * An answer as a distribution over all classes, none of them impossible. Votes are smoothed, and the rest of top-k
 * answers is spread over the classes that they don't name.
 *
 * @param answer - anything but a label
 * @returns log-probabilities, up to a constant; all finite
 */
export function wholeDistribution(answer: Answer, classes: number): Float32Array {
  if (answer.kind === 'votes') return smoothVotes(answer.counts, classes);
  if (answer.kind === 'top-k') return withRestSpread(answer, classes);
  const {logProbabilities} = coarsen(answer, {kind: 'log-probabilities'});
  const least = logProbabilities.filter(Number.isFinite).reduce((low, value) => Math.min(low, value), LEAST);
  return logProbabilities.map(value => (Number.isFinite(value) ? value : least));
}

const LEAST = Math.log(LEAST_PROBABILITY);

function withRestSpread({classes: named, logProbabilities, rest}: TopKAnswer, classes: number): Float32Array {
  // A class that is named with a probability of 0 counts as not named.
  const indices = [...named.keys()].filter(index => Math.exp(logProbabilities[index]!) > 0);
  const smallest = Math.exp(Math.min(0, ...indices.map(index => logProbabilities[index]!)));
  const share = shareOfUnnamed({rest, unnamed: classes - indices.length, smallest});
  const whole = new Float32Array(classes).fill(Math.log(share));
  for (const index of indices) whole[named[index]!] = logProbabilities[index]!;
  return whole;
}

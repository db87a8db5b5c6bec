import {logSumExpOfRow} from '../../data/rows.ts';
import type {Examples} from '../../data/split.ts';
import {InputError, KnowledgeError} from '../../errors.ts';
import {coarsen} from '../../knowledge/coarsen.ts';
import {fitTemperature} from '../../knowledge/fit-temperature.ts';
import {smoothVotes} from '../../knowledge/smooth-votes.ts';
import {LEAST_PROBABILITY, shareOfUnnamed} from '../../knowledge/unnamed-share.ts';
import type {Answer, Outcome, Teacher, TopKAnswer} from '../../teacher.ts';
import {queriesAbout} from '../collect.ts';
import {type Combined, partShowing} from './combination.ts';
import {composed, errorOfPart} from './composed.ts';
import {digestInputs} from './inputs-digest.ts';
import {passUnanswerable} from './unanswerable.ts';

/** How sure a teacher turned out to be of what it is right about. */
export interface CalibrationFit {
  /** T that its log-probabilities are divided by: above 1 where it is too sure. */
  readonly temperature: number;
  /** How many examples it answered. */
  readonly examples: number;
}

export interface CalibratedOptions {
  /**
   * Inputs with their true classes, 100 or more, that nothing else is measured or trained by. The teacher is asked about
   * each of them once.
   */
  readonly examples: Examples;
  /** Called with what was found, before the first answer. */
  readonly onFit?: (fit: CalibrationFit) => void;
}

/** With fewer examples a temperature says more about them than about the teacher. */
const LEAST_EXAMPLES = 100;

/** Changes whenever the same answers of the teacher would make another one. */
const VERSION = 1;

/**
 * A teacher that is as sure as it is right: one temperature, the one with the least negative log-likelihood of the true
 * classes of some examples, divides all its log-probabilities. Guo et al. (2017), On calibration of modern neural networks,
 * section 4.2. For a chat model that says how sure it is (`output: 'confidence'`), for votes, which are smoothed first, and
 * for every teacher that shows distributions; the rest of a top-k answer is spread over the classes that it doesn't name.
 * It answers with log-probabilities.
 *
 * Examples that the teacher can't answer are left out.
 *
 * @throws InputError where the teacher shows labels alone, or the examples are too few or don't fit; KnowledgeError, when
 * it is asked, where the teacher answers too few of them
 */
export function calibrated(teacher: Teacher<'black-box'>, options: CalibratedOptions): Teacher<'black-box'>;
export function calibrated(teacher: Teacher<'gray-box' | 'white-box'>, options: CalibratedOptions): Teacher<'gray-box'>;
export function calibrated(teacher: Teacher, options: CalibratedOptions): Teacher<'black-box' | 'gray-box'>;
export function calibrated(teacher: Teacher, {examples, onFit}: CalibratedOptions): Teacher<Combined> {
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

/** @throws KnowledgeError where too few have an answer; Unprepared where one may yet have one */
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
 * An answer as a distribution over all classes, none of them impossible: votes smoothed, the rest of top-k answers spread
 * over the classes that they don't name.
 *
 * @param answer - anything but a label
 * @returns log-probabilities, up to a constant; all finite
 */
export function wholeDistribution(answer: Answer, classes: number): Float32Array {
  if (answer.kind === 'votes') return smoothVotes(answer.counts, classes);
  if (answer.kind === 'top-k') return withRestSpread(answer, classes);
  const {logProbabilities} = coarsen(answer, {kind: 'log-probabilities'}, classes);
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

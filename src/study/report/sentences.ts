import type {ExpectedNext} from '../expect-next.ts';
import type {JointResults} from '../joint/results.ts';
import type {AssistantUse, StudentChoice, Tuning} from '../methods.ts';
import type {EarlierStudy, MethodResult, MissingInputs, Repeatability, Results} from '../results.ts';
import {between, confidenceText, count, counted, decimal, list, moment, percentage, points} from './format.ts';
import {rowsOf, spread} from './spread.ts';

/** How many inputs have no answer and how far they can move the figures, a sentence or two each. */
export function missingSentences({missing}: Results): readonly string[] {
  if (missing === undefined) return [];
  const {transfer, test} = missing;
  return [
    ...(transfer.count > 0
      ? [`${ofAll(transfer, 'training input')} were left without an answer, and no method learned from them.`]
      : []),
    ...(test.count > 0
      ? [
          `${ofAll(test, 'test input')} were left without an answer, and nothing is measured on them. They can move a ` +
            `share by ${decimal(100 * test.share, 2)} points at most, up or down.`,
        ]
      : []),
  ];
}

/** How many inputs a model wrote, and what that means for the figures, a sentence or two. */
export function writtenSentences({
  written,
  sizes: {transfer},
}: Pick<Results, 'written'> & {readonly sizes: Pick<Results['sizes'], 'transfer'>}): readonly string[] {
  if (written === undefined) return [];
  return [
    `${count(written.transfer)} of ${counted(transfer, 'training input')} (${percentage(written.transfer / transfer, 1)}) were written by a model.`,
    written.test === 0
      ? 'The test split is real.'
      : 'The test split was written, too: there are no real inputs. Agreement on written inputs is not agreement on your own. Measure on your own before you rely on it.',
  ];
}

/** The same for all questions of an input together. */
export function jointMissingSentences({missing}: Pick<JointResults, 'missing'>): readonly string[] {
  if (missing === undefined) return [];
  const {none, some, total} = missing;
  return [
    ...(none > 0
      ? [
          `${ofAll({count: none, total}, 'test input')} have no answer to any question, and nothing is measured on them.`,
        ]
      : []),
    ...(some > 0
      ? [
          `${ofAll({count: some, total}, 'test input')} have answers to some of the questions: agreement on all questions is that on these.`,
        ]
      : []),
  ];
}

function ofAll({count: missing, total}: Pick<MissingInputs, 'count' | 'total'>, noun: string): string {
  return `${count(missing)} of ${counted(total, noun)}`;
}

/** The services that perturb their scores, and how often the teacher agrees with itself, a sentence or two each. */
export function repeatabilitySentences(results: Results): readonly string[] {
  const {steadiness = []} = results;
  return [...steadiness.map(repeatabilitySentence), ceilingSentence(results)].flatMap(sentence => sentence ?? []);
}

/** The same for one service; undefined if its scores are the same each time, or nearly so. */
export function repeatabilitySentence({
  teacher,
  verdict,
  compared,
  flips,
  meanKl,
  fallbacks,
}: Repeatability): string | undefined {
  if (verdict !== 'perturbed') return undefined;
  const size = `by ${decimal(meanKl, 3)} nats of KL divergence on the mean of ${counted(compared, 'input')}, ${counted(flips, 'label')} with them`;
  const effect =
    fallbacks.length === 0
      ? 'The recipe learns from them nonetheless.'
      : `So ${list(fallbacks)} learn from its labels instead; \`trustsScores: true\` in the recipe learns from the scores.`;
  return `The scores of ${teacher} are others each time it is asked, ${size}. ${effect}`;
}

/** How often the teacher agrees with itself, and what that leaves a student; undefined if it was not measured. */
export function ceilingSentence({ceiling}: Results): string | undefined {
  if (ceiling === undefined) return undefined;
  const {teacher, inputs, share, interval, most} = ceiling;
  if (inputs === 0) return `${teacher} gives the same answer each time.`;
  const [low, high] = interval.map(end => percentage(end));
  return (
    `Asked again about ${counted(inputs, 'test input')}, ${teacher} named the same class for ${percentage(share)} ` +
    `(${low} to ${high}): no student can be expected to agree with it on more than ${percentage(most)}.`
  );
}

/** `the earlier study “mnist” (12 November 2025, 14:03 UTC)` */
export function earlierName({name, finishedAt}: EarlierStudy): string {
  return `the earlier study “${name}” (${moment(finishedAt)})`;
}

/** The settings of the methods that were tuned, a sentence each. */
export function tuningSentences({methods, budgets}: Results): readonly string[] {
  const sentences = methods.flatMap(({method, tuning}) => (tuning ? [tuningSentence(method, tuning)] : []));
  return sentences.length > 0 && budgets ? [...sentences, TUNED_ONCE] : sentences;
}

const TUNED_ONCE =
  'Each method is tuned once, with all inputs of the largest budget, and has these settings at every budget.';

/** `T = 1, λ = 0.3` */
export function settingText(terms: Tuning['terms'], {temperature, weights}: Tuning['settings'][number]): string {
  const [, ...others] = terms;
  return [
    ...(temperature === undefined ? [] : [`T = ${temperature}`]),
    ...others.map((name, index) => `λ${others.length === 1 ? '' : ` of ${name}`} = ${weights[index + 1]!}`),
  ].join(', ');
}

/** `Log-probabilities: T = 1, λ = 0.3, of 15 tried on validation: accuracy 84.10 % there.` */
export function tuningSentence(method: string, {judgedBy, terms, chosen, settings, trials}: Tuning): string {
  const [measure, by] =
    judgedBy === 'validation accuracy' ? ['accuracy', 'on validation'] : ['agreement', 'in cross-validation'];
  const score = trials.findLast(({setting}) => setting === chosen)?.score ?? Number.NaN;
  const failed = new Set(trials.filter(trial => trial.score === null).map(({setting}) => setting)).size;
  const lost = failed === 0 ? '' : `; ${counted(failed, 'setting')} came to nothing`;
  return `${method} is tuned: ${settingText(terms, settings[chosen]!)}, of ${settings.length} tried ${by}, ${measure} ${percentage(score)}${lost}.`;
}

/** The students that the runs chose, and why: a sentence a method; none if the recipe names one student. */
export function choiceSentences(results: Results): readonly string[] {
  return results.methods.flatMap(method => {
    const choices = rowsOf(results, method).flatMap(({choice}) => choice ?? []);
    return choices.length === 0 ? [] : [choiceSentence(method.method, choices)];
  });
}

/** The same for one method, from the choices of its runs. */
export function choiceSentence(method: string, choices: readonly StudentChoice[]): string {
  const tried = choices[0]!.candidates.map(({name, parameters}, index) => {
    const times = choices.filter(({chosen}) => chosen === index).length;
    const agreement = choices.reduce((sum, {candidates}) => sum + candidates[index]!.agreement, 0) / choices.length;
    return `${name} (${counted(parameters, 'parameter')}) ${percentage(agreement)}, chosen by ${times} of ${counted(choices.length, 'run')}`;
  });
  return `${method} chose its student by agreement in cross-validation: ${tried.join('; ')}.`;
}

/** What the assistant of each method added: a sentence a method; none if the recipe has no assistant. */
export function assistantSentences(results: Results): readonly string[] {
  return results.methods.flatMap(method => {
    const [use] = rowsOf(results, method).flatMap(({assistant}) => assistant ?? []);
    return use === undefined ? [] : [assistantSentence(method.method, use)];
  });
}

/** The same for one method, by the assistant of one run. */
export function assistantSentence(method: string, use: AssistantUse): string {
  const {encoder, answers, further, agreement, knowsNames, plainAgreement, plainly, weight} = use;
  const plain =
    plainly === 'numbers' ? 'logistic regression on the inputs themselves' : 'counts of words and characters';
  const noun = plainly === 'numbers' ? 'further input' : 'further text';
  const names = knowsNames ? ' and the names of the classes' : '';
  const fitted =
    `${method} had an assistant: a linear head on ${encoder}, fitted to ${counted(answers, 'answer')}${names}. It gave ` +
    `${percentage(agreement)} of the answers that it had not learned from, ${plain} ` +
    `${percentage(plainAgreement)} (point estimates).`;
  if (weight === 0) return `${fitted} So it was left out.`;
  return `${fitted} It labelled ${counted(further, noun)} for nothing: ${percentage(further / (further + answers))} of all targets are its own alone.`;
}

/** What further answers are expected to buy each method: a sentence a method, by its first run. */
export function nextSentences(results: Results): readonly string[] {
  return results.methods.flatMap(method => {
    const [next] = rowsOf(results, method).flatMap(row => row.next ?? []);
    return next === undefined ? [] : [nextSentence(method.method, next)];
  });
}

/** The same for one method. */
export function nextSentence(method: string, {answers, gain, interval, confidence, encoder}: ExpectedNext): string {
  const by = encoder === undefined ? 'counts of words and characters' : encoder;
  return (
    `${method} is expected to gain ${points(gain, 1)} points of agreement by the next ${counted(answers, 'answer')} ` +
    `(${confidenceText(confidence)} interval ${between(interval, 1)}): an estimate by the learning curve of a classifier on ${by}.`
  );
}

/** The methods that longer training may make better, by at least half of their students. */
export function underfittedMethods(results: Results): readonly MethodResult[] {
  return results.methods.filter(method => {
    const fits = rowsOf(results, method).flatMap(({fit}) => fit ?? []);
    return fits.length > 0 && 2 * fits.filter(({underfitted}) => underfitted).length >= fits.length;
  });
}

/** Which methods may be underfitted, and what to do about it: a sentence a method, then the advice; none if no method is. */
export function underfittedSentences(results: Results): readonly string[] {
  const methods = underfittedMethods(results);
  if (methods.length === 0) return [];
  const sentences = methods.map(method => {
    const rows = rowsOf(results, method);
    const agreement = spread(rows.flatMap(({fit}) => fit?.trainingAgreement ?? []));
    return underfittedSentence(method.method, agreement.mean, rows[0]!.curve.at(-1)?.step ?? Number.NaN);
  });
  return [
    ...sentences,
    `Figures of underfitted students are too low, and their differences say little. ${TRAIN_LONGER}`,
  ];
}

/**
 * The same for the student of one method.
 *
 * @param agreement - share of its training answers that it gives
 */
export function underfittedSentence(method: string, agreement: number, steps: number): string {
  return (
    `${method} may be underfitted: after ${counted(steps, 'step')} its loss was still falling, and it gives ` +
    `${percentage(agreement)} of the answers that it learned from.`
  );
}

/** What to do about underfitted students. */
export const TRAIN_LONGER: string =
  'Raise `steps` or `epochs` in `training` of the recipe, or leave `epochs` and `optimizer` out of it: the defaults train longer and faster. ' +
  'If that changes nothing, the student is too small, or the answers contradict each other.';

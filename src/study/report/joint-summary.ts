import type {PairVerdict} from '../budget-results.ts';
import type {JointMethodResult, QuestionResults, QuestionsResults} from '../joint/results.ts';
import {facing, intervalText} from './budgets.ts';
import {counted, list, percent, percentage} from './format.ts';
import {jointMissingSentences, underfittedSentences} from './sentences.ts';
import {ranked, spreadOf} from './spread.ts';
import {failureCaution, seedCaution} from './summary.ts';

/**
 * The result of a study of several questions in two sentences: which method agrees most often on all questions of an input,
 * and whether it differs from the first that learns from labels alone.
 */
export function jointHeadline(results: QuestionsResults): string {
  const {joint, questions} = results;
  const best = bestJointly(results);
  const [low, high] = best.interval;
  const interval = `95\u00a0% interval ${percent(low)} to ${percent(high)}`;
  const most = joint.length > 1 ? `, the most of ${counted(joint.length, 'method')}` : '';
  const found = `“${best.method}” agrees with the teacher on ${allOf(questions)} of ${percentage(best.agreement)} of test inputs (${interval})${most}.`;
  return `${found} ${secondSentence(results, best)}`;
}

/** The method with the highest agreement on all questions. */
export function bestJointly({joint}: QuestionsResults): JointMethodResult {
  return ranked(joint, ({agreement}) => agreement)[0] ?? joint[0]!;
}

function allOf({length}: readonly QuestionResults[]): string {
  return length === 1 ? 'the question' : length === 2 ? 'both questions' : `all ${length} questions`;
}

function secondSentence(results: QuestionsResults, best: JointMethodResult): string {
  const pair = comparedWith(results, best);
  if (pair === undefined) return hardestSentence(results, best);
  const {b, difference, verdict, detectable} = pair;
  const by = `${percent(Math.abs(difference))} points`;
  if (verdict === 'better') return `That is ${by} more often than “${b}” (${intervalText(pair)}).`;
  if (verdict === 'too few seeds to say')
    return `There are too few seeds to say whether it differs from “${b}” (${intervalText(pair)} points).`;
  const found = Number.isFinite(detectable)
    ? ` One of ${percent(detectable)} points would be found in 4 of 5 such studies.`
    : '';
  return `No difference from “${b}” is shown (${intervalText(pair)} points).${found}`;
}

/** The best method against the first that learns from labels alone, or else from the first or second method. */
function comparedWith({joint, verdicts}: QuestionsResults, best: JointMethodResult): PairVerdict | undefined {
  const others = joint.filter(one => one !== best);
  const baseline = others.find(({level}) => level === 'black-box') ?? others[0];
  if (baseline === undefined) return undefined;
  // Of several budgets, the last comparison of a pair is at the largest.
  return verdicts.flatMap(pair => (isOf(pair, best.method) ? (facing(pair, baseline.method) ?? []) : [])).at(-1);
}

function isOf({a, b}: PairVerdict, method: string): boolean {
  return a === method || b === method;
}

function hardestSentence({questions}: QuestionsResults, best: JointMethodResult): string {
  const shares = questions.map(({question, results}) => ({
    name: question.name,
    agreement: spreadOf(results, best, 'agreement').mean,
  }));
  const hardest = shares.reduce((least, one) => (one.agreement < least.agreement ? one : least));
  return `The question that it has right least often is “${hardest.name}”: ${percentage(hardest.agreement)}.`;
}

/** Says in a sentence what was compared. */
export function jointSetting({joint, questions, seeds, sizes}: QuestionsResults): string {
  const asked = questions.length === 1 ? 'one question' : `${counted(questions.length, 'question')} at once`;
  return `One student that answers ${asked}, taught in ${counted(joint.length, 'way')} by ${counted(sizes.transfer, 'input')}, with ${counted(seeds.length, 'seed')} each.`;
}

/** Cautions that a reader must know before using the numbers. */
export function jointCautions(results: QuestionsResults): readonly string[] {
  const {questions, verdicts} = results;
  const names = list(questions.map(({question}) => `“${question.name}”`));
  return [
    // All questions have the same students.
    ...underfittedSentences(questions[0]!.results),
    ...jointMissingSentences(results),
    ...[failureCaution(results), seedCaution(results)].flatMap(caution => caution ?? []),
    ...(verdicts.length > 1
      ? [
          `The ${counted(verdicts.length, 'verdict')} on all questions together are corrected for their number: the chance that any of them is false is held to 5\u00a0%.`,
        ]
      : []),
    `The verdicts on ${names} stand in their own reports, and each report is judged for itself: the more of them you read, the likelier one of them errs.`,
  ];
}

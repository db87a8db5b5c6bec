import {detailOf, satisfies} from '../../knowledge/coarsen.ts';
import type {Answer, Detail} from '../../teacher.ts';
import {decimalsOf, OF_LOGARITHMS, OF_PROBABILITIES, type Range, rangeOf} from './decimals.ts';

/** The findings from a handful of answers. */
export interface AnswerFindings {
  readonly answers: number;
  /** The least detail that one of them holds. */
  readonly given: Detail;
  /** The number of classes that an answer names. */
  readonly named: Range;
  /** Probability mass of the classes that an answer names. Absent if no probabilities are shown. */
  readonly mass?: Range;
  /** The mass that an answer gives to the classes that it doesn't name. Only for top-k answers. */
  readonly rest?: Range;
  /** The sum of both. */
  readonly total?: Range;
  /** The decimals to which probabilities and log-probabilities are rounded; absent if they aren't. */
  readonly decimals: {readonly probabilities?: number; readonly logProbabilities?: number};
  /** Answers in which two classes have the same score, to the bit. */
  readonly ties: number;
  /** The true kind of the logits, if they are something else. */
  readonly logitsAre?: 'probabilities' | 'log-probabilities';
}

/** Undefined if there are no answers. */
export function findInAnswers(answers: readonly Answer[]): AnswerFindings | undefined {
  const [first, ...others] = answers;
  if (first === undefined) return undefined;
  const logs = answers.flatMap(answer => [...(logsIn(answer) ?? [])]);
  const masses = answers.map(answer => massOf(logsIn(answer)));
  const rests = answers.map(answer => (answer.kind === 'top-k' ? answer.rest : undefined));
  const [mass, rest] = [masses, rests].map(values => rangeOf(values.filter(value => value !== undefined)));
  const total = rangeOf(masses.flatMap((value, index) => (value === undefined ? [] : [value + (rests[index] ?? 0)])));
  const logitsAre = natureOf(answers);
  return {
    answers: answers.length,
    given: others.map(detailOf).reduce(poorer, detailOf(first)),
    named: rangeOf(answers.map(namedIn))!,
    ...(mass && {mass}),
    ...(rest && {rest}),
    ...(total && {total}),
    decimals: roundingOf(logs),
    ties: answers.filter(hasTie).length,
    ...(logitsAre && {logitsAre}),
  };
}

function poorer(one: Detail, other: Detail): Detail {
  return satisfies(one, other) ? other : one;
}

function namedIn(answer: Answer): number {
  switch (answer.kind) {
    case 'label':
    case 'expected':
      return 1;
    case 'votes':
      return answer.counts.filter(count => count > 0).length;
    case 'top-k':
      return answer.classes.length;
    case 'log-probabilities':
      return answer.logProbabilities.length;
    case 'logits':
      return answer.logits.length;
    case 'vector':
      return 0;
  }
}

function logsIn(answer: Answer): Float32Array | undefined {
  return answer.kind === 'top-k' || answer.kind === 'log-probabilities' ? answer.logProbabilities : undefined;
}

function massOf(logs: Float32Array | undefined): number | undefined {
  return logs?.reduce((sum, value) => sum + Math.exp(value), 0);
}

/** Smaller values stand for nothing: adapters write 1e-38 for it. */
const NOTHING = 1e-37;

function roundingOf(logs: readonly number[]): AnswerFindings['decimals'] {
  const told = logs.filter(value => Math.exp(value) > NOTHING);
  const probabilities = decimalsOf(told.map(Math.exp), OF_PROBABILITIES);
  const logProbabilities = decimalsOf(told, OF_LOGARITHMS);
  return {
    ...(probabilities !== undefined && {probabilities}),
    ...(logProbabilities !== undefined && {logProbabilities}),
  };
}

function hasTie(answer: Answer): boolean {
  const scores = answer.kind === 'logits' ? answer.logits : (logsIn(answer) ?? []);
  const told = [...scores].filter(value => answer.kind === 'logits' || Math.exp(value) > NOTHING);
  return new Set(told).size < told.length;
}

/** How far a sum can be from 1. */
const SLACK = 1e-3;

/** Logits have no fixed sum. If all answers have one, they are something else. */
function natureOf(answers: readonly Answer[]): AnswerFindings['logitsAre'] {
  const rows = answers.map(answer => (answer.kind === 'logits' ? [...answer.logits] : undefined));
  const areAll = (test: (logits: readonly number[]) => boolean) => rows.every(row => row !== undefined && test(row));
  const isOne = (sum: number) => Math.abs(sum - 1) <= SLACK;
  const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  if (areAll(row => row.every(value => value >= 0) && isOne(sumOf(row)))) return 'probabilities';
  return areAll(row => isOne(sumOf(row.map(Math.exp)))) ? 'log-probabilities' : undefined;
}

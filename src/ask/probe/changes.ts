import {exactInterval, lowerBound} from '../../statistics/bounds.ts';
import {pairedInterval} from '../../statistics/paired.ts';
import type {Answer, Outcome} from '../../teacher.ts';
import {compareAnswers} from '../compare-answers.ts';

/** The probability that an agreement counts as shown although the true one is less. */
const ERROR = 0.05;

/** What another way to ask changes, by inputs that were answered three times: the one way, again, and the other way. */
export interface LabelChanges {
  /** Inputs that were answered three times. */
  readonly compared: number;
  /** Of these, with another label the other way. */
  readonly changed: number;
  /** Of these, with another label again. */
  readonly changedAgain: number;
  /** Share of the labels that are the same the other way. */
  readonly agreement: number;
  /** Exact 95 % interval of the agreement on inputs like these. */
  readonly interval: readonly [low: number, high: number];
  /** Share of the labels that the other way changes, less the share that asking again changes. */
  readonly extra: number;
  /** Interval of `extra`, of 95 % or more. */
  readonly extraInterval: readonly [low: number, high: number];
}

/** The outcomes of the same queries, in the same order. */
export interface AskedThrice {
  readonly first: readonly Outcome[];
  readonly again: readonly Outcome[];
  /** Asked in another way. */
  readonly other: readonly Outcome[];
}

/** Whether the label of an input is another one than at first. */
export interface Change {
  readonly other: boolean;
  readonly again: boolean;
}

/** The changes of each query; undefined of one that was not answered three times. */
export function changesByRow({first, again, other}: AskedThrice): readonly (Change | undefined)[] {
  return first.map((outcome, row) => {
    const answers = [outcome, again[row], other[row]].flatMap(one => (one && 'answer' in one ? [one.answer] : []));
    if (answers.length < 3) return undefined;
    const [before, after, otherwise] = answers as [Answer, Answer, Answer];
    return {other: compareAnswers(before, otherwise).flipped, again: compareAnswers(before, after).flipped};
  });
}

/** @returns undefined if no query was answered three times */
export function changesIn(rows: readonly (Change | undefined)[]): LabelChanges | undefined {
  const known = rows.filter(row => row !== undefined);
  const compared = known.length;
  if (compared === 0) return undefined;
  const count = (test: (row: Change) => boolean) => known.filter(test).length;
  const changed = count(row => row.other);
  const changedAgain = count(row => row.again);
  const apart = {one: count(row => row.other && !row.again), other: count(row => row.again && !row.other)};
  return {
    ...{compared, changed, changedAgain},
    agreement: 1 - changed / compared,
    interval: exactInterval(compared - changed, compared),
    extra: (changed - changedAgain) / compared,
    extraInterval: pairedInterval(apart, compared),
  };
}

/**
 * The agreement that labels have shown, with 95 % confidence.
 *
 * @param tests - how many agreements the confidence is about, all together
 */
export function shownAgreement({compared, changed}: Pick<LabelChanges, 'compared' | 'changed'>, tests = 1): number {
  return lowerBound(compared - changed, compared, ERROR / tests);
}

/** The fewest inputs that can show an agreement, if no label changes. */
export function leastToShow(agreement: number, tests = 1): number {
  return Math.ceil(Math.log(ERROR / tests) / Math.log(agreement));
}

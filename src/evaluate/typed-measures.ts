import {answeredRows, argmaxRows, softmaxRows} from '../data/arrays.ts';
import {selectRows} from '../data/inputs.ts';
import {classesOf, type Question} from '../question.ts';
import {meansOverClasses} from './by-class.ts';
import {type PredicateMetrics, predicateMetrics} from './predicates.ts';
import {auroc, averagePrecision} from './ranking.ts';
import {expectedLevels, levelDistances, medianLevels, type ScoreMetrics, scoreMetrics} from './scores.ts';
import {mean} from './statistics.ts';

/** How well a student knows the answers to a question, by the measures of the question's type. */
export type TypedMeasures = ChoiceMeasures | PredicateMeasures | ScoreMeasures;

/** How well a student knows a choice. */
export interface ChoiceMeasures {
  readonly type: 'choice';
  /** Share of the answered inputs on which student and teacher name the same class. */
  readonly agreement: number;
  /** Mean F1 over the classes. */
  readonly macroF1: number;
}

/** How well a student knows a predicate: yes from a probability of one half on. */
export interface PredicateMeasures extends PredicateMetrics {
  readonly type: 'predicate';
  /** Area under the ROC curve of P(yes); NaN if the teacher always says the same. */
  readonly auroc: number;
  /** Of the ranking by P(yes); NaN if nothing is yes. */
  readonly averagePrecision: number;
}

/** How well a student knows a score, by its median levels. */
export interface ScoreMeasures extends ScoreMetrics {
  readonly type: 'score';
  /** Mean absolute difference of the expected levels, if the teacher shows those alone. */
  readonly expectedMae?: number | undefined;
  /** Spearman's rank correlation of the expected levels, if the teacher shows those alone; NaN if a side does not vary. */
  readonly expectedSpearman?: number | undefined;
}

/**
 * Measures a student against answers to a question. Of a score it names the median level.
 *
 * @param logits - [count, classes], the student's
 * @param taught - [count], the class that is right; -1 if it is not known
 * @param taughtLevels - [count], the expected levels of a score, if the teacher shows those alone
 */
export function typedMeasures(
  question: Question,
  logits: ArrayLike<number>,
  taught: ArrayLike<number>,
  taughtLevels?: ArrayLike<number>,
): TypedMeasures {
  const {length: classes} = classesOf(question);
  switch (question.type) {
    case 'choice': {
      const rows = answeredRows(taught);
      const named = selectRows(argmaxRows(logits, classes), 1, rows);
      const labels = Int32Array.from(rows, row => taught[row]!);
      const agreement = mean(Array.from(labels, (label, row) => (named[row] === label ? 1 : 0)));
      return {type: 'choice', agreement, macroF1: meansOverClasses(named, labels, classes).macroF1};
    }
    case 'predicate': {
      const yes = softmaxRows(logits, classes).filter((_, cell) => cell % classes === 1);
      const ranking = {auroc: auroc(taught, yes), averagePrecision: averagePrecision(taught, yes)};
      return {type: 'predicate', ...ranking, ...predicateMetrics(taught, yes)};
    }
    case 'score': {
      const measured = scoreMetrics(taught, medianLevels(logits, classes), classes);
      return {type: 'score', ...measured, ...(taughtLevels && expectedLevelMeasures(taughtLevels, logits, classes))};
    }
  }
}

/** Holds the expected levels of a student against those that a teacher shows. Returns numbers in levels, and a correlation. */
export function expectedLevelMeasures(
  taught: ArrayLike<number>,
  logits: ArrayLike<number>,
  levels: number,
): Pick<ScoreMeasures, 'expectedMae' | 'expectedSpearman'> {
  const {mae, spearman} = levelDistances(taught, expectedLevels(logits, levels));
  return {expectedMae: mae, expectedSpearman: spearman};
}

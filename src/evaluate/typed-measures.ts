import {answeredRows, argmaxRows, softmaxRows} from '../data/arrays.ts';
import {selectRows} from '../data/inputs.ts';
import {classesOf, type Question} from '../question.ts';
import {meansOverClasses} from './by-class.ts';
import {type PredicateMetrics, predicateMetrics} from './predicates.ts';
import {auroc, averagePrecision} from './ranking.ts';
import {medianLevels, type ScoreMetrics, scoreMetrics} from './scores.ts';
import {mean} from './statistics.ts';

/** How well a student knows the answers to a question, by the measures of the question's type. */
export type TypedMeasures =
  | {readonly type: 'choice'; readonly agreement: number; readonly macroF1: number}
  | ({readonly type: 'predicate'; readonly auroc: number; readonly averagePrecision: number} & PredicateMetrics)
  | ({readonly type: 'score'} & ScoreMetrics);

/**
 * Measures a student against answers to a question. Of a score it names the median level.
 *
 * @param logits - [count, classes], the student's
 * @param taught - [count], the class that is right; -1 if it is not known
 */
export function typedMeasures(question: Question, logits: ArrayLike<number>, taught: ArrayLike<number>): TypedMeasures {
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
    case 'score':
      return {type: 'score', ...scoreMetrics(taught, medianLevels(logits, classes), classes)};
  }
}

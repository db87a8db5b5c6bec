import {InputError} from '../../errors.ts';
import {intervalOfShares} from '../../evaluate/compare-shares.ts';
import {mean} from '../../evaluate/statistics.ts';
import {nearestHint} from '../../options.ts';
import type {Condition, ConditionScope} from '../../recipe/conditions.ts';
import {budgetsWith, type Check, type CheckedCondition, checkResults, isMet, methodsIn} from '../check.ts';
import {counted} from '../report/format.ts';
import type {JointMethodResult, QuestionResults, QuestionsResults} from './results.ts';

/**
 * Checks conditions on the results of a study of several questions. A condition that names no question must hold for each of
 * them; one on joint agreement is about all together.
 *
 * @throws InputError if the results do not tell whether a condition holds
 */
export function checkQuestions(results: QuestionsResults, conditions: readonly Condition[]): Check {
  const checked = conditions.flatMap(condition =>
    condition.measure === 'jointAgreement' ? onAll(results, condition) : onEach(results, condition),
  );
  return {holds: checked.every(({holds}) => holds), conditions: checked};
}

function onEach(results: QuestionsResults, condition: Condition): readonly CheckedCondition[] {
  const {question: _, ...own} = condition;
  return questionsFor(results, condition).flatMap(one => {
    const name = {question: one.question.name};
    return checkResults(one.results, [own]).conditions.map(checked => ({...checked, ...name}));
  });
}

/** The questions that a condition is about. */
function questionsFor({questions}: QuestionsResults, {measure, question: name, class: wanted}: Condition) {
  if (measure === 'cost' || measure === 'calls' || measure === 'tokens') {
    if (name === undefined) return questions.slice(0, 1);
    throw new InputError(`A request carries all questions, so ${measure} is that of all. Leave the question out.`);
  }
  if (name === undefined) {
    const having = questions.filter(({results}) => wanted === undefined || results.classes.includes(wanted));
    return having.length > 0 ? having : questions.slice(0, 1);
  }
  const found = questions.filter(({question}) => question.name === name);
  if (found.length > 0) return found;
  const names = questions.map(({question}: QuestionResults) => question.name);
  throw new InputError(`The study has no question \`${name}\`. ${nearestHint(name, names)}`);
}

function onAll(results: QuestionsResults, condition: Condition): readonly CheckedCondition[] {
  if (condition.question !== undefined || condition.class !== undefined) {
    throw new InputError('Joint agreement is about all questions: leave the question and the class out.');
  }
  const sharesOf = (method: JointMethodResult) => sharesAt(results, method, condition);
  return methodsIn(results.joint, condition, method => mean(sharesOf(method))).map(found => {
    const {level, method, inputs} = found;
    const shares = sharesOf(found);
    if (shares.length === 0) throw new InputError(`The results have no joint agreement of “${method}” at this budget.`);
    const seeds = counted(shares.length, 'seed');
    if (condition.confident !== true) {
      const figure = mean(shares);
      return {...condition, level, method, figure, basis: `mean of ${seeds}`, holds: isMet(figure, condition)};
    }
    const isLow = condition.operator.startsWith('>');
    const interval = boundsWithMissing(results, inputs, intervalOfShares({shares, inputs}));
    const figure = interval[isLow ? 0 : 1];
    const basis = `${isLow ? 'lower' : 'upper'} end of the 95 % interval over ${seeds} and test inputs`;
    return {...condition, level, method, figure, basis, holds: isMet(figure, condition)};
  });
}

/** Joint agreement of the students of a method, at one budget. */
function sharesAt(
  {budgets}: QuestionsResults,
  {method, seeds}: JointMethodResult,
  {budget}: ConditionScope,
): readonly number[] {
  if (budget === undefined) return seeds.map(({agreement}) => agreement);
  const {rows} = budgetsWith(budgets, budget);
  return rows.flatMap(row => (row.method === method && row.budget === budget ? [row.agreement] : []));
}

/** If students disagree about every answer that is missing, and if they agree about all of them. */
function boundsWithMissing(
  {missing}: QuestionsResults,
  inputs: number,
  [low, high]: readonly [number, number],
): readonly [number, number] {
  if (missing === undefined) return [low, high];
  const {none, some, total} = missing;
  return [Math.max(0, low * inputs - some) / total, (high * inputs + none) / total];
}

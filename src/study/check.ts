import {dollars} from '../ask/budget/price.ts';
import {InputError} from '../errors.ts';
import {intervalOfShares} from '../evaluate/compare-shares.ts';
import {mean} from '../evaluate/statistics.ts';
import type {Level} from '../levels.ts';
import {nearestHint} from '../options.ts';
import {type Condition, type ConditionScope, isAbout, MEASURES} from '../recipe/conditions.ts';
import {boundsWithMissing} from '../statistics/bounds.ts';
import type {BudgetRow} from './budget-results.ts';
import {count, counted, decimal, percentage} from './report/format.ts';
import {ranked} from './report/spread.ts';
import type {MethodResult, ResultRow, Results} from './results.ts';

/** A condition on one method, and its outcome. */
export interface CheckedCondition extends Condition {
  readonly level: Level;
  readonly method: string;
  /** The number that was compared. */
  readonly figure: number;
  /** Says what the number is. */
  readonly basis: string;
  readonly holds: boolean;
}

export interface Check {
  /** Whether all conditions hold. */
  readonly holds: boolean;
  readonly conditions: readonly CheckedCondition[];
}

/** A number, and what it is. */
interface Figure {
  readonly figure: number;
  readonly basis: string;
}

/**
 * Checks conditions on the results of a study.
 *
 * @throws InputError if the results do not tell whether a condition holds
 */
export function checkResults(results: Results, conditions: readonly Condition[]): Check {
  const checked = conditions.flatMap(condition =>
    methodsFor(results, condition).map(({level, method}): CheckedCondition => {
      const found = figureOf(results, {...condition, level, method});
      return {...condition, level, method, ...found, holds: isMet(found.figure, condition)};
    }),
  );
  return {holds: checked.every(({holds}) => holds), conditions: checked};
}

export function isMet(figure: number, {operator, value}: Condition): boolean {
  if (operator === '>=') return figure >= value;
  if (operator === '<=') return figure <= value;
  return operator === '>' ? figure > value : figure < value;
}

function methodsFor(results: Results, scope: Condition): readonly MethodResult[] {
  if (scope.measure === 'jointAgreement' || scope.question !== undefined) {
    throw new InputError(
      'These are the results of one question: leave the question out, and check `agreement`. Joint agreement is in the folder of a study of several.',
    );
  }
  return methodsIn(results.methods, scope, method =>
    mean(rowsAt(results, method, scope).map(({vectors, agreement}) => vectors?.recall ?? agreement)),
  );
}

/**
 * The methods that a condition is about.
 *
 * @param agreementOf - its greatest value decides if no method and no level is named
 */
export function methodsIn<M extends Pick<MethodResult, 'level' | 'method'>>(
  methods: readonly M[],
  scope: ConditionScope,
  agreementOf: (method: M) => number,
): readonly M[] {
  const named = methods.filter(method => isAbout(scope, method));
  if (named.length === 0) {
    const {method, level} = scope;
    const wanted =
      method === undefined ? `method of level ${level}` : `method \`${method}\`${level ? ` of level ${level}` : ''}`;
    const names = methods.map(({method: name}) => name);
    const hint = method === undefined || names.includes(method) ? '' : ` ${nearestHint(method, names)}`;
    throw new InputError(`The study has no result of a ${wanted}.${hint}`);
  }
  if (scope.method !== undefined || scope.level !== undefined) return named;
  const best = ranked(named, agreementOf)[0];
  if (best === undefined) throw new InputError('The study knows the agreement of no method. Give `--method`.');
  return [best];
}

/** The students of a method, at one budget. */
function rowsAt(
  {rows, budgets}: Results,
  {level, method}: Pick<MethodResult, 'level' | 'method'>,
  {budget}: ConditionScope,
): readonly (ResultRow | BudgetRow)[] {
  const ofMethod = (row: ResultRow | BudgetRow) => row.level === level && row.method === method;
  if (budget === undefined) return rows.filter(ofMethod);
  return budgetsWith(budgets, budget).rows.filter(row => ofMethod(row) && row.budget === budget);
}

/**
 * The budgets of a study, one of which a condition is about.
 *
 * @throws InputError if the study has no such budget
 */
export function budgetsWith<B extends {readonly sizes: readonly number[]}>(budgets: B | undefined, budget: number): B {
  if (budgets === undefined) {
    throw new InputError('The study compared its methods at one budget. Leave the budget of the condition out.');
  }
  if (budgets.sizes.includes(budget)) return budgets;
  throw new InputError(`The study has no budget of ${count(budget)}. It has ${budgets.sizes.map(count).join(', ')}.`);
}

/** A condition on one method. */
type MethodCondition = Condition & Pick<CheckedCondition, 'level' | 'method'>;

function figureOf(results: Results, condition: MethodCondition): Figure {
  const {measure, method, class: className, confident} = condition;
  if (measure === 'cost' || measure === 'calls' || measure === 'tokens')
    return costOf(results, {...condition, measure});
  if (className !== undefined) return ofClass(results, condition, className);
  if (measure === 'recall' || measure === 'precision' || measure === 'f1') {
    throw new InputError(`A condition on ${measure} is about a class. Give its name, with \`--class\`.`);
  }
  const rows: readonly object[] = rowsAt(results, condition, condition);
  const values = rows
    .map(row => (row as Readonly<Record<string, unknown>>)[measure])
    .filter(value => typeof value === 'number');
  if (values.length < rows.length || values.length === 0) {
    const at = condition.budget === undefined ? '' : ` at a budget of ${count(condition.budget)}`;
    throw new InputError(`The results have no ${measure} of “${method}”${at}.`);
  }
  checkKnown(mean(values), condition);
  if (confident !== true) return {figure: mean(values), basis: `mean of ${counted(values.length, 'seed')}`};
  if (measure !== 'agreement' && measure !== 'accuracy') {
    throw new InputError(
      `The results do not tell an interval of ${measure}. Check it without \`--confident\`, apart from the others.`,
    );
  }
  const isLow = condition.operator.startsWith('>');
  const {missing, sizes} = results;
  const all = missing?.test ?? {count: 0, total: sizes.test};
  const end = boundsWithMissing(intervalOfShares({shares: values, inputs: all.total - all.count})[isLow ? 0 : 1], all)[
    isLow ? 0 : 1
  ];
  const about = values.length === 1 ? 'of this one student' : `over ${counted(values.length, 'seed')}`;
  return {figure: end, basis: `${isLow ? 'lower' : 'upper'} end of the 95 % interval ${about} and test inputs`};
}

function checkKnown(value: number, {measure, method}: MethodCondition): void {
  if (Number.isFinite(value)) return;
  throw new InputError(
    `The ${measure} of “${method}” is not known: without true labels, or without the teacher’s probabilities, some measures are not.`,
  );
}

function ofClass(results: Results, condition: MethodCondition, name: string): Figure {
  const {measure, method, level, budget, confident} = condition;
  const index = results.classes.indexOf(name);
  if (index < 0) throw new InputError(`The study has no class \`${name}\`. ${nearestHint(name, results.classes)}`);
  if (budget !== undefined || confident === true) {
    throw new InputError(
      'Figures of a class are means over seeds at the largest budget: leave out the budget and `--confident`.',
    );
  }
  const own = results.methods.find(one => one.method === method && one.level === level);
  const figures: Readonly<Partial<Record<string, number>>> = {...own?.classes?.[index]};
  const figure = figures[measure];
  if (figure === undefined)
    throw new InputError(`The results have no ${measure} of class \`${name}\` for “${method}”.`);
  checkKnown(figure, condition);
  return {figure, basis: `class ${name}, mean over seeds`};
}

type CostCondition = MethodCondition & {readonly measure: 'cost' | 'calls' | 'tokens'};

/** What the answers of a method cost: by themselves if budgets were compared, else what the study paid for them. */
function costOf(results: Results, condition: CostCondition): Figure {
  const {budgets, ledger} = results;
  const {measure, level, method, budget = budgets?.sizes.at(-1), confident = false} = condition;
  rowsAt(results, condition, condition);
  if (level === 'none') return {figure: 0, basis: 'true labels are asked of nobody'};
  if (budgets !== undefined) {
    const cost = budgets.costs.find(one => one.level === level && one.method === method && one.budget === budget);
    const estimate = cost?.[measure === 'cost' ? 'usd' : measure];
    if (estimate === undefined) throw unknownCost(condition);
    const basis = confident ? 'by themselves, in the worst case' : 'by themselves, expected';
    return {
      figure: confident ? estimate.worst : estimate.expected,
      basis: `answers to ${counted(budget!, 'input')} ${basis}`,
    };
  }
  const paid = ledger.byMethod[method] ?? ledger.byLevel[level];
  if (paid === undefined) throw unknownCost(condition);
  const {calls, cached, asked, inputTokens, outputTokens, usd} = paid;
  const figure = {calls, tokens: inputTokens + outputTokens, cost: usd ?? (calls === 0 ? 0 : undefined)}[measure];
  if (figure === undefined) throw unknownCost(condition);
  const kept = cached > 0 ? `; ${count(cached)} of ${counted(asked, 'answer')} were kept and cost nothing` : '';
  return {figure, basis: `in this study${kept}`};
}

function unknownCost({measure, method}: CostCondition): InputError {
  const remedy = measure === 'cost' ? " Give the teacher's adapter its `price`, or check calls." : '';
  return new InputError(`The results do not tell the ${measure} of the answers of “${method}”.${remedy}`);
}

/** The outcome of each condition in a line, and how many are broken. */
export function checkText({conditions}: Check): string {
  const lines = conditions.map(({measure, operator, value, method, level, question, figure, basis, holds}) => {
    const wanted = `${operator} ${figureText(measure, value)}`;
    const about = question === undefined ? '' : ` on ${question}`;
    return `${holds ? '✓' : '✗'} ${measure} of “${method}” (${level})${about}: ${figureText(measure, figure)}, wanted ${wanted} (${basis})`;
  });
  const broken = conditions.filter(({holds}) => !holds).length;
  const end =
    broken === 0 ? 'All conditions hold.' : `Broken: ${broken} of ${counted(conditions.length, 'condition')}.`;
  return [...lines, end].join('\n');
}

function figureText(measure: Condition['measure'], value: number): string {
  const unit = MEASURES[measure];
  if (unit === 'share') return percentage(value);
  if (unit === 'usd') return dollars(value);
  return unit === 'count' ? count(value) : decimal(value, 4);
}

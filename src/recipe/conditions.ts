import {z} from 'zod';
import {InputError} from '../errors.ts';
import type {Access} from '../teacher.ts';

/** How the figures of a measure are written: shares also in per cent, money in US dollars. */
type Unit = 'share' | 'number' | 'count' | 'usd';

/** The measures that conditions can be about. Those of a student have the names that they have in its row. */
export type ConditionMeasure =
  | 'agreement'
  | 'jointAgreement'
  | 'accuracy'
  | 'balancedAccuracy'
  | 'macroF1'
  | 'agreementWhereTeacherErrs'
  | 'recall'
  | 'precision'
  | 'f1'
  | 'ece'
  | 'adaptiveEce'
  | 'nll'
  | 'brier'
  | 'klToTeacher'
  | 'cost'
  | 'calls'
  | 'tokens';

export const MEASURES: Readonly<Record<ConditionMeasure, Unit>> = {
  agreement: 'share',
  jointAgreement: 'share',
  accuracy: 'share',
  balancedAccuracy: 'share',
  macroF1: 'share',
  agreementWhereTeacherErrs: 'share',
  recall: 'share',
  precision: 'share',
  f1: 'share',
  ece: 'share',
  adaptiveEce: 'share',
  nll: 'number',
  brier: 'number',
  klToTeacher: 'number',
  cost: 'usd',
  calls: 'count',
  tokens: 'count',
};

export const CONDITION_MEASURES = Object.keys(MEASURES) as readonly ConditionMeasure[];

type Operator = '>=' | '<=' | '>' | '<';

export const CONDITION_OPERATORS: readonly Operator[] = ['>=', '<=', '>', '<'];

/** The part of a study that conditions are about. */
export interface ConditionScope {
  /**
   * Name of a method.
   *
   * @default every method of `level`; without a level, the method with the highest mean agreement
   */
  readonly method?: string | undefined;
  /** Every method of this level must meet the conditions. */
  readonly level?: 'none' | Access | undefined;
  /**
   * One of the study's budgets, a number of inputs.
   *
   * @default the largest
   */
  readonly budget?: number | undefined;
  /**
   * Name of a question, of a study of several.
   *
   * @default each question must meet the conditions; `jointAgreement` is about all together
   */
  readonly question?: string | undefined;
  /** Name of a class, for agreement, recall, precision and F1. */
  readonly class?: string | undefined;
  /**
   * Whether the unfavourable end of the 95 % interval must meet the conditions, not the mean over seeds; for a cost that
   * is estimated, the worst case.
   *
   * @default false
   */
  readonly confident?: boolean | undefined;
}

/** A condition on the results of a study. */
export interface Condition extends ConditionScope {
  readonly measure: ConditionMeasure;
  readonly operator: Operator;
  /** Shares as fractions, money in US dollars. */
  readonly value: number;
}

/** Conditions by their measures, for example `{agreement: '>= 97%', cost: '< 5usd'}`, and what they are about. */
export type RecipeConditions = ConditionScope & {readonly [Measure in ConditionMeasure]?: string | undefined};

const FORMS: Readonly<Record<Unit, string>> = {
  share: "'>= 0.97' or '>= 97%'",
  number: "'< 0.2'",
  count: "'<= 2000'",
  usd: "'< 5usd' or '< $5'",
};

/**
 * Reads a condition, such as `>= 97%`.
 *
 * @throws InputError that shows the forms
 */
export function parseCondition(
  measure: ConditionMeasure,
  text: string,
): Pick<Condition, 'measure' | 'operator' | 'value'> {
  const unit: Unit = MEASURES[measure];
  const refuse = (problem: string) =>
    new InputError(`The condition \`${text}\` on ${measure} ${problem}. Give it as ${FORMS[unit]}.`);
  const [, operator, dollar, digits, suffix = ''] =
    /^\s*(>=|<=|>|<)\s*(\$?)\s*(\d+(?:\.\d+)?|\.\d+)\s*(%|[a-z]*)\s*$/i.exec(text) ?? [];
  if (operator === undefined) throw refuse('is not an operator (>=, >, <=, <) and a number');
  const isDollars = dollar === '$' ? suffix === '' : /^(usd)?$/i.test(suffix);
  const isUnit = unit === 'usd' ? isDollars : dollar === '' && isSuffix(suffix, measure, unit);
  if (!isUnit) throw refuse('has a unit that the measure has not');
  const value = suffix === '%' ? Number(`${digits}e-2`) : Number(digits);
  if (unit === 'share' && value > 1) throw refuse('asks for a share above 1');
  return {measure, operator: operator as Condition['operator'], value};
}

function isSuffix(suffix: string, measure: ConditionMeasure, unit: Unit): boolean {
  if (suffix === '') return true;
  return unit === 'share' ? suffix === '%' : unit === 'count' && suffix.toLowerCase() === measure;
}

/** The conditions of a recipe, in the order of their measures. */
export function conditionsOf(conditions: RecipeConditions): Condition[] {
  const {method, level, budget, question, class: className, confident} = conditions;
  const scope = {method, level, budget, ...(question !== undefined && {question}), class: className, confident};
  return CONDITION_MEASURES.flatMap(measure => {
    const text = conditions[measure];
    return text === undefined ? [] : [{...parseCondition(measure, text), ...scope}];
  });
}

/** The conditions of a recipe that are about one of its questions; undefined if none is. */
export function conditionsAbout(conditions: RecipeConditions, question: string): RecipeConditions | undefined {
  const {question: named, jointAgreement: _, ...own} = conditions;
  const isOwn = named === undefined || named === question;
  return isOwn && CONDITION_MEASURES.some(measure => (own as RecipeConditions)[measure] !== undefined)
    ? own
    : undefined;
}

function aCondition(measure: ConditionMeasure): z.ZodType {
  return z.string().superRefine((text, context) => {
    try {
      parseCondition(measure, text);
    } catch (error) {
      context.addIssue({code: 'custom', message: (error as InputError).message});
    }
  });
}

/** Checks the conditions of a recipe. */
export const conditionsSchema: z.ZodObject = z.strictObject({
  method: z.string().optional(),
  level: z.enum(['none', 'black-box', 'gray-box', 'white-box']).optional(),
  budget: z.int().min(1).optional(),
  question: z.string().optional(),
  class: z.string().optional(),
  confident: z.boolean().optional(),
  ...Object.fromEntries(CONDITION_MEASURES.map(measure => [measure, aCondition(measure).optional()])),
});

/**
 * What is wrong with conditions about the questions of a recipe: a key of the conditions, and why.
 *
 * @param questions - undefined if the recipe is about one
 */
export function conditionProblems(
  conditions: RecipeConditions | undefined,
  questions: readonly {readonly name: string}[] | undefined,
): readonly (readonly [key: string, problem: string])[] {
  if (conditions === undefined) return [];
  const {question: name, jointAgreement, class: className} = conditions;
  const problems: [key: string, problem: string][] = [];
  if (name !== undefined && !questions?.some(question => question.name === name)) {
    problems.push(['question', questions ? 'no question has this name' : 'the recipe has no `questions`']);
  }
  if (jointAgreement === undefined) return problems;
  if (questions === undefined) problems.push(['jointAgreement', 'the recipe has no `questions`: use `agreement`']);
  else if (name !== undefined || className !== undefined) {
    problems.push(['jointAgreement', 'is about all questions: leave it out, or the question and the class']);
  }
  return problems;
}

/** Whether some method is one that conditions are about. */
export function isAbout(
  {method: name, level: wanted}: ConditionScope,
  {method, level}: {readonly method: string; readonly level: string},
): boolean {
  return (name === undefined || name === method) && (wanted === undefined || wanted === level);
}

import type {Estimate} from '../ask/plan/cost.ts';
import type {Cheapest, Exchange} from '../evaluate/exchange-rate.ts';
import type {PairJudgement} from '../evaluate/judge-pairs.ts';
import type {Level} from '../levels.ts';
import type {VectorMeasure, VectorMeasures} from './vectors/results.ts';

/** The findings at several budgets of answers, as in `results.json`. */
export interface BudgetFindings {
  /** Numbers of inputs that students learn from, ascending. The inputs of one budget are among those of the next. */
  readonly sizes: readonly number[];
  /** Optimizer steps of every run, the same at all budgets. */
  readonly steps: number;
  /** One for each method, budget and seed, in this order. Those of the largest budget stand in `Results.rows` as well. */
  readonly rows: readonly BudgetRow[];
  /** One for each method and budget, in this order. */
  readonly costs: readonly BudgetCost[];
  readonly exchangeRates: readonly ExchangeRate[];
  /** One for each wanted agreement that some method reaches, ascending. */
  readonly cheapest: readonly CheapestMethod[];
}

/** One student, measured on the test split. */
export interface BudgetRow {
  readonly level: Level;
  readonly method: string;
  readonly seed: number;
  readonly accuracy: number;
  /** Share of test inputs on which student and teacher name the same class. */
  readonly agreement: number;
  /** Mean KL(teacher || student) at T = 1; NaN, in the file null, if the teacher shows labels alone. */
  readonly klToTeacher: number;
  readonly nll: number;
  readonly ece: number;
  /** Present if the teacher gives vectors: the measures of classes are then NaN, in the file null. */
  readonly vectors?: VectorMeasures | undefined;
  /** The entry of `BudgetFindings.sizes`. */
  readonly budget: number;
  /** Answers that it learned from. Versions of an input count for themselves, inputs without an answer don't. */
  readonly answers: number;
  readonly seconds: number;
}

/** The cost of a method's answers by themselves, if none were kept before: an estimate, as `limbeck plan` makes it. */
export interface BudgetCost {
  readonly level: Level;
  readonly method: string;
  readonly budget: number;
  /** Requests; 0 if no service is asked. */
  readonly calls: Estimate;
  /** Input and output tokens; absent if the service does not count them. */
  readonly tokens?: Estimate | undefined;
  /** US dollars; absent if no price is known. */
  readonly usd?: Estimate | undefined;
}

/**
 * The number of answers of one method that teach as much as a number of answers of another. Between two budgets, agreement is
 * taken to grow linearly with the logarithm of the budget.
 */
export interface ExchangeRate extends Exchange {
  /** The method whose answers are counted in those of the other. */
  readonly method: string;
  /** Its number of inputs. */
  readonly budget: number;
  /** The method of the other answers. */
  readonly inAnswersOf: string;
}

/** The method that reaches an agreement at the least cost: a point estimate, with budgets between the measured ones interpolated. */
export interface CheapestMethod extends Omit<Cheapest, 'name'> {
  readonly level: Level;
  readonly method: string;
}

/** The comparison of two methods at one budget, or over all of them. */
export interface PairVerdict extends Omit<PairJudgement, 'budget'> {
  /** A number of inputs; `curve` for the mean over all budgets. */
  readonly budget: number | 'curve';
  /** What is compared on the test split: agreement with the teacher; if it gives vectors, their mean cosine or the recall. */
  readonly measure: 'agreement' | VectorMeasure;
}

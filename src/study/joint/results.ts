import type {TypedMeasures} from '../../evaluate/typed-measures.ts';
import type {Level} from '../../levels.ts';
import type {Question} from '../../question.ts';
import type {Condition} from '../../recipe/conditions.ts';
import type {ExchangeRate, PairVerdict} from '../budget-results.ts';
import type {EarlierStudy, Results, RunFailure} from '../results.ts';

/**
 * The findings about all questions of a study together, as in `joint.json`. Joint agreement is the share of test inputs on
 * which student and teacher name the same class of every question that the teacher answered.
 */
export interface JointResults {
  /** Format of this document; a reader refuses one it doesn't know. */
  readonly schema: 'limbeck.joint/1';
  readonly name: string;
  /** ISO 8601. */
  readonly finishedAt: string;
  readonly seconds: number;
  readonly versions: Results['versions'];
  readonly seeds: readonly number[];
  readonly sizes: Results['sizes'];
  /** Test inputs that lack answers. Absent if all questions were answered about every one. */
  readonly missing?: JointMissing | undefined;
  /** In the order of the recipe. */
  readonly questions: readonly JointQuestion[];
  /** One a method with a run that succeeded, in the order of the recipe. */
  readonly joint: readonly JointMethodResult[];
  /** Runs that came to nothing: one student answers all questions, so these are the failures of each of them. */
  readonly failures: readonly RunFailure[];
  /**
   * Each pair of methods, in joint agreement: at each budget and over all of them, if there are several. All hold together;
   * those on single questions are judged apart.
   */
  readonly verdicts: readonly PairVerdict[];
  /** Present if several budgets were compared. */
  readonly budgets?: JointBudgets | undefined;
  /** The recipe's conditions, which `limbeck check` checks. Absent if it has none. */
  readonly conditions?: readonly Condition[] | undefined;
  /** Present if an earlier study was laid beside this one. */
  readonly earlier?: EarlierStudy | undefined;
}

/** The results of a recipe with several questions. */
export interface QuestionsResults extends Omit<JointResults, 'questions'> {
  /** In the order of the recipe: the whole results of each question, as `compare` gives them for one. */
  readonly questions: readonly QuestionResults[];
}

export interface QuestionResults extends Pick<JointQuestion, 'measures'> {
  readonly question: Pick<Question, 'name' | 'type' | 'instructions'>;
  /** The folder of its report and results. */
  readonly directory: string;
  readonly results: Results;
}

/** One question of the study. It has results of its own. */
export interface JointQuestion {
  readonly name: string;
  readonly type: Question['type'];
  /** What is asked, in words. */
  readonly instructions?: string | undefined;
  /** The folder of its `results.json` and report, relative to that of this file. */
  readonly directory: string;
  /** Of its results. */
  readonly finishedAt: string;
  /** Each student that learned from all inputs, by the measures of the question's type, against the teacher. */
  readonly measures: readonly MeasuredStudent[];
}

export type MeasuredStudent = TypedMeasures & StudentName;

/** Names a student of a study. */
export interface StudentName {
  readonly level: Level;
  readonly method: string;
  readonly seed: number;
}

/** The students of a method that learned from all inputs. */
export interface JointMethodResult {
  readonly level: Level;
  readonly method: string;
  /** Mean joint agreement over the seeds, from 0 to 1. */
  readonly agreement: number;
  /** At 95 %, over other seeds and other test inputs; of one seed, over test inputs alone. */
  readonly interval: readonly [low: number, high: number];
  /** By seed. */
  readonly seeds: readonly SeedAgreement[];
  /** Test inputs with an answer to at least one question. */
  readonly inputs: number;
}

/** The joint agreement of one student. */
export interface SeedAgreement {
  readonly seed: number;
  readonly agreement: number;
}

/** Joint agreement at several budgets of answers. */
export interface JointBudgets {
  /** Numbers of inputs that students learn from, ascending. */
  readonly sizes: readonly number[];
  /** One for each method, budget and seed, in this order. */
  readonly rows: readonly JointBudgetRow[];
  readonly exchangeRates: readonly ExchangeRate[];
}

/** One student at one budget. */
export interface JointBudgetRow extends StudentName {
  /** The entry of `JointBudgets.sizes`. */
  readonly budget: number;
  readonly agreement: number;
}

/** Numbers of test inputs. */
export interface JointMissing {
  /** Without an answer to any question: nothing is measured on them. */
  readonly none: number;
  /** With an answer to some of the questions: joint agreement is that on these. */
  readonly some: number;
  readonly total: number;
}

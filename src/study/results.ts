import type {LedgerSnapshot} from '../ask/ledger.ts';
import type {Ceiling, Verdict} from '../ask/probe/repetition.ts';
import type {ClassResult, Confusion} from '../evaluate/by-class.ts';
import type {CascadeResult, Coverage} from '../evaluate/calibration.ts';
import type {Difference} from '../evaluate/compare-scores.ts';
import type {TargetSummary} from '../evaluate/effects.ts';
import type {StudentEfficiency, TeacherEfficiency} from '../evaluate/efficiency.ts';
import type {Judgement} from '../evaluate/judge.ts';
import type {ReliabilityBin} from '../evaluate/reliability.ts';
import type {Level} from '../levels.ts';
import type {Condition} from '../recipe/conditions.ts';
import type {MissingCount} from '../statistics/bounds.ts';
import type {Access} from '../teacher.ts';
import type {Fit} from '../train/trend.ts';
import type {BudgetFindings, PairVerdict} from './budget-results.ts';
import type {ExpectedNext} from './expect-next.ts';
import type {AssistantUse, CurvePoint, MethodSelection, StudentChoice, Tuning} from './methods.ts';
import type {VectorMeasures, VectorMethod, VectorStudy} from './vectors/results.ts';

/** The findings of a study, as in `results.json`. Accuracies and rates are fractions, entropies and divergences nats. */
export interface Results {
  /** Format of this document; a reader refuses one it doesn't know. */
  readonly schema: 'limbeck.results/1';
  readonly name: string;
  /** ISO 8601. */
  readonly finishedAt: string;
  readonly seconds: number;
  /** `threads`: how many shared an operation while students were trained, see `Engine`. */
  readonly engine: {readonly name: string; readonly version: string; readonly threads: number};
  readonly versions: {readonly limbeck: string; readonly node: string};
  readonly classes: readonly string[];
  /**
   * The labels that answers are held against: true ones, or the teacher's if nobody knows them. All accuracies are then
   * NaN, in the file null.
   */
  readonly truth: 'labels' | 'teacher';
  readonly sizes: {
    readonly train: number;
    readonly validation: number;
    readonly test: number;
    readonly transfer: number;
  };
  /** Absent if every input was answered. */
  readonly missing?: {
    /** Inputs drawn from the training split that a level did not answer: no method learns from them. */
    readonly transfer: MissingInputs;
    /**
     * Inputs of the test split that the teacher did not answer: nothing is measured on them. They can move every share
     * that is measured there, up or down, by `share` at most.
     */
    readonly test: MissingInputs;
  };
  /** Absent if no input was written by a model. */
  readonly written?: WrittenInputs | undefined;
  /** The teacher on the test split. */
  readonly teacher: {readonly name: string} & Metrics;
  readonly ledger: LedgerTotals & {
    /** For the answers that methods of a level share. */
    readonly byLevel: Readonly<Partial<Record<Access, LedgerTotals>>>;
    /** For methods that ask in their own way, by their names. */
    readonly byMethod: Readonly<Record<string, LedgerTotals>>;
    /** The teacher's answers about the test split, which only measure: not in the totals. */
    readonly evaluation: LedgerTotals;
  };
  /** The repeatability of gray-box services, which were asked twice; absent if none was. */
  readonly steadiness?: readonly Repeatability[] | undefined;
  /** Present if the recipe measures it. */
  readonly ceiling?: Ceiling | undefined;
  /** The recipe's student, or those that each run chooses among. */
  readonly students: readonly StudentShape[];
  readonly seeds: readonly number[];
  /** One a method and seed, in the order of the recipe. */
  readonly rows: readonly ResultRow[];
  /** Runs that came to nothing. A method all of whose runs did is left out of `methods`; others have fewer seeds. */
  readonly failures: readonly RunFailure[];
  /** One a method with a run that succeeded, in the order of the recipe. */
  readonly methods: readonly MethodResult[];
  /**
   * All comparisons of the study: of each pair of methods, at each budget and over all of them; without budgets, of each
   * method with the baseline. Absent in results of earlier versions.
   */
  readonly verdicts?: readonly PairVerdict[] | undefined;
  /** The recipe's conditions, which `limbeck check` checks. Absent if it has none. */
  readonly conditions?: readonly Condition[] | undefined;
  /** Present if several budgets were compared. */
  readonly budgets?: BudgetFindings | undefined;
  /** Present if an earlier study was laid beside this one. */
  readonly earlier?: EarlierStudy | undefined;
  /** Entropy of the teacher's own distributions over the transfer set, if it shows them. */
  readonly teacherTargets?: TargetSummary | undefined;
  /** Class relation of the teacher on the test split, see `MethodResult.relation`. */
  readonly teacherRelation: readonly (readonly number[])[];
  readonly teacherReliability: readonly ReliabilityBin[];
  /** One for each level that was asked, and for the one that students are measured against. Absent as `efficiency` is. */
  readonly teacherEfficiency?: readonly TeacherEfficiency[] | undefined;
  /**
   * Present if the teacher gives vectors: there are no classes then, and all that is measured by classes is empty, or NaN, in
   * the file null.
   */
  readonly vectors?: VectorStudy | undefined;
}

export interface StudentShape {
  /** Name of its model. */
  readonly name: string;
  readonly parameters: number;
  readonly layers: readonly string[];
}

export type LedgerTotals = LedgerSnapshot;

export interface Metrics {
  readonly accuracy: number;
  readonly nll: number;
  readonly ece: number;
}

export interface ResultRow extends Metrics {
  readonly level: Level;
  readonly method: string;
  readonly seed: number;
  /** Answers that the method learned from, those among them that were set apart to calibrate. */
  readonly budget: number;
  /** Share of test inputs on which student and teacher name the same class. */
  readonly agreement: number;
  /**
   * The lowest and the highest that it can be on the whole test split: if student and teacher disagree on every input
   * that the teacher did not answer, and if they agree there. Absent if it answered all.
   */
  readonly agreementBounds?: readonly [number, number] | undefined;
  /** Agreement where the teacher is wrong; NaN, in the file null, if it never is or nobody knows. Earlier versions lack it. */
  readonly agreementWhereTeacherErrs?: number | undefined;
  /** Mean recall over the classes; NaN, in the file null, without true labels, like `accuracy`. */
  readonly balancedAccuracy?: number | undefined;
  /** Mean F1 over the classes; NaN as `balancedAccuracy` is. */
  readonly macroF1?: number | undefined;
  /** Calibration error over bins of equally many inputs. */
  readonly adaptiveEce?: number | undefined;
  /** Mean KL(teacher || student) at T = 1; NaN, in the file null, if the teacher shows labels alone. */
  readonly klToTeacher: number;
  readonly brier: number;
  /** Mean entropy of the student's distributions. */
  readonly entropy: number;
  readonly seconds: number;
  readonly curve: readonly CurvePoint[];
  /** How well the student fits what it learned from. Absent in results of earlier versions. */
  readonly fit?: Fit | undefined;
  /** Present if the recipe names several students. */
  readonly choice?: StudentChoice | undefined;
  /** Present if the recipe has an assistant. */
  readonly assistant?: AssistantUse | undefined;
  /** What further answers are expected to buy: an estimate. Absent as `expectNext` says. */
  readonly next?: ExpectedNext | undefined;
  /** Present if the teacher gives vectors: the measures of classes are then NaN. */
  readonly vectors?: VectorMeasures | undefined;
  /** If the recipe's calibration names an agreement and a teacher answered. */
  readonly cascade?: CascadeResult | undefined;
}

export interface RunFailure {
  readonly level: Level;
  readonly method: string;
  /** Number of inputs that it was to learn from; absent if all. */
  readonly budget?: number | undefined;
  readonly seed: number;
  readonly reason: string;
}

export interface MethodResult {
  readonly level: Level;
  readonly method: string;
  /** Says in a sentence what it learned from. */
  readonly description: string;
  /** The targets that it learned from. */
  readonly targets: TargetSummary;
  /** Bins of the first seed's student on the test split. */
  readonly reliability: readonly ReliabilityBin[];
  /** [true class][class]: the mean softmax at temperature 4 of test inputs of a class, mean over seeds. */
  readonly relation: readonly (readonly number[])[];
  /** Pearson correlation of the off-diagonal entries of `relation` with the teacher's. */
  readonly relationCorrelation: number;
  /** Variance of the student's distributions within a class, mean over classes and seeds. */
  readonly intraClassVariance: number;
  /** What students mistake for what: the true classes, if anybody knows them, and the teacher's. Earlier versions lack it. */
  readonly confusion?: {readonly truth?: Confusion | undefined; readonly teacher: Confusion} | undefined;
  /** How each class fares, in the order of `Results.classes`. */
  readonly classes?: readonly ClassResult[] | undefined;
  /** Agreement with the teacher by the share of test inputs that students answer. */
  readonly coverage?: Coverage | undefined;
  /** The first seed's student, measured on test inputs after the training. Absent in results of earlier versions. */
  readonly efficiency?: StudentEfficiency | undefined;
  /** Present if it chose its inputs in rounds. Absent in results of earlier versions. */
  readonly selection?: MethodSelection | undefined;
  /** Present if its losses were tuned. */
  readonly tuning?: Tuning | undefined;
  /** Present if the teacher gives vectors. */
  readonly vectors?: VectorMethod | undefined;
  /** Against label-only distillation, or the first row if there is none. */
  readonly versusLabels?: Comparison | undefined;
}

/** Whether a service gives the same scores each time it is asked. */
export interface Repeatability {
  readonly level: Access;
  /** Its name. */
  readonly teacher: string;
  /** Inputs that were answered twice. */
  readonly compared: number;
  /** The inputs among these with another best class. */
  readonly flips: number;
  /** In nats, of the later distributions from the earlier ones. */
  readonly meanKl: number;
  readonly verdict: Verdict;
  /** The cost of finding out; not in the totals. */
  readonly ledger: LedgerTotals;
  /** Methods that learned from labels in place of scores for it. */
  readonly fallbacks: readonly string[];
}

/** A method against the baseline, in agreement with the teacher; differences as fractions. */
export interface Comparison extends Omit<Difference, 'variance'>, Judgement {
  /** Its name. */
  readonly baseline: string;
  /** p value of this comparison alone. Absent in results of earlier versions. */
  readonly pAlone?: number | undefined;
}

/** How many inputs were written by a model. */
export interface WrittenInputs {
  /** Of those that the teachers are asked about. */
  readonly transfer: number;
  /** Of the test split: none, unless there are no real inputs. */
  readonly test: number;
}

/** Inputs that were left without an answer. */
export interface MissingInputs extends MissingCount {
  /** `count / total`, from 0 to 1. The furthest that they can move a share that is measured without them. */
  readonly share: number;
}

/** An earlier study, laid beside this one. */
export interface EarlierStudy {
  readonly name: string;
  /** ISO 8601. */
  readonly finishedAt: string;
  /** The version of limbeck that it was made by. */
  readonly limbeck: string;
  /** Sentences that say what is not the same in both studies, and what could not be compared. */
  readonly differences: readonly string[];
  /**
   * One for each measure, method and budget that both studies have, in this order. The verdicts on one measure hold
   * together. Empty if the classes differ.
   */
  readonly changes: readonly StudyChange[];
}

/** A number of one method in both studies; `difference` is this study's less the earlier one's. */
export interface StudyChange extends Omit<Difference, 'variance'>, Judgement {
  readonly level: Level;
  readonly method: string;
  /** Number of inputs. */
  readonly budget: number;
  readonly measure: 'agreement' | 'accuracy';
  /** In the earlier study. */
  readonly before: MeanShare;
  readonly after: MeanShare;
}

/** The mean of a share over the seeds of a method. */
export interface MeanShare {
  readonly mean: number;
  /** At 95 %, over other seeds and other test inputs. */
  readonly interval: readonly [low: number, high: number];
}

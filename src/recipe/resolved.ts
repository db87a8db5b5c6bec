import type {Dataset, TransferSet, UnlabelledDataset} from '../data/split.ts';
import type {StudentBuilder, Task} from '../student/student.ts';
import type {Access} from '../teacher.ts';
import type {PlannedMethods, QueryPlan} from './methods.ts';
import type {Recipe, TrainingOptions} from './recipe.ts';
import type {TaskOptions} from './task.ts';
import type {Drawn, DrawnShards, RowRange} from './transfer.ts';

export type {Drawn} from './transfer.ts';

/** A recipe with its data and all that follows from both. It is made once and passed down. */
export interface ResolvedRecipe
  extends Omit<Recipe, 'questions' | 'data' | 'student' | 'methods' | 'budgets' | keyof TaskOptions>,
    PlannedMethods {
  readonly data: Dataset | UnlabelledDataset;
  /** True if the teacher gives vectors: the data then have no classes, and no labels. */
  readonly givesVectors: boolean;
  /** The teachers are asked about these inputs; the baseline has their labels. Of shards, a sample may be held. */
  readonly drawn: Drawn;
  /** Undefined if the training inputs are in memory. */
  readonly shards: DrawnShards | undefined;
  readonly training: TrainingOptions;
  /** Undefined if all methods learn from all inputs that were drawn. */
  readonly budgets: Budgets | undefined;
  /** The recipe's student, or those that each run chooses among. */
  readonly students: readonly StudentBuilder[];
  /** The task that every student must fit. */
  readonly task: Task;
  /** Parts of the answers in cross-fitting. */
  readonly folds: number;
  /** The same if an assistant teaches. */
  readonly assistedFolds: number;
  /** Parts are tried until there are so many answers; undefined: all parts are. */
  readonly mostTried: number | undefined;
  /** How many students each run trains before its own, at most, to choose one and to calibrate it. */
  readonly trials: number;
  /** The levels that methods learn from, the one that shows least first. */
  readonly levels: readonly Access[];
  /** The level that students are measured against. */
  readonly reference: Access;
  /** How many of so many answers are set apart to calibrate students. */
  calibrationSizeOf(answers: number): number;
  /** Says that columns of the inputs differ in scale by far, which costs students more than most settings do. */
  scaleNote(): string | undefined;
  /** The inputs that a plan asks about: those that were drawn, or the versions of them that its method learns from. */
  transferOf(plan: QueryPlan): TransferSet;
  /** Some rows of the same, which are read if they are in shards. */
  partOf(plan: QueryPlan, rows: RowRange): Promise<TransferSet>;
}

/** The budgets that methods are compared at. */
export interface Budgets {
  /** Numbers of drawn inputs, ascending. */
  readonly sizes: readonly number[];
  /** Optimizer steps of every run. */
  readonly steps: number;
}

import {
  type Dataset,
  drawExamples,
  type Split,
  type TransferSet,
  transferSet,
  type Unlabelled,
  type UnlabelledDataset,
} from '../data/split.ts';
import {type VersionOptions, versionsOf} from '../data/versions.ts';
import {joinDetails} from '../knowledge/coarsen.ts';
import {LEVELS} from '../levels.ts';
import {needsOf} from '../losses/objective.ts';
import type {Selection} from '../select/options.ts';
import type {StudentBuilder, Task} from '../student/student.ts';
import type {Access, Detail} from '../teacher.ts';
import type {Method, Recipe} from './recipe.ts';

/** The queries to one teacher about one set of inputs: for the methods of a level together, or for one alone. */
export interface QueryPlan {
  readonly level: Access;
  /** The method that asks in its own way; undefined if the methods of a level share the answers. */
  readonly own: Method | undefined;
  /** For people: `black-box`, or `black-box for votes`. */
  readonly name: string;
  /** For files: `black-box`, or `black-box.votes`. */
  readonly fileName: string;
  /** The least that must be asked for, so that every method finds what it needs. */
  readonly detail: Detail;
  /** How its method chooses the inputs; undefined if they are those that were drawn. */
  readonly select: Selection | undefined;
}

/** A method with all that follows from its recipe. */
export interface PlannedMethod extends Method {
  /** Index in the recipe. */
  readonly index: number;
  /** The detail of its answers. */
  readonly detail: Detail;
  /** Name of the folder of its students. */
  readonly folder: string;
  /** The source of its answers; undefined if it learns from true labels. */
  readonly queryPlan: QueryPlan | undefined;
  /** The views that are answered before its students are trained. */
  readonly countedViews: VersionOptions | undefined;
  /** The level whose teacher may have to answer while its students are trained; undefined if none has to. */
  readonly liveLevel: Access | undefined;
}

export interface PlannedMethods {
  /** By level from the one that shows least; shared plans come before those of one method. */
  readonly queryPlans: readonly QueryPlan[];
  /** In the order of the recipe. */
  readonly methods: readonly PlannedMethod[];
}

/** The training inputs that were drawn, with true labels if there are any. */
export type Drawn = Split<'train'> | Unlabelled<'train'>;

/** A recipe with its data and all that follows from both. It is made once and passed down. */
export interface ResolvedRecipe extends Omit<Recipe, 'data' | 'student' | 'methods' | 'preprocessing'>, PlannedMethods {
  readonly data: Dataset | UnlabelledDataset;
  /** The teachers are asked about these inputs; the baseline has their labels. */
  readonly drawn: Drawn;
  /** The recipe's student, or those that each run chooses among. */
  readonly students: readonly StudentBuilder[];
  /** The task that every student must fit. */
  readonly task: Task;
  /** Parts of the answers in cross-fitting. */
  readonly folds: number;
  /** The levels that methods learn from, the one that shows least first. */
  readonly levels: readonly Access[];
  /** The level that students are measured against. */
  readonly reference: Access;
}

/** In how many parts the answers are divided if a recipe says nothing else. */
export const FOLDS = 5;

/** Works out once what every stage of a study needs to know about its recipe. */
export function resolveRecipe(recipe: Recipe, data: Dataset | UnlabelledDataset): ResolvedRecipe {
  const {student, methods, preprocessing, ...others} = recipe;
  return {
    ...others,
    ...planMethods(methods),
    data,
    drawn: drawExamples(data.train, recipe.transfer),
    students: typeof student === 'function' ? [student] : student,
    task: taskOf(data, preprocessing),
    folds: recipe.calibration?.folds ?? FOLDS,
    levels: LEVELS.filter(access => methods.some(({level}) => level === access)),
    reference: referenceLevel(recipe),
  };
}

/** The part of a resolved recipe that needs no data. */
export function planMethods(methods: readonly Method[]): PlannedMethods {
  const queryPlans = LEVELS.flatMap(level => queryPlansOf(level, methods));
  const planOf = (method: Method) =>
    queryPlans.find(({level, own}) => level === method.level && own === (asksItself(method) ? method : undefined));
  return {
    queryPlans,
    methods: methods.map((method, index) => ({
      ...method,
      index,
      detail: detailOf(method),
      folder: methodFolder(method.method),
      queryPlan: planOf(method),
      countedViews: countedViews(method),
      liveLevel: learnsFromNewViews(method) && method.level === 'white-box' ? method.level : undefined,
    })),
  };
}

/** The level that shows most of those that the recipe has a teacher for: students are measured against it. */
export function referenceLevel({teachers}: Pick<Recipe, 'teachers'>): Access {
  return LEVELS.findLast(level => teachers[level] !== undefined)!;
}

/** The least that a level's teacher must show, so that every method that asks it as it is finds what it needs. */
export function detailOfLevel(methods: readonly PlannedMethod[], access: Access): Detail {
  return joinDetails(
    methods.filter(({level, asks}) => level === access && asks === undefined).map(({detail}) => detail),
  );
}

/** The task that a student of these data must fit. */
export function taskOf(
  {classes, train: {inputs}}: Dataset | UnlabelledDataset,
  preprocessing: Task['preprocessing'] = {},
): Task {
  if (inputs.kind === 'text') return {classes, kind: 'text', inputShape: [], preprocessing};
  return {classes, inputShape: inputs.shape, preprocessing, dtype: inputs.dtype};
}

/** The query plans of a level: first the one that methods share, then one for each method that asks in its own way. */
function queryPlansOf(level: Access, methods: readonly Method[]): readonly QueryPlan[] {
  const all = methods.filter(method => method.level === level);
  const sharing = all.filter(method => !asksItself(method));
  const detail = joinDetails(sharing.map(detailOf));
  const shared = {level, own: undefined, name: level, fileName: level, detail, select: undefined};
  const owned = all.filter(asksItself).map(own => ({
    level,
    own,
    name: `${level} for ${own.method}`,
    fileName: `${level}.${methodFolder(own.method)}`,
    detail: detailOf(own),
    select: own.select,
  }));
  return sharing.length > 0 ? [shared, ...owned] : owned;
}

/** Whether a method shares its answers with no other. */
function asksItself({asks, views, select}: Method): boolean {
  return asks !== undefined || views?.count !== undefined || select !== undefined;
}

/** Whether each epoch shows a new view of each input. */
function learnsFromNewViews({views}: Method): boolean {
  return views !== undefined && views.count === undefined;
}

/** The detail of a method's answers. A true label is a label. */
export function detailOf({level, detail, losses}: Method): Detail {
  return level === 'none' ? {kind: 'label'} : (detail ?? needsOf(losses));
}

/** Name of the folder of a method's students: the method's name with hyphens for what a folder's name should not hold. */
export function methodFolder(method: string): string {
  return method.replace(/[^\p{L}\p{N}_.=-]+/gu, '-').replace(/^[.-]+|-+$/g, '');
}

/** The views of a method that are answered before its students are trained; undefined if there are none. */
function countedViews({views}: Pick<Method, 'views'>): VersionOptions | undefined {
  return views?.count === undefined ? undefined : {...views, count: views.count};
}

/** The inputs that a plan asks about: those that were drawn, or the versions of them that its method learns from. */
export function transferOf({own}: QueryPlan, drawn: Drawn): TransferSet {
  const transfer = transferSet(drawn);
  const views = own && countedViews(own);
  return views ? {...transfer, ...versionsOf(drawn.inputs, views)} : transfer;
}

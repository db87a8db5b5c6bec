import type {VersionOptions} from '../data/versions.ts';
import {InputError} from '../errors.ts';
import {describeDetail, joinDetails} from '../knowledge/coarsen.ts';
import {LEVELS} from '../levels.ts';
import {checkAllRead, checkObjective, needsOf} from '../losses/loss.ts';
import type {Selection} from '../select/options.ts';
import type {Access, Detail} from '../teacher.ts';
import {methodAbout} from './by-question.ts';
import type {Method, QuestionsMethod, Recipe} from './recipe.ts';
import {settingsOf} from './settings.ts';

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
  /** The views of each input that it asks about; undefined if it asks about the inputs as they are. */
  readonly views: VersionOptions | undefined;
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

/**
 * The part of a resolved recipe that needs no data.
 *
 * @param given - of one question
 * @param teachers - those of the recipe; a level without one learns from the answers of the next level that has one
 */
export function planMethods(
  given: readonly (Method | QuestionsMethod)[],
  teachers?: Recipe['teachers'],
): PlannedMethods {
  const methods = given.map(method => methodAbout(method));
  const asks = (method: Method) => answeringLevel(method, teachers);
  const queryPlans = LEVELS.flatMap(level =>
    queryPlansOf(
      level,
      methods.filter(method => asks(method) === level),
    ),
  );
  const planOf = (method: Method) =>
    queryPlans.find(({level, own}) => level === asks(method) && own === (asksItself(method) ? method : undefined));
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

/**
 * The level whose teacher answers for a method: its own, or the next that shows more and has a teacher. Fuller answers are
 * coarsened. Undefined if the method learns from true labels.
 */
function answeringLevel({level}: Pick<Method, 'level'>, teachers?: Recipe['teachers']): Access | undefined {
  if (level === 'none') return undefined;
  return LEVELS.slice(LEVELS.indexOf(level)).find(access => teachers?.[access] !== undefined) ?? level;
}

/** The least that a level's teacher must show, so that every method that asks it as it is finds what it needs. */
export function detailOfLevel(methods: readonly PlannedMethod[], access: Access): Detail {
  return joinDetails(
    methods.filter(({queryPlan, asks}) => queryPlan?.level === access && asks === undefined).map(({detail}) => detail),
  );
}

/**
 * The query plans of a level: first the one that methods share, then one for each method that asks in its own way.
 *
 * @param all - the methods that its teacher answers for
 */
function queryPlansOf(level: Access, all: readonly Method[]): readonly QueryPlan[] {
  const sharing = all.filter(method => !asksItself(method));
  const detail = joinDetails(sharing.map(detailOf));
  const shared = {level, own: undefined, name: level, fileName: level, detail, views: undefined, select: undefined};
  const owned = all.filter(asksItself).map(own => ({
    level,
    own,
    name: `${level} for ${own.method}`,
    fileName: `${level}.${methodFolder(own.method)}`,
    detail: detailOf(own),
    views: countedViews(own),
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

/**
 * Checks that a method whose level has no teacher of its own learns from no more than its level shows.
 *
 * @throws InputError that names the method
 */
function checkShown({method, level, detail, queryPlan}: PlannedMethod): void {
  if (queryPlan === undefined || queryPlan.level === level) return;
  const isShown =
    level === 'black-box'
      ? detail.kind === 'label' || detail.kind === 'votes'
      : detail.kind !== 'logits' || (detail.features ?? []).length === 0;
  if (isShown) return;
  throw new InputError(
    `Method \`${method}\` learns from ${describeDetail(detail)}, which no ${level} teacher shows. Choose the level ` +
      `\`${queryPlan.level}\`, or losses that need less.`,
  );
}

/**
 * Checks that a method can learn from what it sees, and that one to be tuned has something to choose.
 *
 * @throws InputError that names the method
 */
export function checkMethod(planned: PlannedMethod): void {
  const {level, method, losses, detail, views} = planned;
  checkObjective(losses, detail, `Method \`${method}\``);
  checkShown(planned);
  if (level !== 'none') checkAllRead(losses, detail, `Method \`${method}\``);
  if (planned.tune !== undefined) settingsOf(planned);
  if (level === 'none' && views?.view.takesPartner) {
    throw new InputError(
      `Method \`${method}\` learns from true labels, and what \`${views.view.name}\` shows has none: it is ` +
        'made of two inputs. Give it a level whose teacher says what it is, or a view of one input.',
    );
  }
  const term = losses.find(({needsTrueLabels}) => needsTrueLabels);
  if (term !== undefined && level !== 'none') {
    throw new InputError(
      `Method \`${method}\`: ${term.name} learns from true labels, which a transfer set has none of. ` +
        "Use `hardLabels()`, which takes the teacher's, or `train()` with a live teacher.",
    );
  }
}

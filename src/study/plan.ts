import {existsSync} from 'node:fs';
import {checkLanes} from '../ask/lane/lane-of.ts';
import {type Estimate, type PlanTotal, totalOf} from '../ask/plan/cost.ts';
import {type AskPlan, planAsking} from '../ask/plan/plan.ts';
import {selectInputs} from '../data/inputs.ts';
import {drawExamples} from '../data/split.ts';
import {startEngine} from '../engine/engine.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {DEFAULT_CACHE, isStoreUrl, journalOf} from '../store/cache-path.ts';
import {BatchRecords} from '../store/journal/batches.ts';
import {JournalReader} from '../store/journal/reader.ts';
import {type AnswerStore, openAnswerStore, openStoreAt} from '../store/store.ts';
import type {Access, Detail, Rate} from '../teacher.ts';
import {measurable} from './asking.ts';
import {checkSelections} from './check-selections.ts';
import {checkMethods, checkViews} from './checks.ts';
import {askedBy, detailOf, inquiriesOf} from './inquiries.ts';
import {levelsOf, referenceLevel} from './methods.ts';
import {isSelecting} from './selecting.ts';
import {openServices} from './services.ts';
import {isAskedAgain, rowsAskedAgain} from './steadiness.ts';
import {openTeachers} from './study.ts';
import {transferOf} from './transfer.ts';

export interface StudyPlanOptions {
  /**
   * Where answers are kept: a file, or the URL of a store.
   *
   * @default '.limbeck/answers'
   */
  readonly cache?: string;
  /**
   * What each account may do in a minute, where that is not what its teacher says.
   *
   * @default as the teachers say
   */
  readonly rate?: Rate;
  /**
   * Whether services are asked about the transfer set by their batch lanes.
   *
   * @default false
   */
  readonly byBatches?: boolean;
}

/** What it takes to ask one level's teacher, for the methods that share its answers or for one that asks in its own way. */
export interface LevelPlan extends AskPlan {
  readonly level: Access;
  /** The method that asks in its own way; absent of what the methods of a level share. */
  readonly method?: string;
  /** Whether its method chooses the inputs in rounds, which may end early, and of which any may be kept; absent where not. */
  readonly atMost?: true;
  /**
   * The transfer set, to learn from; its first inputs again, by which `compare` finds out whether a service perturbs its
   * scores; the test split, to measure by, which only `compare` and `evaluate` ask about.
   */
  readonly about: 'transfer set' | 'first inputs again' | 'test split';
}

/** What it takes to ask all that a recipe's study asks. */
export interface StudyPlan {
  readonly name: string;
  readonly cache: string;
  /** In the order in which they are asked. */
  readonly levels: readonly LevelPlan[];
  /** Over all levels that ask a service; a number is absent where it is not known of one of them. */
  readonly total: PlanTotal;
}

/**
 * Works out what it takes to ask all that `compare` asks. Asks nobody, starts no service and writes nothing.
 *
 * @throws InputError where a service is to be asked by a batch lane and has none
 */
export async function planStudy(
  recipe: Recipe,
  {cache = DEFAULT_CACHE, rate = {}, byBatches = false}: StudyPlanOptions = {},
): Promise<StudyPlan> {
  checkMethods(recipe);
  await startEngine();
  const data = await recipe.data();
  checkViews(recipe, data);
  checkSelections(recipe, data);
  const drawn = drawExamples(data.train, recipe.transfer);
  const reference = referenceLevel(recipe);
  const services = openServices();
  const store = openToRead(cache);
  const replies = new JournalReader(journalOf(cache));
  // What is bought by one plan is not bought again by the next.
  const planned = new Map<string, Detail>();
  const shared = {store, replies, batches: new BatchRecords(journalOf(cache)), rate, planned};
  try {
    const teachers = await openTeachers(recipe, [...levelsOf(recipe), reference], data, services);
    const levels: LevelPlan[] = [];
    for (const inquiry of inquiriesOf(recipe)) {
      const {level, own} = inquiry;
      const teacher = askedBy(inquiry, teachers.get(level)!);
      if (byBatches) checkLanes(teacher);
      const {inputs, views} = transferOf(inquiry, drawn);
      const about = {detail: detailOf(inquiry), ...(views && {views})};
      const unknown = isSelecting(inquiry) ? aboutUnknown(inputs.count) : {};
      const plan = await planAsking(teacher, inputs, {...shared, ...about, byBatches, ...unknown});
      levels.push({
        level,
        ...(own && {method: own.method}),
        about: 'transfer set',
        ...plan,
        ...(own?.select && atMost(plan)),
      });
      if (!isAskedAgain(level, teacher, about.detail)) continue;
      const first = selectInputs(inputs, rowsAskedAgain(inputs.count));
      const again = await planAsking(teacher, first, {...shared, detail: about.detail, ...unknown, sample: 1});
      levels.push({level, ...(own && {method: own.method}), about: 'first inputs again', ...again});
    }
    const teacher = teachers.get(reference)!;
    const plan = await planAsking(teacher, data.test.inputs, {...shared, detail: measurable(teacher.detail)});
    levels.push({level: reference, about: 'test split', ...plan});
    return {name: recipe.name, cache, levels, total: totalOf(levels.filter(({isService}) => isService))};
  } finally {
    await services.close();
    await replies.close();
    await store.close();
  }
}

/** Of inputs that are chosen in rounds it is not known what is kept: they are those of a view that nobody was asked about. */
function aboutUnknown(count: number): {readonly views: ArrayLike<number>; readonly planned: Map<string, Detail>} {
  return {views: new Int32Array(count).fill(-1), planned: new Map()};
}

/** All may be kept, or the rounds end early. */
function atMost({calls, tokens, usd, seconds}: AskPlan): Partial<LevelPlan> {
  const fromNone = (estimate: Estimate): Estimate => ({...estimate, low: 0});
  return {
    atMost: true,
    calls: fromNone(calls),
    ...(tokens && {tokens: fromNone(tokens)}),
    ...(usd && {usd: fromNone(usd)}),
    ...(seconds && {seconds: fromNone(seconds)}),
  };
}

/** A store that is only looked at is never made. */
function openToRead(cache: string): AnswerStore {
  return isStoreUrl(cache) || existsSync(cache) ? openStoreAt(cache) : openAnswerStore({store: new Map()});
}

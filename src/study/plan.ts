import {existsSync} from 'node:fs';
import {checkLanes} from '../ask/lane/lane-of.ts';
import {type AskPlan, planAsking} from '../ask/plan.ts';
import {type PlanTotal, totalOf} from '../ask/plan-total.ts';
import {draw} from '../data/split.ts';
import {startEngine} from '../engine/engine.ts';
import {BatchRecords} from '../knowledge/journal-batches.ts';
import {JournalReader} from '../knowledge/journal-reader.ts';
import {type AnswerStore, isStoreUrl, openAnswerStore, openStoreAt} from '../knowledge/store.ts';
import type {Recipe} from '../recipe/recipe.ts';
import type {Access, Rate} from '../teacher.ts';
import {measurable} from './asking.ts';
import {checkMethods} from './checks.ts';
import {detailOfLevel, levelsOf, referenceLevel} from './methods.ts';
import {openServices} from './services.ts';
import {DEFAULT_CACHE, journalOf, openTeachers} from './study.ts';

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

/** What it takes to ask one level. */
export interface LevelPlan extends AskPlan {
  readonly level: Access;
  /** The transfer set, to learn from; the test split, to measure by, which only `compare` and `evaluate` ask about. */
  readonly about: 'transfer set' | 'test split';
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
  const drawn = draw(data.train, recipe.transfer);
  const [asked, reference] = [levelsOf(recipe), referenceLevel(recipe)];
  const services = openServices();
  const store = openToRead(cache);
  const replies = new JournalReader(journalOf(cache));
  const shared = {store, replies, batches: new BatchRecords(journalOf(cache)), rate};
  try {
    const teachers = await openTeachers(recipe, [...asked, reference], data, services);
    const levels: LevelPlan[] = [];
    for (const level of asked) {
      const detail = detailOfLevel(recipe, level);
      const teacher = teachers.get(level)!;
      if (byBatches) checkLanes(teacher);
      const plan = await planAsking(teacher, drawn.inputs, {...shared, detail, byBatches});
      levels.push({level, about: 'transfer set', ...plan});
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

/** A store that is only looked at is never made. */
function openToRead(cache: string): AnswerStore {
  return isStoreUrl(cache) || existsSync(cache) ? openStoreAt(cache) : openAnswerStore({store: new Map()});
}

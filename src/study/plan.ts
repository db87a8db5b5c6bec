import {existsSync} from 'node:fs';
import {checkLanes} from '../ask/lane/lane.ts';
import type {OnNote} from '../ask/notes.ts';
import {type Estimate, type PlanTotal, totalOf} from '../ask/plan/cost.ts';
import {type AskPlan, type PlanOptions, planAsking} from '../ask/plan/plan.ts';
import {packChooser} from '../ask/probe/pack-chooser.ts';
import {noteEndings} from '../ask/provider/endings.ts';
import {termsNotes} from '../ask/provider/terms.ts';
import {selectInputs} from '../data/inputs.ts';
import type {TransferSet} from '../data/split.ts';
import type {QueryPlan} from '../recipe/methods.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {type ResolvedRecipe, resolveRecipe} from '../recipe/resolve.ts';
import {describeShares, planOf, type Selection} from '../select/options.ts';
import {DEFAULT_CACHE, isStoreUrl, journalOf} from '../store/cache-path.ts';
import {JournalReader} from '../store/journal/reader.ts';
import {BatchRecords} from '../store/journal/unfinished.ts';
import {type AnswerStore, openAnswerStore, openStoreAt} from '../store/store.ts';
import type {Access, Detail, Rate, Teacher} from '../teacher.ts';
import {acrossWorkers, checkWorkers, type PlannedWorkers, type WorkersPlan} from './across-workers.ts';
import {rowsAskedAgain} from './divide.ts';
import {type Estimated, estimateWhole, totalTimes} from './plan-sample.ts';
import {measurable} from './reference.ts';
import {isAskedAgain, isFunctionOfInput, testRowsAskedAgain} from './repeatability.ts';
import {openServices} from './services.ts';
import {rowsIn, type Shard, type ShardRows} from './shard.ts';
import {openTeachers} from './teachers.ts';
import {type AskingWay, planWays} from './ways.ts';

export interface StudyPlanOptions {
  /**
   * Where answers are kept: a file, or the URL of a store.
   *
   * @default '.limbeck/answers'
   */
  readonly cache?: string;
  /**
   * The rate of each account, if it is not what its teacher says.
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
  /**
   * Workers of a queue that share the transfer set.
   *
   * @default this process alone
   */
  readonly workers?: PlannedWorkers | undefined;
  /**
   * The part of each transfer set that is asked about, and nothing else, as `label` does with it.
   *
   * @default all that `compare` asks
   */
  readonly shard?: Shard | undefined;
  /**
   * Told what each provider's terms say about training on its answers, and when it has announced the end of a teacher's
   * model: its list of models is asked for, free of charge. Told, too, in which packs a teacher with `pack: 'auto'` asks.
   *
   * @default nobody is asked
   */
  readonly onNote?: OnNote | undefined;
  /**
   * True to look nothing up at a provider.
   *
   * @default false
   */
  readonly isOffline?: boolean;
}

/** The cost of asking one level's teacher, for the methods that share its answers or for one that asks in its own way. */
export interface LevelPlan extends AskPlan, Partial<Estimated> {
  readonly level: Access;
  /** The method that asks in its own way; absent of what the methods of a level share. */
  readonly method?: string | undefined;
  /** Whether its method chooses the inputs in rounds, which may end early, and of which any may be kept; absent if not. */
  readonly atMost?: true;
  /**
   * What other ways to ask a language model about these inputs take, beside the planned one; absent if it has one way
   * alone.
   */
  readonly ways?: readonly AskingWay[];
  /** What asking takes if workers share it; absent if none do, or nobody can say. */
  readonly workers?: WorkersPlan;
  /** How many of the inputs are drawn at random and how many are chosen, as a sentence; absent if none is chosen. */
  readonly choice?: string;
  /**
   * The transfer set, to learn from; its first inputs again, by which `compare` finds out whether a service perturbs its
   * scores; the test split, to measure by, which only `compare` and `evaluate` ask about; some of its inputs again, by which
   * `compare` measures the teacher's repeatability.
   */
  readonly about: 'transfer set' | 'first inputs again' | 'test split' | 'test inputs again';
}

/** The cost of all that a recipe's study asks. */
export interface StudyPlan {
  readonly name: string;
  readonly cache: string;
  /** The shard that alone is asked about; absent if it is the whole transfer set. */
  readonly part?: ShardRows;
  /** In the order in which they are asked. */
  readonly levels: readonly LevelPlan[];
  /** Over all levels that ask a service; a number is absent if it is not known for one of them. */
  readonly total: PlanTotal;
  /** What a person should know of the inputs before anybody is asked, as a sentence; absent if nothing. */
  readonly note?: string | undefined;
}

/**
 * Works out what it takes to ask all that `compare` asks. Sends no query, starts no service and writes nothing.
 *
 * @throws InputError if a service is to be asked by a batch lane and has none, or as `rowsIn` does
 */
export async function planStudy(
  source: Recipe,
  {
    cache = DEFAULT_CACHE,
    rate = {},
    byBatches = false,
    workers,
    shard,
    onNote,
    isOffline = false,
  }: StudyPlanOptions = {},
): Promise<StudyPlan> {
  if (workers) checkWorkers(workers);
  const recipe = await resolveRecipe(source, 'sample');
  const {reference} = recipe;
  const part = shard && rowsIn(shard, recipe, recipe.queryPlans);
  const services = openServices();
  const store = openToRead(cache);
  const replies = new JournalReader(journalOf(cache));
  // An answer that one plan buys is not bought again by the next.
  const planned = new Map<string, Detail>();
  const shared = {store, replies, batches: new BatchRecords(journalOf(cache)), rate, planned};
  try {
    const {byLevel, byPlan} = await openTeachers(
      recipe,
      [...recipe.levels, reference],
      services,
      packChooser({journal: journalOf(cache), onNote: onNote ?? (() => {})}),
    );
    const all = [...byPlan.values(), byLevel[reference]!];
    for (const note of onNote ? termsNotes(all) : []) onNote?.(note);
    if (!isOffline) await noteEndings(all, {onNote});
    const levels: LevelPlan[] = [];
    for (const queryPlan of recipe.queryPlans) {
      const {level, own, detail} = queryPlan;
      const teacher = byPlan.get(queryPlan)!;
      if (byBatches) checkLanes(teacher);
      const isSampled = recipe.shards !== undefined && part === undefined;
      const {inputs, views} = await askedAbout(recipe, queryPlan, part);
      const about = {detail, ...(views && {views})};
      // Which inputs rounds will choose is not known, so none counts as kept.
      const unknown = queryPlan.select ? {isFromNothing: true, planned: new Map<string, Detail>()} : {};
      const asking = {...shared, ...about, byBatches, ...unknown};
      const plan = isSampled
        ? await estimateWhole(teacher, inputs, {...asking, size: recipe.transfer.size})
        : await planAsking(teacher, inputs, asking);
      const whose = {level, method: own?.method};
      const rounds = own?.select && inRounds(recipe, own.select, plan);
      const ways = rounds ? [] : await planWays(teacher, inputs, {...shared, ...about, byBatches});
      const spread = workers && !rounds && acrossWorkers(teacher, detail, plan, workers, rate);
      const times = part ? 1 : recipe.transfer.size / recipe.drawn.inputs.count;
      levels.push({
        ...whose,
        about: 'transfer set',
        ...plan,
        ...rounds,
        ...(spread && {workers: spread}),
        ...(ways.length > 0 && {ways: ways.map(way => ({...way, ...totalTimes(way, times)}))}),
      });
      if (part || !isAskedAgain(level, teacher, detail) || plan.imported !== undefined) continue;
      const rows = rowsAskedAgain(inputs.count);
      const first = isSampled
        ? (await recipe.partOf(queryPlan, {from: 0, to: rows.length})).inputs
        : selectInputs(inputs, rows);
      const again = await planAsking(teacher, first, {...shared, detail, ...unknown, sample: 1});
      levels.push({...whose, about: 'first inputs again', ...again});
    }
    // A shard is for `label`, which measures nothing.
    if (!part) levels.push(...(await planMeasurement(recipe, byLevel[reference]!, shared)));
    const total = totalOf(levels.filter(({isService}) => isService));
    return {name: recipe.name, cache, ...(part && {part}), levels, total, note: recipe.scaleNote()};
  } finally {
    await services.close();
    await replies.close();
    await store.close();
  }
}

/** The inputs that a plan is made by: of shards a sample, unless a part is asked about. */
async function askedAbout(
  recipe: ResolvedRecipe,
  plan: QueryPlan,
  part: ShardRows | undefined,
): Promise<Pick<TransferSet, 'inputs' | 'views'>> {
  if (part) return recipe.partOf(plan, part.rows);
  return recipe.shards ? {inputs: recipe.drawn.inputs} : recipe.transferOf(plan);
}

/** What `compare` asks about the test split. */
async function planMeasurement(
  {data: {test}, reference: level, repeatability}: ResolvedRecipe,
  teacher: Teacher,
  shared: Omit<PlanOptions, 'detail'>,
): Promise<readonly LevelPlan[]> {
  const measured = {...shared, detail: measurable(teacher.detail)};
  const plan = await planAsking(teacher, test.inputs, measured);
  const once: LevelPlan = {level, about: 'test split', ...plan};
  if (repeatability === undefined || isFunctionOfInput(teacher)) return [once];
  const rows = testRowsAskedAgain(test.inputs.count, repeatability);
  const again = await planAsking(teacher, selectInputs(test.inputs, rows), {...measured, sample: 1});
  return [once, {level, about: 'test inputs again', ...again}];
}

/** All may be kept, or the rounds end early. */
function inRounds(
  {data, transfer: {size, seed = 0}, calibrationSizeOf}: ResolvedRecipe,
  select: Selection,
  {calls, tokens, usd, seconds}: AskPlan,
): Partial<LevelPlan> {
  const choice = planOf(data.train.inputs, {...select, most: size, seed, calibration: calibrationSizeOf(size)});
  const fromNone = (estimate: Estimate): Estimate => ({...estimate, low: 0});
  return {
    atMost: true,
    choice: describeShares(choice),
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

import type {Inputs} from '../../data/inputs.ts';
import {withoutFeatures} from '../../knowledge/coarsen.ts';
import {checkOptions, kinds} from '../../options.ts';
import type {BatchRecords} from '../../store/journal/unfinished.ts';
import type {AnswerStore} from '../../store/store.ts';
import type {Detail, Rate, Teacher} from '../../teacher.ts';
import {queryAbout} from '../collect.ts';
import {type Leaf, leavesOf} from '../compose/parts.ts';
import type {Lookup} from '../keep/kept-answers.ts';
import type {Replies} from '../keep/kept-reply.ts';
import {laneOf} from '../lane/lane.ts';
import {packingOf} from '../probe/packing-verdicts.ts';
import {costOfRequests, type PlanTotal, totalAtOnce} from './cost.ts';
import {furtherLike, isOpenEnded, KeptUsage, madeOfKept, type Queries} from './kept.ts';
import {learnedMean} from './learned-usage.ts';
import {missingChunks, type Planned} from './missing.ts';
import {Requests} from './requests.ts';

export interface PlanOptions {
  /** The answer store. It is only read. */
  readonly store: AnswerStore;
  /**
   * The raw replies of answers that another reader read and that are read again.
   *
   * @default none: such answers would be bought
   */
  readonly replies?: Replies;
  /**
   * True to plan as if no answer were kept. Replies are still expected to be as long as those of the kept answers.
   *
   * @default false
   */
  readonly isFromNothing?: boolean | undefined;
  /**
   * The least that each answer must hold.
   *
   * @default the teacher's `detail`, without its features
   */
  readonly detail?: Detail;
  /**
   * The rate of the account, if it differs from the service's own `rate`.
   *
   * @default as its `rate` says
   */
  readonly rate?: Rate;
  /**
   * True if services with a batch lane are asked through it.
   *
   * @default false
   */
  readonly byBatches?: boolean;
  /**
   * The batches that are not collected, see `Journal.batches`.
   *
   * @default none
   */
  readonly batches?: Pick<BatchRecords, 'all'>;
  /**
   * [inputs], the seed of each input's view; 0 for the input as it is.
   *
   * @default all as they are
   */
  readonly views?: ArrayLike<number>;
  /**
   * The number of this sample of each input, see `Query.sample`.
   *
   * @default 0
   */
  readonly sample?: number;
  /**
   * By key, the details that earlier plans buy: they are not bought again. This plan adds its own.
   *
   * @default nothing
   */
  readonly planned?: Map<string, Detail>;
}

const KINDS = {
  store: kinds.object,
  replies: kinds.object,
  isFromNothing: kinds.flag,
  detail: kinds.object,
  rate: kinds.object,
  byBatches: kinds.flag,
  batches: kinds.object,
  views: kinds.json,
  sample: kinds.number,
  planned: kinds.object,
} satisfies Record<keyof PlanOptions, unknown>;

/** The cost of asking a teacher about inputs. */
export interface AskPlan extends PlanTotal {
  /** Its name. */
  readonly teacher: string;
  /** True if it asks a service. Otherwise it costs nothing but time. */
  readonly isService: boolean;
  readonly inputs: number;
  /** Of these, served without buying: kept, or the same as another query. */
  readonly cached: number;
  /** Of the cached ones, answers that were imported from logs; absent if there are none. */
  readonly imported?: number;
  /** Of these, in batches that are paid for and not collected; absent if there are none. */
  readonly pending?: number;
  /** True if it is asked through its batch lane, which takes up to a day; otherwise absent. */
  readonly byBatches?: true;
  /** For a composed teacher, the plan of each part. An input counts as often as it is asked about. */
  readonly parts?: readonly AskPlan[];
  /** How many kept replies the mean of the expected tokens covers. */
  readonly keptReplies: number;
}

/** A store without an answer. */
const NOTHING: Lookup['store'] = {getMany: async keys => keys.map(() => undefined)};

/** Computes the cost of asking a teacher about inputs. Asks nobody. */
export async function planAsking(teacher: Teacher, inputs: Inputs, options: PlanOptions): Promise<AskPlan> {
  checkOptions('planAsking', options, KINDS, ['store']);
  const planBy = await planByLane(teacher, inputs, options);
  return planBy(options.byBatches ?? false);
}

/** A plan of asking by a service's batch lane, or request by request. */
type PlanBy = (byBatches: boolean) => AskPlan;

/** Computes what is the same for every lane once. Asks nobody. */
export async function planByLane(teacher: Teacher, inputs: Inputs, options: PlanOptions): Promise<PlanBy> {
  const {store, replies, detail = withoutFeatures(teacher.detail), rate = {}, batches} = options;
  const {views, sample = 0, isFromNothing = false} = options;
  const queries = {count: inputs.count, at: (index: number) => ({...queryAbout(inputs, index, views), sample})};
  const leaves = leavesOf(teacher, detail);
  const lookup: Lookup = isFromNothing ? {store: NOTHING} : {store, replies};
  const kept = leaves.some(isOpenEnded) ? await madeOfKept(teacher, queries, detail, lookup) : undefined;
  const planned = {
    ...lookup,
    usages: store,
    planned: options.planned ?? new Map<string, Detail>(),
    free: kept?.made ?? new Uint8Array(inputs.count),
    furtherOf: (leaf: Leaf) => furtherLike(leaf, leaves, kept),
    open: new Uint8Array(inputs.count),
    inBatches: new Set(batches?.all().flatMap(({keys}) => keys)),
  };
  const plans = new Map<Leaf, PlanBy>();
  // Sure queries come first. If a query is asked twice, only its second occurrence can depend on other answers.
  for (const leaf of leaves.toSorted((one, other) => Number(one.least === 0) - Number(other.least === 0))) {
    plans.set(leaf, await planLeaf(leaf, queries, planned, rate));
  }
  if (teacher.parts === undefined) return plans.get(leaves[0]!)!;
  const cached = planned.open.filter(isOpen => isOpen === 0).length;
  return byBatches => {
    const each = new Map(leaves.map(leaf => [leaf, plans.get(leaf)!(byBatches)]));
    return composedPlan(teacher, each, {inputs: inputs.count, cached});
  };
}

/** The plan of a composed teacher, by the plans of its leaves. */
function composedPlan(
  teacher: Teacher,
  plans: ReadonlyMap<Leaf, AskPlan>,
  counts: Pick<AskPlan, 'inputs' | 'cached'>,
): AskPlan {
  const [leaves, parts] = [[...plans.keys()], [...plans.values()]];
  const services = leaves.filter(leaf => leaf.teacher.service !== undefined);
  return {
    teacher: teacher.name,
    isService: services.length > 0,
    ...counts,
    parts,
    ...(parts.some(part => part.byBatches) && {byBatches: true as const}),
    ...totalAtOnce(services.map(leaf => ({account: leaf.teacher.service!.account, plan: plans.get(leaf)!}))),
    keptReplies: services.reduce((sum, leaf) => sum + plans.get(leaf)!.keptReplies, 0),
  };
}

async function planLeaf(leaf: Leaf, asked: Queries, planned: Planned, rate: Rate): Promise<PlanBy> {
  const {teacher, samples, further, beforehand} = leaf;
  const {name, identity, service} = teacher;
  const kept = new KeptUsage();
  const low = new Requests(teacher);
  // Queries that are always asked are the same requests at least, as expected and at most.
  const requests = isOpenEnded(leaf)
    ? {low, expected: new Requests(teacher), worst: new Requests(teacher)}
    : {low, expected: low, worst: low};
  const isInRounds = further > 0 || (samples > 1 && leaf.least < samples);
  let [missing, pending, imported, all] = [0, 0, 0, samples * (beforehand?.length ?? asked.count)];
  const likely = planned.furtherOf(leaf);
  for await (const {sure, begun, others, untouched, searched, inBatches, ofLogs} of missingChunks(
    leaf,
    asked,
    planned,
    kept,
  )) {
    const further = [...begun, ...others];
    missing += sure.length + further.length;
    all += searched;
    pending += inBatches;
    imported += ofLogs;
    requests.low.add(sure);
    if (!isOpenEnded(leaf)) continue;
    requests.expected.add([...sure, ...begun, ...others.slice(0, Math.round(untouched * likely))]);
    requests.worst.add(isInRounds ? sure : [...sure, ...further]);
    if (isInRounds) requests.worst.addEach(further);
  }
  if (service && missing > 0) await kept.sample(planned.usages, identity);
  // Requests about several inputs that are no packs may be about other inputs than these, too.
  const isKnown = teacher.maxBatch === 1 || packingOf(teacher) !== undefined;
  const learned = service && isKnown ? learnedMean(kept.known, service, requests.expected) : undefined;
  const mean = learned ?? kept.mean;
  return byBatches => {
    const lane = byBatches ? laneOf(teacher) : undefined;
    return {
      teacher: name,
      isService: service !== undefined,
      inputs: all,
      cached: all - missing - pending,
      ...(imported > 0 && {imported}),
      ...(pending > 0 && {pending}),
      ...(lane && {byBatches: true as const}),
      ...costOfRequests(requests, service, {rate, lane, mean}),
      keptReplies: kept.replies,
    };
  };
}

import type {Inputs} from '../../data/inputs.ts';
import {satisfies, withoutFeatures} from '../../knowledge/coarsen.ts';
import {checkOptions, kinds} from '../../options.ts';
import {detailFor} from '../../questions.ts';
import type {BatchRecords} from '../../store/journal/unfinished.ts';
import type {AnswerStore} from '../../store/store.ts';
import type {Detail, Query, Rate, Teacher} from '../../teacher.ts';
import {queryAbout} from '../collect.ts';
import {type Leaf, leavesOf} from '../compose/parts.ts';
import {findKept, type Lookup} from '../keep/kept-answers.ts';
import type {Replies} from '../keep/kept-reply.ts';
import {laneOf} from '../lane/lane.ts';
import {keyed} from '../layer.ts';
import {packingOf} from '../probe/packing-verdicts.ts';
import {chunkOf} from '../teacher-stack.ts';
import {costOfRequests, type PlanTotal, totalAtOnce} from './cost.ts';
import {furtherLike, isOpenEnded, KeptUsage, madeOfKept, type Queries} from './kept.ts';
import {learnedMean} from './learned-usage.ts';
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
  const {store, replies, detail = withoutFeatures(teacher.detail), rate = {}, byBatches = false, batches} = options;
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
  const plans = new Map<Leaf, AskPlan>();
  // Sure queries come first. If a query is asked twice, only its second occurrence can depend on other answers.
  for (const leaf of leaves.toSorted((one, other) => Number(one.least === 0) - Number(other.least === 0))) {
    plans.set(leaf, await planLeaf(leaf, queries, planned, {rate, byBatches}));
  }
  const parts = leaves.map(leaf => plans.get(leaf)!);
  if (teacher.parts === undefined) return parts[0]!;
  const services = leaves.filter(leaf => leaf.teacher.service !== undefined);
  return {
    teacher: teacher.name,
    isService: services.length > 0,
    inputs: inputs.count,
    cached: planned.open.filter(isOpen => isOpen === 0).length,
    parts,
    ...(parts.some(part => part.byBatches) && {byBatches: true as const}),
    ...totalAtOnce(services.map(leaf => ({account: leaf.teacher.service!.account, plan: plans.get(leaf)!}))),
    keptReplies: services.reduce((sum, leaf) => sum + plans.get(leaf)!.keptReplies, 0),
  };
}

/** The shared knowledge of everything that is planned together. */
interface Planned extends Lookup {
  /** Its answers tell how many tokens a reply takes. */
  readonly usages: AnswerStore;
  /** By key, the queries that would already be bought. */
  readonly planned: Map<string, Detail>;
  /** 1 for each input about which nobody is asked, whatever is missing. */
  readonly free: Uint8Array;
  readonly furtherOf: (leaf: Leaf) => number;
  /** 1 for each input about which a query would be bought. */
  readonly open: Uint8Array;
  /** The queries that are in batches. */
  readonly inBatches: ReadonlySet<string>;
}

async function planLeaf(
  leaf: Leaf,
  asked: Queries,
  planned: Planned,
  {rate, byBatches}: {readonly rate: Rate; readonly byBatches: boolean},
): Promise<AskPlan> {
  const {teacher, samples, further, beforehand} = leaf;
  const {name, identity, service} = teacher;
  const lane = byBatches ? laneOf(teacher) : undefined;
  const kept = new KeptUsage();
  const requests = {low: new Requests(teacher), expected: new Requests(teacher), worst: new Requests(teacher)};
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
    requests.expected.add([...sure, ...begun, ...others.slice(0, Math.round(untouched * likely))]);
    requests.worst.add(isInRounds ? sure : [...sure, ...further]);
    if (isInRounds) requests.worst.addEach(further);
  }
  if (service && missing > 0) await kept.sample(planned.usages, identity);
  // Requests about several inputs that are no packs may be about other inputs than these, too.
  const isKnown = teacher.maxBatch === 1 || packingOf(teacher) !== undefined;
  const learned = service && isKnown ? learnedMean(kept.known, service, requests.expected) : undefined;
  const mean = learned ?? kept.mean;
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
}

/** Queries that would be bought. */
interface MissingChunk {
  /** Queries that are always asked. */
  readonly sure: readonly Query[];
  /** Queries that depend on answers, about inputs whose sure queries are kept and did not suffice. */
  readonly begun: readonly Query[];
  /**
   * Queries that depend on answers, about the other inputs. The queries of a search are unknown, so its first queries
   * stand for them.
   */
  readonly others: readonly Query[];
  /** The number of those other inputs. */
  readonly untouched: number;
  /** The number of queries of searches. */
  readonly searched: number;
  readonly inBatches: number;
  /** Queries whose answers were imported from logs. */
  readonly ofLogs: number;
}

/** The queries that would be bought, in chunks of the size that the layers look up at once. */
async function* missingChunks(
  leaf: Leaf,
  all: Queries,
  {planned, free, open, inBatches, ...lookup}: Planned,
  kept: KeptUsage,
): AsyncGenerator<MissingChunk> {
  const {teacher, detail, samples, least, further, beforehand} = leaf;
  const size = Math.ceil(chunkOf(teacher) / samples);
  // Without the answers beforehand no input has an answer.
  const openAt = (index: number) => (beforehand ? open.fill(1) : open.fill(1, index, index + 1));
  const indices = Array.from({length: beforehand?.length ?? all.count}, (_, index) => index);
  // If one input is answered from kept answers, the answers that all need are kept, too.
  const isBeforehandKept = beforehand !== undefined && free.includes(1);
  const asked = isBeforehandKept ? [] : beforehand ? indices : indices.filter(index => free[index] === 0);
  for (let start = 0; start < asked.length; start += size) {
    const some = asked.slice(start, start + size);
    const queries = (
      await Promise.all(some.map(index => leaf.queriesFor(beforehand?.[index] ?? all.at(index))))
    ).flat();
    const keys = queries.map(query => keyed(teacher, query).key);
    const {found} = await findKept(queries, teacher, detail, lookup);
    const [sure, begun, others]: [Query[], Query[], Query[]] = [[], [], []];
    const untouched = new Set<number>();
    let [waiting, ofLogs] = [0, 0];
    for (const [index, query] of queries.entries()) {
      const key = keys[index]!;
      const [answer, before] = [found.get(key), planned.get(key)];
      if (answer?.imported) ofLogs++;
      if (answer) kept.add(answer, query);
      else if (inBatches.has(key)) waiting++;
      const wanted = detailFor(teacher, query, detail);
      if (answer || inBatches.has(key) || (before && satisfies(before, wanted))) continue;
      planned.set(key, wanted);
      const row = Math.floor(index / samples);
      openAt(some[row]!);
      const isSure = index % samples < least;
      if (isSure) untouched.add(row);
      (isSure ? sure : untouched.has(row) ? others : begun).push(query);
    }
    for (const row of further > 0 ? some.keys() : []) {
      openAt(some[row]!);
      (untouched.has(row) ? others : begun).push(...new Array<Query>(further).fill(queries[row * samples]!));
    }
    const searched = further * some.length;
    yield {sure, begun, others, untouched: untouched.size, searched, inBatches: waiting, ofLogs};
  }
}

import type {Inputs} from '../../data/inputs.ts';
import {satisfies, withoutFeatures} from '../../knowledge/coarsen.ts';
import type {BatchRecords} from '../../store/journal/batches.ts';
import type {AnswerStore} from '../../store/store.ts';
import type {Detail, Query, Rate, Teacher} from '../../teacher.ts';
import {queryAbout} from '../collect.ts';
import {type Leaf, leavesOf} from '../compose/parts.ts';
import {findKept, type Lookup} from '../keep/kept-answers.ts';
import type {Replies} from '../keep/kept-reply.ts';
import {keyed} from '../keyed.ts';
import {laneOf} from '../lane/lane-of.ts';
import {chunkOf} from '../teacher-stack.ts';
import {costOfRequests, type PlanTotal, Requests, totalAtOnce} from './cost.ts';
import {KeptUsage} from './kept-usage.ts';
import {type MadeOfKept, madeOfKept, type Queries} from './made-of-kept.ts';

export interface PlanOptions {
  /** Where answers are kept. It is only read. */
  readonly store: AnswerStore;
  /**
   * Where raw replies are, of answers that were read in another way and are to be read again.
   *
   * @default nowhere: such answers would be bought
   */
  readonly replies?: Replies;
  /**
   * The least that each answer must hold.
   *
   * @default the teacher's `detail`, without its features
   */
  readonly detail?: Detail;
  /**
   * What the account may do in a minute, where that is not what the service's own `rate` says.
   *
   * @default as its `rate` says
   */
  readonly rate?: Rate;
  /**
   * Whether services that have a batch lane are asked by it.
   *
   * @default false
   */
  readonly byBatches?: boolean;
  /**
   * What is in batches that are not collected, see `Journal.batches`.
   *
   * @default nothing
   */
  readonly batches?: Pick<BatchRecords, 'all'>;
  /**
   * [inputs], the seed of the view that each input is; 0 is one as it is.
   *
   * @default all as they are
   */
  readonly views?: ArrayLike<number>;
  /**
   * Which of several askings of each input it is, see `Query.sample`.
   *
   * @default 0
   */
  readonly sample?: number;
  /**
   * What plans that are carried out before this one buy, by key: it is not bought again. What this one buys is added.
   *
   * @default nothing
   */
  readonly planned?: Map<string, Detail>;
}

/** What it takes to ask a teacher about inputs. */
export interface AskPlan extends PlanTotal {
  /** Its name. */
  readonly teacher: string;
  /** Whether it asks a service. One that does not costs nothing but time. */
  readonly isService: boolean;
  readonly inputs: number;
  /** Of these, served without buying: kept, or the same as another one. */
  readonly cached: number;
  /** Of these, in batches that are paid for and not collected; absent where there are none. */
  readonly pending?: number;
  /** Whether it is asked by its batch lane, which takes up to a day; absent where it isn't. */
  readonly byBatches?: true;
  /** Of a teacher that is made of others what it takes of each; an input counts as often as it is asked about. */
  readonly parts?: readonly AskPlan[];
  /** How many kept replies the expected tokens are a mean of. */
  readonly keptReplies: number;
}

/** Works out what it takes to ask a teacher about inputs. Asks nobody. */
export async function planAsking(teacher: Teacher, inputs: Inputs, options: PlanOptions): Promise<AskPlan> {
  const {store, replies, detail = withoutFeatures(teacher.detail), rate = {}, byBatches = false, batches} = options;
  const {views, sample = 0} = options;
  const queries = {count: inputs.count, at: (index: number) => ({...queryAbout(inputs, index, views), sample})};
  const leaves = leavesOf(teacher, detail);
  const lookup = {store, replies};
  const kept = leaves.some(isOpenEnded) ? await madeOfKept(teacher, queries, detail, lookup) : undefined;
  const planned = {
    ...lookup,
    planned: options.planned ?? new Map<string, Detail>(),
    free: kept?.made ?? new Uint8Array(inputs.count),
    furtherOf: (leaf: Leaf) => furtherLike(leaf, leaves, kept),
    open: new Uint8Array(inputs.count),
    inBatches: new Set(batches?.all().flatMap(({keys}) => keys)),
  };
  const plans = new Map<Leaf, AskPlan>();
  // What is surely asked first: of what is asked twice only the second asking may be for some queries alone.
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

/** Whether what it is asked hangs on what was answered. */
function isOpenEnded({samples, least, further}: Leaf): boolean {
  return least < samples || further > 0;
}

/** How many queries beyond the sure ones a leaf gets about an input, as the inputs that are kept took. */
function furtherLike(leaf: Leaf, leaves: readonly Leaf[], kept: MadeOfKept | undefined): number {
  const {teacher, least, beforehand} = leaf;
  const mean = kept?.meanAsked.get(teacher);
  const others = leaves.filter(other => other.teacher === teacher && other.beforehand === undefined);
  // Of a teacher that is there several times, which of its answers were for which isn't known.
  return mean === undefined || beforehand || others.length > 1 ? Number.POSITIVE_INFINITY : mean - least;
}

/** What is known of all that is planned together. */
interface Planned extends Lookup {
  /** What would be bought already, by key. */
  readonly planned: Map<string, Detail>;
  /** 1 for each input of which it is known that nobody is asked about it, whatever is missing. */
  readonly free: Uint8Array;
  readonly furtherOf: (leaf: Leaf) => number;
  /** 1 for each input about which something would be bought. */
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
  let [missing, pending, all] = [0, 0, samples * (beforehand?.length ?? asked.count)];
  const likely = planned.furtherOf(leaf);
  for await (const {sure, begun, others, untouched, searched, inBatches} of missingChunks(leaf, asked, planned, kept)) {
    const further = [...begun, ...others];
    missing += sure.length + further.length;
    all += searched;
    pending += inBatches;
    requests.low.add(sure);
    requests.expected.add([...sure, ...begun, ...others.slice(0, Math.round(untouched * likely))]);
    requests.worst.add(isInRounds ? sure : [...sure, ...further]);
    if (isInRounds) requests.worst.addEach(further);
  }
  if (service && missing > 0) await kept.sample(planned.store, identity);
  return {
    teacher: name,
    isService: service !== undefined,
    inputs: all,
    cached: all - missing - pending,
    ...(pending > 0 && {pending}),
    ...(lane && {byBatches: true as const}),
    ...costOfRequests(requests, service, {rate, lane, mean: kept.mean}),
    keptReplies: kept.replies,
  };
}

/** Queries that would be bought. */
interface MissingChunk {
  /** Whatever is answered. */
  readonly sure: readonly Query[];
  /** Where answers lead to them, about inputs whose sure ones are kept and did not do. */
  readonly begun: readonly Query[];
  /** The same, about the other inputs. What a search may ask, which is not known, is stood for by what it begins with. */
  readonly others: readonly Query[];
  /** How many those other inputs are. */
  readonly untouched: number;
  /** How many queries are those of searches. */
  readonly searched: number;
  readonly inBatches: number;
}

/** The queries that would be bought, as many together as the layers look up together. */
async function* missingChunks(
  leaf: Leaf,
  all: Queries,
  {planned, free, open, inBatches, ...lookup}: Planned,
  kept: KeptUsage,
): AsyncGenerator<MissingChunk> {
  const {teacher, detail, samples, least, further, beforehand} = leaf;
  const size = Math.ceil(chunkOf(teacher) / samples);
  // Without what is asked beforehand no input has an answer.
  const openAt = (index: number) => (beforehand ? open.fill(1) : open.fill(1, index, index + 1));
  const indices = Array.from({length: beforehand?.length ?? all.count}, (_, index) => index);
  // And where one is made of kept answers, so is what all need.
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
    let waiting = 0;
    for (const [index, query] of queries.entries()) {
      const key = keys[index]!;
      const [answer, before] = [found.get(key), planned.get(key)];
      if (answer) kept.add(answer);
      else if (inBatches.has(key)) waiting++;
      if (answer || inBatches.has(key) || (before && satisfies(before, detail))) continue;
      planned.set(key, detail);
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
    yield {sure, begun, others, untouched: untouched.size, searched, inBatches: waiting};
  }
}

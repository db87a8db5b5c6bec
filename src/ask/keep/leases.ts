import {setTimeout} from 'node:timers/promises';
import {Semaphore} from '../../concurrency.ts';
import {withoutFeatures} from '../../knowledge/coarsen.ts';
import {detailFor} from '../../questions.ts';
import type {TakenOver} from '../../store/leases.ts';
import type {Access, Detail, Outcome, Query} from '../../teacher.ts';
import {askEach} from '../batches.ts';
import {askOthers, keyed, type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
import type {Kept} from './keep.ts';
import {shown, type TakingLookup, takeKept} from './kept-answers.ts';
import type {Doubts} from './recover.ts';

export interface LeasesOptions extends TakingLookup {
  /**
   * True if an answer that has come in the meantime is served.
   *
   * @default true
   */
  readonly servesKept?: boolean;
  /**
   * Lists the queries that can be paid for twice if the holder of a lease ended or fell silent.
   *
   * @default nothing is listed
   */
  readonly doubts?: Pick<Doubts, 'takeOver' | 'name'> | undefined;
  /**
   * How many queries this process claims at once. The rest is left to others.
   *
   * @default all
   */
  readonly claim?: number;
  /**
   * How many claims are under way at once.
   *
   * @default 3
   */
  readonly claims?: number;
  /**
   * How long a lease holds a query, in milliseconds. It is renewed while the query is under way.
   *
   * @default 60000
   */
  readonly lease?: number;
  /**
   * The poll interval for answers of other processes, in milliseconds.
   *
   * @default 100
   */
  readonly pollInterval?: number;
}

type Wanted = LayerOptions & {readonly detail: Detail};

/** Stands for the outcome of a query that another process is asking. */
const ELSEWHERE = {error: new Error('Another process is asking about it.')};

/**
 * Lets processes that share a store share the work: a query that another process is asking is left to it, and awaited
 * when nothing else is left to ask.
 */
export function withLeases<A extends Access>(
  teacher: LayeredTeacher<A>,
  {
    store,
    replies,
    doubts,
    servesKept = true,
    claim = Number.POSITIVE_INFINITY,
    claims = 3,
    lease = 60_000,
    pollInterval = 100,
  }: LeasesOptions,
): LayeredTeacher<A> {
  const {leases} = store;
  const semaphore = new Semaphore(claims);
  const keyOf = (query: Query) => keyed(teacher, query).key;

  /** The answers kept by now to this process's queries, by index: another process may have answered just before. */
  const keptOf = async (queries: readonly Query[], {detail}: Wanted): Promise<Map<number, Kept<A>>> => {
    const known = new Map<number, Kept<A>>();
    const found = servesKept ? await takeKept(queries, teacher, detail, {store, replies}) : undefined;
    for (const [index, query] of queries.entries()) {
      const stored = found?.get(keyOf(query));
      const answer = stored && shown(stored, teacher, detailFor(teacher, query, detail));
      if (answer) known.set(index, {answer, detail: stored.detail});
    }
    return known;
  };

  /** @param taken - leases taken over from holders that did not give them back */
  const askOwn = async (queries: readonly Query[], taken: readonly TakenOver[], wanted: Wanted) => {
    const keys = queries.map(keyOf);
    const renewal = setInterval(() => void leases.renew(keys, lease).catch(() => {}), lease / 3);
    try {
      if (taken.length > 0) await doubts?.takeOver();
      const known = await keptOf(queries, wanted);
      const answered = new Set(Array.from(known.keys(), index => keys[index]!));
      const unsure = taken.filter(({key, isJournaled}) => !isJournaled && !answered.has(key));
      await doubts?.name(unsure.map(({key}) => key));
      wanted.onSettled?.(known.size);
      return await askOthers(teacher, queries, known, wanted);
    } finally {
      clearInterval(renewal);
      await leases.release(keys);
    }
  };

  /** Asks about the queries that no other process is asking. */
  const askFree = async (queries: readonly Query[], wanted: Wanted) => {
    const taken: TakenOver[] = [];
    const isOwn = await leases.acquire(queries.map(keyOf), lease, some => taken.push(...some));
    const own = queries.filter((_, index) => isOwn[index]);
    const outcomes = own.length > 0 ? await askOwn(own, taken, wanted) : [];
    let next = 0;
    return isOwn.map(isMine => (isMine ? outcomes[next++]! : ELSEWHERE));
  };
  const free = layerOver(teacher, {
    ask: (queries, options) => semaphore.run(() => askFree(queries, options as Wanted), options?.stop),
    maxBatch: claim,
    concurrency: claims,
  });

  const ask = async (queries: readonly Query[], options: LayerOptions = {}) => {
    const wanted = {...options, detail: options.detail ?? withoutFeatures(teacher.detail)};
    const outcomes = new Array<Outcome<A>>(queries.length);
    let open = [...queries.keys()];
    while (true) {
      const elsewhere: number[] = [];
      const take = (some: readonly Outcome<A>[], start: number) => {
        for (const [index, outcome] of some.entries()) {
          const position = open[start + index]!;
          if (outcome === ELSEWHERE) elsewhere.push(position);
          else outcomes[position] = outcome;
        }
      };
      const about = open.map(index => queries[index]!);
      await askEach(free, about, take, wanted);
      if (elsewhere.length === 0) return outcomes;
      open = elsewhere;
      await setTimeout(pollInterval);
      options.stop?.throwIfAborted();
    }
  };
  return layerOver(teacher, {ask});
}

import {satisfies} from '../../knowledge/coarsen.ts';
import {detailFor} from '../../questions.ts';
import type {AnswerStore} from '../../store/store.ts';
import type {Detail, Query} from '../../teacher.ts';
import type {Leaf} from '../compose/parts.ts';
import {findKept, type Lookup} from '../keep/kept-answers.ts';
import {keyed} from '../layer.ts';
import {chunkOf} from '../teacher-stack.ts';
import type {KeptUsage, Queries} from './kept.ts';

/** The shared knowledge of everything that is planned together. */
export interface Planned extends Lookup {
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
export async function* missingChunks(
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

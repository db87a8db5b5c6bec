import {KnowledgeError} from '../../errors.ts';
import {detailFor} from '../../questions.ts';
import type {AnswerStore, StoredAnswer} from '../../store/store.ts';
import {identityText, locationName} from '../../store/stored-answer.ts';
import type {Detail, Outcome, Query, Teacher, Usage} from '../../teacher.ts';
import {shareOf, sumOf} from '../budget/tokens.ts';
import {type Leaf, layeredBy} from '../compose/parts.ts';
import {findKept, type Lookup, shown} from '../keep/kept-answers.ts';
import {keyed, layerOver} from '../layer.ts';
import {isUsage} from '../ledger.ts';
import {chunkOf} from '../teacher-stack.ts';
import type {KnownReply} from './learned-usage.ts';

/** How many inputs are read at once. */
const CHUNK = 256;

/** The queries to a teacher, made as they are needed. */
export interface Queries {
  readonly count: number;
  at(index: number): Query;
}

/** The share of a composed teacher's answers that costs nothing. */
export interface MadeOfKept {
  /** 1 for each input that it answers from kept answers of its parts, without asking anybody. */
  readonly made: Uint8Array;
  /** By leaf, the mean number of its answers for one such input; empty if there is none. */
  readonly meanAsked: ReadonlyMap<Teacher, number>;
}

/** Finds the inputs that are answered from kept answers, by making the answers. */
export async function madeOfKept(teacher: Teacher, all: Queries, detail: Detail, lookup: Lookup): Promise<MadeOfKept> {
  const asked = new Map<Teacher, number>();
  const recalling = recalled(teacher, lookup, (leaf, count) => asked.set(leaf, (asked.get(leaf) ?? 0) + count));
  const taken = new Map<Teacher, number>();
  const made = new Uint8Array(all.count);
  for (let start = 0; start < all.count; start += CHUNK) {
    const length = Math.min(CHUNK, all.count - start);
    const queries = Array.from({length}, (_, index) => all.at(start + index));
    const outcomes = await recalling.ask(queries, {detail}).catch((error: unknown) => {
      // The answers that all queries need aren't kept.
      if (error instanceof KnowledgeError) return undefined;
      throw error;
    });
    if (outcomes === undefined) break;
    for (const [index, outcome] of outcomes.entries()) made[start + index] = 'answer' in outcome ? 1 : 0;
    asked.clear();
    // Asks those alone once more, to count the answers that they take.
    await recalling.ask(
      queries.filter((_, index) => made[start + index] === 1),
      {detail},
    );
    for (const [leaf, count] of asked) taken.set(leaf, (taken.get(leaf) ?? 0) + count);
  }
  const count = made.reduce((sum, isMade) => sum + isMade, 0);
  return {made, meanAsked: new Map(Array.from(taken, ([leaf, answers]) => [leaf, answers / count]))};
}

/**
 * The teacher with kept answers instead of its parts' own, and an error if there is none.
 *
 * @param onAsked - receives how many queries a leaf was asked
 */
function recalled(teacher: Teacher, lookup: Lookup, onAsked: (leaf: Teacher, count: number) => void): Teacher {
  return layeredBy(leaf => {
    const recall = async (queries: readonly Query[], wanted: Detail): Promise<Outcome<typeof leaf.access>[]> => {
      onAsked(leaf as Teacher, queries.length);
      const {found} = await findKept(queries, leaf, wanted, lookup);
      return queries.map(query => {
        const stored = found.get(keyed(leaf, query).key);
        const answer = stored && shown(stored, leaf, detailFor(leaf, query, wanted));
        return answer ? {answer} : {error: new KnowledgeError('No answer is kept.')};
      });
    };
    const ask: typeof leaf.ask = (queries, options = {}) => recall(queries, options.detail ?? leaf.detail);
    return layerOver(leaf, {ask, maxBatch: chunkOf(leaf)});
  }, teacher);
}

/** True if the queries of a leaf depend on answers. */
export function isOpenEnded({samples, least, further}: Leaf): boolean {
  return least < samples || further > 0;
}

/** How many queries beyond the sure ones a leaf gets about an input, going by the inputs with kept answers. */
export function furtherLike(leaf: Leaf, leaves: readonly Leaf[], kept: MadeOfKept | undefined): number {
  const {teacher, least, beforehand} = leaf;
  const mean = kept?.meanAsked.get(teacher);
  const others = leaves.filter(other => other.teacher === teacher && other.beforehand === undefined);
  // If a teacher is several leaves, nobody knows which of its answers were for which leaf.
  return mean === undefined || beforehand || others.length > 1 ? Number.POSITIVE_INFINITY : mean - least;
}

/** How many records are read: enough for a mean. */
const SAMPLE = 10_000;

/** A kept reply, with the planned queries that it answers and the time at which its first answer was kept. */
interface CountedReply extends KnownReply {
  readonly queries: Query[];
  readonly storedAt: string;
}

/** The mean usage of the requests behind kept answers. */
export class KeptUsage {
  readonly #replies = new Map<string, CountedReply>();

  /** The number of replies that are counted. */
  get replies(): number {
    return this.#replies.size;
  }

  /** Per request; undefined if no kept answer reports it. */
  get mean(): Usage | undefined {
    const usages = this.#steady.map(({usage}) => usage);
    return usages.length === 0 ? undefined : shareOf(usages.reduce(sumOf), usages.length);
  }

  /** The replies to queries that are known. */
  get known(): readonly KnownReply[] {
    return this.#steady.filter(({queries}) => queries.length > 0);
  }

  /** All replies but the first, if that one filled the service's prompt cache for the others. */
  get #steady(): readonly CountedReply[] {
    const all = [...this.#replies.values()];
    if (!all.some(({usage}) => usage.cacheReadTokens)) return all;
    const first = all.reduce((one, other) => (other.storedAt < one.storedAt ? other : one));
    return first.usage.cacheReadTokens ? all : all.filter(reply => reply !== first);
  }

  /**
   * Takes an answer into account. Answers of one reply report the same usage, and count once.
   *
   * @param query - that it answers, if it is one of those that are planned
   */
  add({receipt, reply, question, storedAt}: StoredAnswer, query?: Query): void {
    if (!isUsage(receipt?.usage)) return;
    const id = reply ? locationName(reply) : question.bytes;
    const queries = query ? [query] : [];
    const before = this.#replies.get(id);
    before?.queries.push(...queries);
    if (before || this.replies === SAMPLE) return;
    this.#replies.set(id, {usage: receipt.usage, queries, storedAt});
  }

  /**
   * Counts answers of the teacher among the first records of the store, unless a reply is counted already. The records
   * are sorted by key, and keys are hashes. The first records are therefore a random sample.
   */
  async sample(store: AnswerStore, identity: Teacher['identity']): Promise<void> {
    if (this.replies > 0) return;
    const own = identityText(identity);
    let seen = 0;
    for await (const {stored} of store.entries()) {
      if (identityText(stored.teacher.identity) === own) this.add(stored);
      if (++seen === SAMPLE) return;
    }
  }
}

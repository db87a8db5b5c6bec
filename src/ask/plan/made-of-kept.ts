import {KnowledgeError} from '../../errors.ts';
import type {Detail, Outcome, Query, Teacher} from '../../teacher.ts';
import {type Leaf, layeredBy} from '../compose/parts.ts';
import {findKept, type Lookup, shown} from '../keep/kept-answers.ts';
import {keyed} from '../keyed.ts';
import {layerOver} from '../layer.ts';
import {chunkOf} from '../teacher-stack.ts';

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
        const answer = stored && shown(stored, leaf, wanted);
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

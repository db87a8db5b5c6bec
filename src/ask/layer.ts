import {digestKey, digestQuery, type QueryDigest} from '../store/stored-answer.ts';
import type {Access, Answer, AnswerOf, AskOptions, Outcome, Query, Teacher} from '../teacher.ts';

/** Options that layers pass to each other, in addition to those that a teacher receives. */
export interface LayerOptions extends AskOptions {
  /** Aborts when nothing more may be sent. Requests under way finish, so that their answers are kept. */
  readonly stop?: AbortSignal | undefined;
  /** Called with the number of further queries that have an outcome, by the layers that find or keep answers. */
  readonly onSettled?: ((count: number) => void) | undefined;
  /**
   * True if all of these queries were asked before and got no answer. They go ahead of queries that were never asked.
   */
  readonly isAgain?: boolean | undefined;
}

/** A teacher with layers around it. Every teacher is one, but only layers use the options. */
export interface LayeredTeacher<A extends Access = Access> extends Teacher<A> {
  ask(queries: readonly Query[], options?: LayerOptions): Promise<readonly Outcome<A>[]>;
}

/** A teacher with some of its fields replaced. Every layer returns one. */
export function layerOver<A extends Access>(
  teacher: Teacher<A>,
  changes: Pick<LayeredTeacher<A>, 'ask'> & Partial<Omit<Teacher<A>, 'ask'>>,
): LayeredTeacher<A> {
  const {name, identity, access, classes, questions, detail, details, maxBatch, concurrency = 1, service} = teacher;
  return {name, identity, access, classes, questions, detail, details, maxBatch, concurrency, service, ...changes};
}

/**
 * Answers some queries of a call from elsewhere and asks the teacher the others.
 *
 * @param known - outcomes by index in the call
 */
export async function askOthers<A extends Access>(
  teacher: LayeredTeacher<A>,
  queries: readonly Query[],
  known: ReadonlyMap<number, Outcome<A>>,
  options: LayerOptions,
): Promise<readonly Outcome<A>[]> {
  if (known.size === 0) return teacher.ask(queries, options);
  const others = [...queries.keys()].filter(index => !known.has(index));
  const outcomes = new Array<Outcome<A>>(queries.length);
  for (const [position, outcome] of known) outcomes[position] = outcome;
  if (others.length === 0) return outcomes;
  const asked = await teacher.ask(
    others.map(index => queries[index]!),
    options,
  );
  for (const [index, position] of others.entries()) outcomes[position] = asked[index]!;
  return outcomes;
}

const KINDS: Readonly<Record<Access, readonly Answer['kind'][]>> = {
  'black-box': ['label', 'votes'],
  'gray-box': ['expected', 'top-k', 'log-probabilities', 'logits', 'vector'],
  'white-box': ['logits'],
};

/** True if a level of access may show answers of this kind. */
export function showsKind(access: Access, kind: Answer['kind']): boolean {
  return KINDS[access].includes(kind);
}

/** True if a level of access may show this answer. */
export function isAnswerOf<A extends Access>(access: A, answer: Answer): answer is AnswerOf<A> {
  return showsKind(access, answer.kind);
}

/** A query with all that its record needs. */
export interface Keyed {
  readonly key: string;
  readonly digest: QueryDigest;
}

interface Remembered extends Keyed {
  readonly identity: Teacher['identity'];
}

const remembered = new WeakMap<Query, Remembered>();

/** The key of a query to a teacher. It is computed once, however many layers need it. */
export function keyed({identity, questions}: Pick<Teacher, 'identity' | 'questions'>, query: Query): Keyed {
  const known = remembered.get(query);
  if (known?.identity === identity) return known;
  const digest = known?.digest ?? digestQuery(query, questions);
  const fresh = {identity, key: digestKey(identity, digest), digest};
  remembered.set(query, fresh);
  return fresh;
}

import type {Question} from '../../question.ts';
import type {Journal, ReplyLocation} from '../../store/journal/journal.ts';
import type {Access, Detail, Outcome, Query, Reply, Service} from '../../teacher.ts';

/**
 * Reads raw replies again: a journal, or a reader of a journal that is not written. Without `find`, by location only.
 */
export type Replies = Pick<Journal, 'read'> & Partial<Pick<Journal, 'find'>>;

export interface ReplyToRead<A extends Access> {
  readonly replies: Replies;
  readonly service: Service<A>;
  readonly location: ReplyLocation;
  /** The least that each answer must hold. */
  readonly detail: Detail;
  /**
   * The queries whose answers are needed, by key.
   *
   * @default all, which is enough for a teacher without questions
   */
  readonly queries?: ReadonlyMap<string, Query> | undefined;
}

/** A kept reply and its answers by key; no answers if it can't be read. */
export interface ReadReply<A extends Access> {
  readonly reply: Reply;
  readonly outcomes: ReadonlyMap<string, Outcome<A>>;
}

/** Reads a kept reply again; undefined if it is not at its location. */
export async function readReply<A extends Access>({
  replies,
  service,
  location,
  detail,
  queries,
}: ReplyToRead<A>): Promise<ReadReply<A> | undefined> {
  const kept = await replies.read(location);
  if (kept === undefined) return undefined;
  const {keys, reply} = kept;
  const questions = keys.map(key => queries?.get(key)?.question);
  return {
    reply,
    outcomes: new Map(outcomesOf(service, reply, questions, detail).map((outcome, row) => [keys[row]!, outcome])),
  };
}

function outcomesOf<A extends Access>(
  service: Service<A>,
  reply: Reply,
  questions: readonly (Question | undefined)[],
  detail: Detail,
): readonly Outcome<A>[] {
  try {
    return service.read(reply, questions.length, detail, questions);
  } catch {
    // Queries without a readable answer are asked again, like every other query.
    return [];
  }
}

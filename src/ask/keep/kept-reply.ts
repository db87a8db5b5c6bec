import type {Journal, ReplyLocation} from '../../store/journal/journal.ts';
import type {Access, Detail, Outcome, Reply, Service} from '../../teacher.ts';

/** Where raw replies are read from again: a journal, or a reader of one that is not written. Without `find`, by place. */
export type Replies = Pick<Journal, 'read'> & Partial<Pick<Journal, 'find'>>;

export interface ReplyToRead<A extends Access> {
  readonly replies: Replies;
  readonly service: Service<A>;
  readonly location: ReplyLocation;
  /** The least that each answer must hold. */
  readonly detail: Detail;
}

/** A kept reply and what it says to each of its queries, by key; to none where it can't be read. */
export interface ReadReply<A extends Access> {
  readonly reply: Reply;
  readonly outcomes: ReadonlyMap<string, Outcome<A>>;
}

/** Reads a kept reply again; undefined where it is not in its place. */
export async function readReply<A extends Access>({
  replies,
  service,
  location,
  detail,
}: ReplyToRead<A>): Promise<ReadReply<A> | undefined> {
  const kept = await replies.read(location);
  if (kept === undefined) return undefined;
  const {keys, reply} = kept;
  return {
    reply,
    outcomes: new Map(
      outcomesOf(service, kept.reply, keys.length, detail).map((outcome, row) => [keys[row]!, outcome]),
    ),
  };
}

function outcomesOf<A extends Access>(
  service: Service<A>,
  reply: Reply,
  count: number,
  detail: Detail,
): readonly Outcome<A>[] {
  try {
    return service.read(reply, count, detail);
  } catch {
    // What can't be read is asked about once more, like every other query.
    return [];
  }
}

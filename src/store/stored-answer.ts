import type {Answer, Detail, Json, Receipt, Teacher} from '../teacher.ts';
import type {ReplyLocation} from './journal/reply.ts';
import type {QueryDigest} from './key.ts';

/** One kept answer with what is needed to list it, explain it and work out its key again. */
export interface StoredAnswer {
  readonly format: 1;
  readonly teacher: Pick<Teacher, 'name' | 'identity'>;
  readonly question: QueryDigest;
  /** What the answer can serve. A top-k answer may name fewer classes than the k it was asked for. */
  readonly detail: Detail;
  readonly answer: Answer;
  /** ISO 8601. */
  readonly storedAt: string;
  /** What its reply said of its cost and its author. */
  readonly receipt?: Receipt;
  /** Where the journal keeps the reply that it was read from. */
  readonly reply?: ReplyLocation;
  /** What read it, see `Service.reader`; undefined of a teacher in this process. */
  readonly reader?: Json;
}
